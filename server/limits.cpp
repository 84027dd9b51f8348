#include "server/limits.hpp"

#include <fmt/format.h>

#include "mainstay/machines/key_value/command.hpp"

namespace mainstay::server {

namespace {

/// Framing and name of a command, beside its arguments' bytes.
constexpr std::size_t command_allowance = 1024;

std::unexpected<error> refuse(std::string_view field, std::size_t value, std::string_view rule) {
  return fail(error_code::invalid_argument, fmt::format("{} ({}) must be {}", field, value, rule));
}

}  // namespace

result<void> check(const server_limits& l) {
  constexpr std::size_t most = std::size_t{1} << 30;
  if (l.key_bytes < 1 || l.key_bytes > keyspace::max_key_bytes) {
    return refuse("--max-key-bytes", l.key_bytes, "from 1 to 65536");
  }
  if (l.value_bytes < 1 || l.value_bytes > keyspace::max_value_bytes) {
    return refuse("--max-value-bytes", l.value_bytes, "from 1 to 67108864");
  }
  const std::size_t least_command = l.key_bytes + l.value_bytes + command_allowance;
  if (l.command_bytes < least_command || l.command_bytes > most) {
    return refuse("--max-command-bytes", l.command_bytes,
                  "at least --max-key-bytes + --max-value-bytes + 1024 and at most 1073741824");
  }
  if (l.arguments < 8 || l.arguments > (std::size_t{1} << 20)) {
    return refuse("--max-arguments", l.arguments, "from 8 to 1048576");
  }
  if (l.pipeline_bytes < 1024 || l.pipeline_bytes > most) {
    return refuse("--max-pipeline-bytes", l.pipeline_bytes, "from 1024 to 1073741824");
  }
  if (l.output_bytes < 2 * keyspace::max_answer_bytes) {
    return refuse("--max-output-bytes", l.output_bytes, "at least 134217728");
  }
  if (l.connections < 1 || l.connections > 1'000'000) {
    return refuse("--max-connections", l.connections, "from 1 to 1000000");
  }
  const auto milliseconds = [](duration d) {
    return static_cast<std::size_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
  };
  if (l.idle_time < duration{} ||
      (l.idle_time > duration{} && l.idle_time < std::chrono::seconds(1))) {
    return refuse("--idle-timeout", milliseconds(l.idle_time), "0 (never) or at least 1000 ms");
  }
  if (l.request_timeout < std::chrono::milliseconds(10) ||
      l.request_timeout > std::chrono::hours(1)) {
    return refuse("--request-timeout", milliseconds(l.request_timeout), "from 10 to 3600000 ms");
  }
  if (l.sessions.time_to_live < std::chrono::seconds(1) ||
      l.sessions.time_to_live > std::chrono::hours(24 * 365)) {
    return refuse("--session-time", milliseconds(l.sessions.time_to_live),
                  "from 1000 to 31536000000 ms");
  }
  if (l.sessions.window < 1 || l.sessions.window > max_session_window) {
    return refuse("--session-window", l.sessions.window, "from 1 to 65536");
  }
  if (l.sessions.sessions < 1 || l.sessions.sessions > 1'000'000) {
    return refuse("--max-sessions", l.sessions.sessions, "from 1 to 1000000");
  }
  return {};
}

resp::request_limits parser_limits(const server_limits& limits) {
  resp::request_limits parser;
  parser.arguments = limits.arguments;
  parser.argument_bytes = limits.command_bytes;
  parser.request_bytes = limits.command_bytes;
  return parser;
}

}  // namespace mainstay::server
