#include "mainstay/base/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace mainstay {

namespace {

struct named_code {
  error_code code;
  std::string_view name;
};

/// In the order of the codes.
constexpr std::array all_codes{
    named_code{error_code::not_leader, "not_leader"},
    named_code{error_code::overloaded, "overloaded"},
    named_code{error_code::shutting_down, "shutting_down"},
    named_code{error_code::invalid_argument, "invalid_argument"},
    named_code{error_code::no_space, "no_space"},
    named_code{error_code::overwritten, "overwritten"},
    named_code{error_code::timed_out, "timed_out"},
    named_code{error_code::leadership_lost, "leadership_lost"},
    named_code{error_code::disconnected, "disconnected"},
    named_code{error_code::unreachable, "unreachable"},
    named_code{error_code::malformed, "malformed"},
    named_code{error_code::corrupt, "corrupt"},
    named_code{error_code::io_failed, "io_failed"},
    named_code{error_code::wrong_identity, "wrong_identity"},
    named_code{error_code::apply_failed, "apply_failed"},
    named_code{error_code::unsupported, "unsupported"},
    named_code{error_code::session_expired, "session_expired"},
    named_code{error_code::stale_serial, "stale_serial"},
};

constexpr bool is_complete() {
  for (std::size_t i = 0; i < all_codes.size(); ++i) {
    if (static_cast<std::size_t>(all_codes[i].code) != i) return false;
  }
  return all_codes.back().code == last_error_code;
}
static_assert(is_complete());

}  // namespace

std::string_view name_of(error_code code) {
  const auto place = static_cast<std::size_t>(code);
  return place < all_codes.size() ? all_codes[place].name : "unnamed";
}

std::optional<error_code> error_code_named(std::string_view name) {
  const auto found = std::ranges::find(all_codes, name, &named_code::name);
  return found == all_codes.end() ? std::nullopt : std::optional(found->code);
}

outcome outcome_of(error_code code) {
  switch (code) {
    case error_code::not_leader:
    case error_code::overloaded:
    case error_code::shutting_down:
    case error_code::invalid_argument:
    case error_code::no_space:
    case error_code::overwritten:
    case error_code::unreachable:
    case error_code::unsupported:
    case error_code::session_expired:
    case error_code::stale_serial:
      return outcome::refused;
    default:
      return outcome::unknown;
  }
}

}  // namespace mainstay
