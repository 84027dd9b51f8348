#include "mainstay/node/session_request.hpp"

#include <string>
#include <utility>
#include <vector>

#include "mainstay/node/little_endian.hpp"

namespace mainstay {

namespace {

constexpr std::size_t open_bytes = 1 + 8 + 3 * 4;
constexpr std::size_t close_bytes = 1 + 8;

std::unexpected<error> malformed(const std::string& what) {
  return fail(error_code::malformed, "a session request " + what);
}

}  // namespace

shared_bytes encode(const session_request& r) {
  std::vector<std::byte> bytes;
  bytes.reserve(session_header_bytes + r.command.size());
  detail::little_endian_writer out{bytes};
  out.put(static_cast<std::uint8_t>(r.operation));
  switch (r.operation) {
    case session_operation::open:
      out.put(std::int64_t{r.limits.time_to_live.count()});
      out.put(r.limits.window);
      out.put(r.limits.answer_bytes);
      out.put(r.limits.sessions);
      break;
    case session_operation::use:
      out.put(r.session);
      out.put(r.serial);
      out.put(r.lowest_waiting);
      out.put(r.command.span());
      break;
    case session_operation::close:
      out.put(r.session);
      break;
  }
  return shared_bytes::copy_of(bytes);
}

result<session_request> decode_session_request(const shared_bytes& payload) {
  detail::little_endian_reader in{payload.span()};
  session_request r;
  const auto operation = in.take<std::uint8_t>();
  switch (operation) {
    case static_cast<std::uint8_t>(session_operation::open):
      if (payload.size() != open_bytes) return malformed("to open has another size");
      r.limits.time_to_live = duration(in.take<std::int64_t>());
      r.limits.window = in.take<std::uint32_t>();
      r.limits.answer_bytes = in.take<std::uint32_t>();
      r.limits.sessions = in.take<std::uint32_t>();
      if (auto sound = check(r.limits); !sound) return malformed(sound.error().message);
      break;
    case static_cast<std::uint8_t>(session_operation::use):
      if (payload.size() < session_header_bytes) return malformed("is cut short");
      r.session = in.take<std::uint64_t>();
      r.serial = in.take<std::uint64_t>();
      r.lowest_waiting = in.take<std::uint64_t>();
      r.command = payload.slice(session_header_bytes, payload.size() - session_header_bytes);
      break;
    case static_cast<std::uint8_t>(session_operation::close):
      if (payload.size() != close_bytes) return malformed("to close has another size");
      r.session = in.take<std::uint64_t>();
      break;
    default:
      return malformed("has the unknown operation " + std::to_string(operation));
  }
  r.operation = static_cast<session_operation>(operation);
  return r;
}

std::vector<shared_bytes> encode_uses(session_request first, std::vector<shared_bytes> commands) {
  for (auto& command : commands) {
    first.command = std::move(command);
    command = encode(first);
    ++first.serial;
  }
  return commands;
}

shared_bytes encode_session_id(session_id id) {
  return shared_bytes::copy_of(std::as_bytes(std::span(&id, 1)));
}

result<session_id> opened_session(const shared_bytes& answer) {
  if (answer.size() != sizeof(session_id)) {
    return fail(error_code::malformed, "the answer to an opening has another size");
  }
  return detail::little_endian_reader{answer.span()}.take<session_id>();
}

result<void> check(const session_limits& limits) {
  if (limits.time_to_live < std::chrono::seconds(1)) {
    return fail(error_code::invalid_argument, "sessions.time_to_live must be at least a second");
  }
  if (limits.window == 0 || limits.window > max_session_window) {
    return fail(error_code::invalid_argument,
                "sessions.window must be from 1 to " + std::to_string(max_session_window));
  }
  if (limits.sessions == 0) {
    return fail(error_code::invalid_argument, "sessions.sessions must not be 0");
  }
  return {};
}

}  // namespace mainstay
