/// Virtual time: what happens in which order, and what stands still.
#include "mainstay/simulation/event_queue.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace mainstay::simulation {
namespace {

using namespace std::chrono_literals;

/// Writes down what happens to it.
class recorder final : public event_handler {
 public:
  recorder(event_queue& queue, process* owner, std::vector<std::uint64_t>& seen)
      : event_handler(queue, owner), seen_(seen) {}
  using event_handler::schedule;
  std::function<void()> then;

 private:
  void on_event(std::uint64_t argument) override {
    seen_.push_back(argument);
    if (then) then();
  }
  std::vector<std::uint64_t>& seen_;
};

class EventQueue : public testing::Test {
 protected:
  event_queue events_;
  std::vector<std::uint64_t> seen_;
};

TEST_F(EventQueue, EventsHappenByTimeAndThenInTheOrderScheduled) {
  recorder here(events_, nullptr, seen_);
  const instant start = events_.now();

  here.schedule(start + 2s, 4);
  here.schedule(start + 1s, 1);
  here.schedule(start + 1s, 2);
  here.schedule(start + 1s, 3);
  events_.run_until(start + 1s);
  const auto by_then = seen_;
  events_.run_until(start + 5s);

  EXPECT_EQ(by_then, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(seen_, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(events_.now(), start + 5s);
  EXPECT_EQ(events_.events(), 4U);
}

TEST_F(EventQueue, WhatIsScheduledInThePastHappensNow) {
  recorder here(events_, nullptr, seen_);
  events_.run_until(events_.now() + 1s);
  const instant now = events_.now();

  here.schedule(now - 1s, 1);
  events_.run_one();

  EXPECT_EQ(events_.now(), now);
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(EventQueue, NothingHappensToAHandlerThatIsGone) {
  auto gone = std::make_unique<recorder>(events_, nullptr, seen_);
  gone->schedule(events_.now() + 1s, 1);
  gone.reset();
  recorder in_its_place(events_, nullptr, seen_);

  EXPECT_FALSE(events_.run_one());
  EXPECT_TRUE(seen_.empty());
}

TEST_F(EventQueue, APausedProcessCatchesUpInOrderWhenItIsResumed) {
  process mine(events_);
  recorder held(events_, &mine, seen_);
  recorder free(events_, nullptr, seen_);
  const instant start = events_.now();
  for (const std::uint64_t i : {1, 2}) held.schedule(start + i * 1s, i);
  free.schedule(start + 1s, 10);

  mine.pause();
  events_.run_until(start + 3s);
  const auto while_paused = seen_;
  held.schedule(start + 3s, 3);
  mine.resume();
  events_.run_until(start + 3s);

  EXPECT_EQ(while_paused, (std::vector<std::uint64_t>{10}));
  EXPECT_EQ(seen_, (std::vector<std::uint64_t>{10, 1, 2, 3}));
}

TEST_F(EventQueue, WhatIsDeferredRunsWhenTheEventIsOver) {
  process mine(events_);
  recorder here(events_, &mine, seen_);
  here.then = [&] {
    events_.when_over([&] { seen_.push_back(3); });
    seen_.push_back(2);
  };
  here.schedule(events_.now(), 1);

  events_.run_one();
  events_.when_over([&] { seen_.push_back(4); });

  EXPECT_EQ(seen_, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(EventQueue, WhatAnEventThrowsComesThroughAndTheRestStillHappens) {
  process mine(events_);
  recorder here(events_, &mine, seen_);
  here.then = [] { throw std::runtime_error("found something"); };
  here.schedule(events_.now(), 1);
  events_.at(events_.now() + 1s, [&] { seen_.push_back(2); });

  EXPECT_THROW(events_.run_one(), std::runtime_error);
  EXPECT_EQ(events_.current(), nullptr);
  EXPECT_TRUE(events_.run_one());
  EXPECT_EQ(seen_, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(EventQueue, TheHashTellsRunsApart) {
  const auto hash_of = [](duration when) {
    event_queue events;
    events.at(events.now() + when, [] {});
    events.run_one();
    return events.trace_hash();
  };

  EXPECT_EQ(hash_of(1s), hash_of(1s));
  EXPECT_NE(hash_of(1s), hash_of(2s));
}

}  // namespace
}  // namespace mainstay::simulation
