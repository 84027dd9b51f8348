/// What every `runtime` promises (mainstay/seams/runtime.hpp), as a typed suite. A world gives
/// `runtime()`, `run()` (runs the loop on the caller's thread until finished) and `finish()` (ends
/// it, from a task). In namespace mainstay::conformance, write
/// INSTANTIATE_TYPED_TEST_SUITE_P(Name, Runtime, Worlds).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/seams/runtime.hpp"

namespace mainstay::conformance {

template <class World>
class Runtime : public testing::Test {
 protected:
  World world_;
};
TYPED_TEST_SUITE_P(Runtime);

TYPED_TEST_P(Runtime, TasksRunInTheOrderPosted) {
  std::vector<int> seen;
  auto loop = this->world_.runtime().loop();

  for (int i = 0; i < 5000; ++i) loop.post([&seen, i] { seen.push_back(i); });
  loop.post([this] { this->world_.finish(); });
  this->world_.run();

  std::vector<int> expected;
  for (int i = 0; i < 5000; ++i) expected.push_back(i);
  EXPECT_EQ(seen, expected);
}

TYPED_TEST_P(Runtime, PostNeverRunsTheTaskBeforeItReturns) {
  bool returned = false;
  bool seen_returned = false;
  auto loop = this->world_.runtime().loop();

  loop.post([&] {
    loop.post([&] {
      seen_returned = returned;
      this->world_.finish();
    });
    returned = true;
  });
  this->world_.run();

  EXPECT_TRUE(seen_returned);
}

TYPED_TEST_P(Runtime, TasksLeftAtTheEndAreDestroyedWithoutBeingRun) {
  bool ran = false;
  auto witness = std::make_shared<int>(0);
  auto loop = this->world_.runtime().loop();

  loop.post([this, &ran, loop, witness]() mutable {
    loop.post([&ran, witness] { ran = true; });
    this->world_.finish();
  });
  this->world_.run();

  EXPECT_FALSE(ran);
  EXPECT_EQ(witness.use_count(), 1);
}

TYPED_TEST_P(Runtime, AlarmsGoOffInTheOrderOfTheirDeadlinesAndNotBefore) {
  using namespace std::chrono_literals;
  auto& runtime = this->world_.runtime();
  auto late = runtime.make_timer(runtime.loop());
  auto early = runtime.make_timer(runtime.loop());
  std::vector<int> order;
  const auto start = runtime.now();
  instant late_at;

  runtime.loop().post([&] {
    late.arm(start + 8ms, [&] {
      order.push_back(2);
      late_at = runtime.now();
      this->world_.finish();
    });
    early.arm(start + 2ms, [&] { order.push_back(1); });
  });
  this->world_.run();

  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_GE(late_at, start + 8ms);
}

TYPED_TEST_P(Runtime, ArmingAgainReplacesTheAlarm) {
  using namespace std::chrono_literals;
  auto& runtime = this->world_.runtime();
  auto to_later = runtime.make_timer(runtime.loop());
  auto to_earlier = runtime.make_timer(runtime.loop());
  std::multiset<int> fired;  // on a slow machine both deadlines may pass before either is looked at
  const auto start = runtime.now();
  const auto fire = [&](int which) {
    fired.insert(which);
    if (fired.size() == 2) this->world_.finish();
  };

  runtime.loop().post([&] {
    to_later.arm(start + 1ms, [&] { fire(-1); });
    to_later.arm(start + 6ms, [&] { fire(2); });
    to_earlier.arm(start + 10s, [&] { fire(-2); });
    to_earlier.arm(start + 3ms, [&] { fire(1); });
  });
  this->world_.run();

  EXPECT_EQ(fired, (std::multiset<int>{1, 2}));
}

TYPED_TEST_P(Runtime, DisarmedAndDestroyedTimersNeverFire) {
  using namespace std::chrono_literals;
  auto& runtime = this->world_.runtime();
  auto disarmed = runtime.make_timer(runtime.loop());
  auto destroyed = std::optional(runtime.make_timer(runtime.loop()));
  auto end = runtime.make_timer(runtime.loop());
  int fired = 0;
  const auto start = runtime.now();

  runtime.loop().post([&] {
    disarmed.arm(start + 1ms, [&] { ++fired; });
    destroyed->arm(start + 1ms, [&] { ++fired; });
    disarmed.disarm();
    destroyed.reset();
    end.arm(start + 4ms, [&] { this->world_.finish(); });
  });
  this->world_.run();

  EXPECT_EQ(fired, 0);
}

TYPED_TEST_P(Runtime, AnAlarmMayArmItselfAgain) {
  using namespace std::chrono_literals;
  auto& runtime = this->world_.runtime();
  auto timer = runtime.make_timer(runtime.loop());
  int fired = 0;
  std::function<void()> tick = [&] {
    if (++fired == 3) return this->world_.finish();
    timer.arm(runtime.now() + 1ms, [&] { tick(); });
  };

  runtime.loop().post([&] { tick(); });
  this->world_.run();

  EXPECT_EQ(fired, 3);
}

TYPED_TEST_P(Runtime, TheApplyExecutorRunsTasksInOrder) {
  auto& runtime = this->world_.runtime();
  std::vector<int> seen;

  for (int i = 0; i < 3; ++i) runtime.apply().post([&seen, i] { seen.push_back(i); });
  runtime.apply().post([&] { runtime.loop().post([this] { this->world_.finish(); }); });
  this->world_.run();

  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

TYPED_TEST_P(Runtime, TheBackgroundExecutorRunsTasksInOrder) {
  auto& runtime = this->world_.runtime();
  std::vector<int> seen;

  for (int i = 0; i < 3; ++i) runtime.background().post([&seen, i] { seen.push_back(i); });
  runtime.background().post([&] { runtime.loop().post([this] { this->world_.finish(); }); });
  this->world_.run();

  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

REGISTER_TYPED_TEST_SUITE_P(Runtime, TasksRunInTheOrderPosted, PostNeverRunsTheTaskBeforeItReturns,
                            TasksLeftAtTheEndAreDestroyedWithoutBeingRun,
                            AlarmsGoOffInTheOrderOfTheirDeadlinesAndNotBefore,
                            ArmingAgainReplacesTheAlarm, DisarmedAndDestroyedTimersNeverFire,
                            AnAlarmMayArmItselfAgain, TheApplyExecutorRunsTasksInOrder,
                            TheBackgroundExecutorRunsTasksInOrder);

}  // namespace mainstay::conformance
