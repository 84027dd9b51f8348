/// Time as the library counts it: nanoseconds on a clock that never goes back. Which clock that is,
/// the runtime decides; the core only ever receives instants.
#pragma once

#include <chrono>
#include <cstdint>

namespace mainstay {

/// A span of time, in nanoseconds.
using duration = std::chrono::nanoseconds;

/// Tag of the runtime's monotonic clock. It has no `now()`: ask the runtime.
struct monotonic_clock {
  using rep = mainstay::duration::rep;
  using period = mainstay::duration::period;
  using duration = mainstay::duration;
  using time_point = std::chrono::time_point<monotonic_clock>;
  static constexpr bool is_steady = true;
};

/// A moment on the runtime's monotonic clock.
using instant = monotonic_clock::time_point;

/// Microseconds since the Unix epoch as the leader stamped them on an entry (R21): the only time
/// that a state machine sees. Never decreases along a log.
struct log_time {
  std::int64_t microseconds = 0;
  friend constexpr auto operator<=>(log_time, log_time) = default;
};

}  // namespace mainstay
