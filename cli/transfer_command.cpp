#include "cli/transfer_command.hpp"

#include <ostream>

#include <fmt/format.h>

#include "cli/admin_call.hpp"

namespace mainstay::cli {

exit_code run_transfer(const common_options& common, const transfer_options& options,
                       const output& to) {
  auto body = nlohmann::ordered_json::object();
  if (options.to != 0) body["to"] = options.to;
  const auto done =
      admin_call(common, {.method = "POST", .path = "/v1/transfer", .body = body.dump()});
  if (!done) return print_failed_action(to, done.error());
  if (to.json) {
    print_json(to, *done);
  } else {
    to.out << fmt::format("node {} leads now\n", done->value("leader", std::uint64_t{0}));
  }
  return exit_code::done;
}

}  // namespace mainstay::cli
