#include "mainstay/node/forwarding.hpp"

namespace mainstay::detail {

namespace {

bool surely_not_delivered(error_code code) {
  switch (code) {
    case error_code::unreachable:
    case error_code::overloaded:
    case error_code::invalid_argument:
      return true;
    default:
      return false;
  }
}

}  // namespace

error forwarding_failure(const error& why) {
  const bool refused = surely_not_delivered(why.code);
  const bool says_so = outcome_of(why.code) == outcome::refused;
  const error_code code = refused == says_so ? why.code : error_code::disconnected;
  return {code, "forwarding to the leader failed: " + why.message, {}};
}

}  // namespace mainstay::detail
