/// Schedules as JSON (docs/formats/schedule.md), so that one that was found and made small can be
/// run again.
#pragma once

#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/simulation/schedule.hpp"

namespace mainstay::sim {

/// A schedule as JSON, for people and for `read_schedule`.
std::string write_schedule(const simulation::schedule& what);

/// Reads what `write_schedule` wrote. Errors: `malformed`, with what is wrong.
result<simulation::schedule> read_schedule(std::string_view text);

}  // namespace mainstay::sim
