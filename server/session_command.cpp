#include "server/session_command.hpp"

#include <optional>

#include "server/command_table.hpp"
#include "server/resp/whole_number.hpp"

namespace mainstay::server {

namespace {

constexpr const char* syntax =
    "ERR syntax: MAINSTAY SESSION OPEN | USE id | EXEC serial[/lowest] command… | CLOSE";

std::optional<std::uint64_t> number_in(std::string_view text) {
  const auto number = resp::whole_number<std::uint64_t>(text);
  return number && *number != 0 ? number : std::nullopt;
}

}  // namespace

bool is_session_command(argument_list arguments) {
  return arguments.size() >= 2 && equals_ignoring_case(arguments[1], "SESSION");
}

std::expected<session_command, std::string> parse_session_command(argument_list arguments) {
  using kind = session_command::kind;
  session_command command;
  const auto is = [&](std::string_view word) {
    return !arguments.empty() && equals_ignoring_case(arguments.front(), word);
  };
  if (is("OPEN") && arguments.size() == 1) return command;
  if (is("CLOSE") && arguments.size() == 1) {
    command.what = kind::close;
    return command;
  }
  if (is("USE") && arguments.size() == 2) {
    const auto id = number_in(arguments[1]);
    if (!id) return std::unexpected("ERR a session is a number above 0");
    command.what = kind::use;
    command.session = *id;
    return command;
  }
  if (!is("EXEC") || arguments.size() < 3) return std::unexpected(syntax);
  const auto slash = arguments[1].find('/');
  const auto serial = number_in(arguments[1].substr(0, slash));
  const bool has_lowest = slash != std::string_view::npos;
  const auto lowest = has_lowest ? number_in(arguments[1].substr(slash + 1)) : 1;
  if (!serial || !lowest) return std::unexpected("ERR a serial is a number above 0");
  command.what = kind::execute;
  command.serial = *serial;
  command.lowest_waiting = *lowest;
  command.arguments = arguments.subspan(2);
  return command;
}

}  // namespace mainstay::server
