/// The two clocks of one simulated machine. They run beside true time: too fast, too slow, off by
/// any span; the wall clock may leap to and fro, the monotonic clock never goes back.
#pragma once

#include <cstdint>

#include "mainstay/base/time.hpp"

namespace mainstay::simulation {

/// A pure function from true time to what the machine believes. Times given must not decrease.
class simulated_clock {
 public:
  /// `offset` is how far the monotonic clock stands from true time, `wall` where the wall clock
  /// stands at `now`.
  simulated_clock(instant now, duration offset, log_time wall);

  /// What the monotonic clock shows at `now`.
  instant monotonic(instant now) const;
  /// What the wall clock shows at `now`.
  log_time wall(instant now) const;
  /// The first moment at which the monotonic clock shows `local` or later, if its rate stays.
  instant when(instant local) const;

  /// From `now` on, both clocks gain so many microseconds a second, or lose them. Between -900'000
  /// and 1'000'000.
  void set_drift(instant now, std::int64_t parts_per_million);
  std::int64_t drift() const { return drift_; }
  /// The monotonic clock leaps forward, as after a suspension that it counts. Not negative.
  void leap(instant now, duration forward);
  /// The wall clock leaps, forward or back.
  void leap_wall(duration by) { wall_offset_ += by; }

 private:
  duration elapsed(instant now) const;

  instant true_base_;
  instant local_base_;
  std::int64_t drift_ = 0;
  duration wall_offset_;  // of the wall clock from the monotonic one, as a span since the epoch
};

}  // namespace mainstay::simulation
