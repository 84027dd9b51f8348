#include "mainstay/base/error.hpp"

namespace mainstay {

std::string_view name_of(error_code code) {
  switch (code) {
    case error_code::not_leader:
      return "not_leader";
    case error_code::overloaded:
      return "overloaded";
    case error_code::shutting_down:
      return "shutting_down";
    case error_code::invalid_argument:
      return "invalid_argument";
    case error_code::no_space:
      return "no_space";
    case error_code::overwritten:
      return "overwritten";
    case error_code::timed_out:
      return "timed_out";
    case error_code::leadership_lost:
      return "leadership_lost";
    case error_code::disconnected:
      return "disconnected";
    case error_code::unreachable:
      return "unreachable";
    case error_code::malformed:
      return "malformed";
    case error_code::corrupt:
      return "corrupt";
    case error_code::io_failed:
      return "io_failed";
    case error_code::wrong_identity:
      return "wrong_identity";
    case error_code::apply_failed:
      return "apply_failed";
    case error_code::unsupported:
      return "unsupported";
    case error_code::session_expired:
      return "session_expired";
    case error_code::stale_serial:
      return "stale_serial";
  }
  return "unnamed";
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
