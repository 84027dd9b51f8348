/// Clocks that run wrong, and that still keep what a monotonic clock promises.
#include "mainstay/simulation/simulated_clock.hpp"

#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"

namespace mainstay::simulation {
namespace {

using namespace std::chrono_literals;

constexpr instant start{1h};

TEST(SimulatedClock, StandsApartFromTrueTimeByItsOffset) {
  const simulated_clock clock(start, 5s, log_time{1'000'000});

  EXPECT_EQ(clock.monotonic(start + 2s), start + 7s);
  EXPECT_EQ(clock.wall(start + 2s), log_time{3'000'000});
}

TEST(SimulatedClock, DriftGainsFromNowOn) {
  simulated_clock clock(start, 0s, log_time{});

  clock.set_drift(start + 10s, 100'000);

  EXPECT_EQ(clock.monotonic(start + 10s), start + 10s);
  EXPECT_EQ(clock.monotonic(start + 20s), start + 21s);
}

TEST(SimulatedClock, TheWallClockLeapsBackAndTheMonotonicOneDoesNot) {
  simulated_clock clock(start, 0s, log_time{60'000'000});

  clock.leap_wall(-30s);

  EXPECT_EQ(clock.wall(start), log_time{30'000'000});
  EXPECT_EQ(clock.monotonic(start), start);
}

TEST(SimulatedClock, NeverGoesBackWhateverIsDoneToIt) {
  simulated_clock clock(start, 0s, log_time{});
  random_generator random(3);
  instant now = start;
  instant shown = clock.monotonic(now);

  for (int i = 0; i < 2000; ++i) {
    now += duration(static_cast<std::int64_t>(random.below(1'000'000'000)));
    if (random.below(3) == 0) {
      clock.set_drift(now, static_cast<std::int64_t>(random.below(1'900'001)) - 900'000);
    }
    if (random.below(9) == 0)
      clock.leap(now, duration(static_cast<std::int64_t>(random.below(5'000))));
    ASSERT_GE(clock.monotonic(now), shown);
    shown = clock.monotonic(now);
  }
}

TEST(SimulatedClock, WhenIsTheFirstMomentThatShowsIt) {
  random_generator random(4);
  for (int i = 0; i < 2000; ++i) {
    simulated_clock clock(start, 0s, log_time{});
    clock.set_drift(start, static_cast<std::int64_t>(random.below(1'900'001)) - 900'000);
    const instant wanted =
        start + duration(static_cast<std::int64_t>(random.below(10'000'000'000)));

    const instant found = clock.when(wanted);

    ASSERT_GE(clock.monotonic(found), wanted);
    ASSERT_TRUE(found == start || clock.monotonic(found - 1ns) < wanted);
  }
}

}  // namespace
}  // namespace mainstay::simulation
