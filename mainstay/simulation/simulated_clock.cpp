#include "mainstay/simulation/simulated_clock.hpp"

#include <algorithm>
#include <cmath>

#include "mainstay/base/assert.hpp"

namespace mainstay::simulation {

namespace {

constexpr std::int64_t million = 1'000'000;

}  // namespace

simulated_clock::simulated_clock(instant now, duration offset, log_time wall)
    : true_base_(now),
      local_base_(now + offset),
      wall_offset_(std::chrono::microseconds(wall.microseconds) - local_base_.time_since_epoch()) {}

/// In two parts, so that no product overflows.
duration simulated_clock::elapsed(instant now) const {
  const std::int64_t span = (now - true_base_).count();
  return duration(span + span / million * drift_ + span % million * drift_ / million);
}

instant simulated_clock::monotonic(instant now) const { return local_base_ + elapsed(now); }

log_time simulated_clock::wall(instant now) const {
  const duration since_epoch = monotonic(now).time_since_epoch() + wall_offset_;
  return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
}

instant simulated_clock::when(instant local) const {
  const duration span = std::max(local - local_base_, duration(0));
  if (drift_ == 0) return true_base_ + span;
  const auto rate = static_cast<long double>(million + drift_) / million;
  instant found =
      true_base_ +
      duration(static_cast<std::int64_t>(static_cast<long double>(span.count()) / rate));
  while (monotonic(found) < local) found += duration(1);
  while (found > true_base_ && monotonic(found - duration(1)) >= local) found -= duration(1);
  return found;
}

void simulated_clock::set_drift(instant now, std::int64_t parts_per_million) {
  MAINSTAY_ASSERT(parts_per_million >= -900'000 && parts_per_million <= million);
  local_base_ = monotonic(now);
  true_base_ = now;
  drift_ = parts_per_million;
}

void simulated_clock::leap(instant now, duration forward) {
  MAINSTAY_ASSERT(forward >= duration(0));
  local_base_ = monotonic(now) + forward;
  true_base_ = now;
}

}  // namespace mainstay::simulation
