#include "server/consistency_command.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "server/command_table.hpp"
#include "server/resp/whole_number.hpp"

namespace mainstay::server {

namespace {

constexpr const char* consistency_syntax =
    "ERR syntax: MAINSTAY CONSISTENCY [linearizable|lease|bounded milliseconds|token|stale] | "
    "TOKEN [index] | WAIT index [milliseconds] | SESSION … | LOCK name owner milliseconds [WAIT] | "
    "UNLOCK name owner | HOLDER name";
constexpr const char* wait_syntax = "ERR syntax: MAINSTAY WAIT index [milliseconds]";

constexpr std::array levels{
    std::pair{consistency::linearizable, std::string_view("linearizable")},
    std::pair{consistency::lease, std::string_view("lease")},
    std::pair{consistency::bounded, std::string_view("bounded")},
    std::pair{consistency::token, std::string_view("token")},
    std::pair{consistency::stale, std::string_view("stale")},
};

/// A number that leaves room for arithmetic.
std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t most) {
  const auto number = resp::whole_number<std::uint64_t>(text);
  return number && *number <= most ? number : std::nullopt;
}

std::optional<duration> milliseconds_in(std::string_view text) {
  constexpr std::uint64_t a_day = 24ULL * 3600 * 1000;
  const auto number = number_in(text, a_day);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number));
}

std::expected<log_index, std::string> index_in(std::string_view text) {
  const auto number = number_in(text, std::uint64_t{1} << 62);
  if (!number) return std::unexpected("ERR a token is an index of the log, as TOKEN gives it");
  return log_index(*number);
}

bool is_second(argument_list arguments, std::string_view word) {
  return arguments.size() >= 2 && equals_ignoring_case(arguments[0], "MAINSTAY") &&
         equals_ignoring_case(arguments[1], word);
}

}  // namespace

std::string_view name_of(consistency level) {
  const auto* found = std::ranges::find(levels, level, [](const auto& one) { return one.first; });
  return found->second;
}

std::expected<read_terms, std::string> parse_consistency(argument_list arguments) {
  if (!is_second(arguments, "CONSISTENCY") || arguments.size() < 3 || arguments.size() > 4) {
    return std::unexpected(consistency_syntax);
  }
  const auto* found = std::ranges::find_if(
      levels, [&](const auto& one) { return equals_ignoring_case(arguments[2], one.second); });
  if (found == levels.end()) return std::unexpected(consistency_syntax);
  const bool is_bounded = found->first == consistency::bounded;
  if (is_bounded != (arguments.size() == 4)) return std::unexpected(consistency_syntax);
  read_terms asked{.level = found->first};
  if (!is_bounded) return asked;
  const auto age = milliseconds_in(arguments[3]);
  if (!age) return std::unexpected("ERR a bound is a number of milliseconds, a day at most");
  asked.max_age = *age;
  return asked;
}

bool is_token_command(argument_list arguments) { return is_second(arguments, "TOKEN"); }

std::expected<log_index, std::string> parse_token(argument_list arguments) {
  if (arguments.size() != 3) return std::unexpected("ERR syntax: MAINSTAY TOKEN [index]");
  return index_in(arguments[2]);
}

bool is_wait_command(argument_list arguments) { return is_second(arguments, "WAIT"); }

std::expected<wait_command, std::string> parse_wait_command(argument_list arguments) {
  if (arguments.size() < 3 || arguments.size() > 4) return std::unexpected(wait_syntax);
  const auto index = index_in(arguments[2]);
  if (!index) return std::unexpected(index.error());
  wait_command wait{.index = *index};
  if (arguments.size() == 3) return wait;
  const auto patience = milliseconds_in(arguments[3]);
  if (!patience || *patience == duration{}) return std::unexpected(wait_syntax);
  wait.patience = *patience;
  return wait;
}

}  // namespace mainstay::server
