/// The simulated runtime against the contract of its seam, and what only a simulated one does.
#include "mainstay/simulation/simulated_runtime.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/runtime.hpp"

namespace mainstay::conformance {
namespace {

class simulated_runtime_world {
 public:
  simulation::simulated_runtime& runtime() { return runtime_; }
  void run() {
    while (!finished_ && events_.run_one()) {
    }
    runtime_.end();
  }
  void finish() { finished_ = true; }

 private:
  simulation::event_queue events_;
  simulation::process process_{events_};
  simulation::simulated_clock clock_{events_.now(), std::chrono::minutes(3), log_time{7}};
  simulation::simulated_runtime runtime_{events_, process_, clock_, 1};
  bool finished_ = false;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, Runtime, simulated_runtime_world);

}  // namespace
}  // namespace mainstay::conformance

namespace mainstay::simulation {
namespace {

using namespace std::chrono_literals;

class SimulatedRuntime : public testing::Test {
 protected:
  event_queue events_;
  process process_{events_};
  simulated_clock clock_{events_.now(), 3min, log_time{7}};
  simulated_runtime runtime_{events_, process_, clock_, 1};
};

TEST_F(SimulatedRuntime, PausedItRunsNothingAndItsAlarmsComeLate) {
  auto timer = runtime_.make_timer(runtime_.loop());
  std::vector<instant> ran;
  timer.arm(runtime_.now() + 10ms, [&] { ran.push_back(events_.now()); });
  runtime_.loop().post([&] { ran.push_back(events_.now()); });
  const instant start = events_.now();

  process_.pause();
  events_.run_until(start + 1s);
  const auto ran_while_paused = ran.size();
  process_.resume();
  events_.run_until(start + 2s);

  EXPECT_EQ(ran_while_paused, 0U);
  EXPECT_EQ(ran, (std::vector<instant>{start + 1s, start + 1s}));
}

TEST_F(SimulatedRuntime, ASlowClockMakesAlarmsComeLater) {
  auto timer = runtime_.make_timer(runtime_.loop());
  std::optional<instant> fired;
  clock_.set_drift(events_.now(), -500'000);
  const instant start = events_.now();

  timer.arm(runtime_.now() + 1s, [&] { fired = events_.now(); });
  events_.run_until(start + 3s);

  ASSERT_TRUE(fired.has_value());
  EXPECT_GE(*fired, start + 2s);
  EXPECT_LT(*fired, start + 2s + 10ms);
}

TEST_F(SimulatedRuntime, AClockThatLeapsTakesItsAlarmsAlong) {
  auto timer = runtime_.make_timer(runtime_.loop());
  std::optional<instant> fired;
  timer.arm(runtime_.now() + 1h, [&] { fired = events_.now(); });
  const instant start = events_.now();

  clock_.leap(events_.now(), 2h);
  runtime_.clock_changed();
  events_.run_until(start + 10ms);

  EXPECT_TRUE(fired.has_value());
}

TEST_F(SimulatedRuntime, TasksOfTwoExecutorsInterleave) {
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) {
    runtime_.loop().post([&] { order.push_back(1); });
    runtime_.apply().post([&] { order.push_back(2); });
  }
  events_.run_until(events_.now() + 1s);

  int changes = 0;
  for (std::size_t i = 1; i < order.size(); ++i) changes += order[i] != order[i - 1] ? 1 : 0;
  ASSERT_EQ(order.size(), 100U);
  EXPECT_GT(changes, 5);
  EXPECT_LT(changes, 95);
}

// A disk that saves a snapshot takes its time; nobody hears of it before.
TEST_F(SimulatedRuntime, WhatBlocksInTheBackgroundTellsItsEndWhenItIsOver) {
  const instant start = events_.now();
  std::vector<duration> told;
  runtime_.background().post([&] {
    runtime_.loop().post([&] { told.push_back(events_.now() - start); });
    runtime_.block_background(start + 1s);
  });
  runtime_.background().post([&] { told.push_back(events_.now() - start); });

  events_.run_until(start + 990ms);
  const auto too_early = told.size();
  events_.run_until(start + 1010ms);

  EXPECT_EQ(too_early, 0U);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_GE(std::min(told[0], told[1]), 1s);
}

TEST_F(SimulatedRuntime, TheLoopGoesOnWhileTheBackgroundBlocks) {
  const instant start = events_.now();
  bool ran = false;
  runtime_.background().post([&] { runtime_.block_background(start + 1s); });
  events_.run_until(start + 10ms);

  runtime_.loop().post([&] { ran = true; });
  events_.run_until(start + 20ms);

  EXPECT_TRUE(ran);
}

TEST_F(SimulatedRuntime, AfterItsEndWhatIsPostedIsDestroyed) {
  runtime_.end();
  auto witness = std::make_shared<int>(0);

  runtime_.loop().post([witness] {});

  EXPECT_EQ(witness.use_count(), 1);
}

}  // namespace
}  // namespace mainstay::simulation
