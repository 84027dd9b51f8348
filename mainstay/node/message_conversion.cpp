#include "mainstay/node/message_conversion.hpp"

#include <type_traits>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::detail {

namespace {

/// Moves the alternative of `from` into a variant that has it too.
template <class To, class From>
To convert(From from) {
  return std::visit(
      [](auto&& one) -> To {
        if constexpr (std::is_constructible_v<To, decltype(one)>) {
          return To(std::forward<decltype(one)>(one));
        } else {
          assertion_failed("the message belongs to the other kind", __FILE__, __LINE__);
        }
      },
      std::move(from));
}

}  // namespace

rpc_request to_request(core::message m) { return convert<rpc_request>(std::move(m)); }
rpc_response to_response(core::message m) { return convert<rpc_response>(std::move(m)); }
core::message to_message(rpc_request r) { return convert<core::message>(std::move(r)); }
core::message to_message(rpc_response r) { return convert<core::message>(std::move(r)); }

const char* name_of_rpc(const core::message& m) {
  switch (m.index() / 2) {
    case 0:
      return "request_vote";
    case 1:
      return "append_entries";
    case 2:
      return "install_snapshot";
    case 3:
      return "timeout_now";
    default:
      return "read_index";
  }
}

}  // namespace mainstay::detail
