/// The log on the event queue against the contract of the persistence seam; and that work and its
/// completion lie apart.
#include "mainstay/simulation/simulated_log_engine.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "tests/conformance/persistence_engine.hpp"
#include "tests/conformance/snapshot_storage.hpp"

namespace mainstay::conformance {
namespace {

/// One computer; an engine lives on it until the next is opened.
class simulated_log_world {
 public:
  std::unique_ptr<simulation::simulated_log_engine> open() {
    wal::log_options options{.directory = "log",
                             .identity = {cluster_id(7), node_id(1), incarnation(99)},
                             .bootstrap = {.voters = {{node_id(1), "node-1"}}},
                             .segment_size = wal::min_segment_size};
    auto engine = simulation::simulated_log_engine::open(options, *disk_, runtime_);
    EXPECT_TRUE(engine.has_value()) << engine.error().message;
    return *std::move(engine);
  }
  void wait(const std::function<bool()>& holds) {
    while (!holds()) ASSERT_TRUE(events_.run_one());
  }

  simulation::event_queue& events() { return events_; }
  simulation::simulated_disk& disk() { return *disk_; }
  void fail_power() { disk_ = disk_->crash(events_.now()); }

 private:
  simulation::event_queue events_;
  simulation::process process_{events_};
  simulation::simulated_clock clock_{events_.now(), std::chrono::minutes(3), log_time{7}};
  simulation::simulated_runtime runtime_{events_, process_, clock_, 1};
  std::unique_ptr<simulation::simulated_disk> disk_ =
      std::make_unique<simulation::simulated_disk>(5);
};

INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, PersistenceEngine, simulated_log_world);
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, SnapshotStorage, simulated_log_world);

class SimulatedLog : public PersistenceEngine<simulated_log_world> {
 protected:
  /// Appends entry `i`; what becomes of it is counted.
  void start_append(std::uint64_t i) {
    engine().append(group_id(1), batch_of(entries_of(i, i, 1)), [this](result<void> ok) {
      ++(ok ? durable_ : refused_);
      if (!ok) why_ = ok.error();
    });
  }
  void run_for(duration span) { world_.events().run_until(world_.events().now() + span); }

  int durable_ = 0;
  int refused_ = 0;
  std::optional<error> why_;
};

using namespace std::chrono_literals;

TEST_F(SimulatedLog, WhatGathersDuringAFlushSharesTheNext) {
  world_.disk().settings.flush_latency = 10ms;
  start_append(1);
  run_for(1ms);
  const auto flushes = world_.disk().flushes();
  for (std::uint64_t i = 2; i <= 50; ++i) start_append(i);

  world_.wait([&] { return durable_ == 50; });

  EXPECT_LE(world_.disk().flushes(), flushes + 6);  // and those of a new segment
}

TEST_F(SimulatedLog, AnAppendIsNotCompleteBeforeTheDiskIs) {
  world_.disk().settings.flush_latency = 50ms;
  start_append(1);

  run_for(1ms);
  const int at_once = durable_;
  run_for(2s);

  EXPECT_EQ(at_once, 0);
  EXPECT_EQ(durable_, 1);
}

TEST_F(SimulatedLog, APowerFailureLeavesWhatWasCompleteAndCompletesNothing) {
  for (std::uint64_t i = 1; i <= 20; ++i) start_append(i);
  world_.wait([&] { return durable_ == 20; });
  start_append(21);
  world_.events().run_one();  // it is being written

  engine_.reset();
  world_.fail_power();
  reopen();

  EXPECT_EQ(durable_ + refused_, 20);
  EXPECT_GE(recover().last_index, log_index(20));
}

TEST_F(SimulatedLog, AFullDiskRefusesAllThatStandsBehind) {
  ASSERT_TRUE(append(batch_of(entries_of(1, 1, 1))).has_value());
  world_.disk().capacity = 0;
  std::uint64_t next = 2;
  while (refused_ == 0 && next < 1000) {
    for (int i = 0; i < 3; ++i) start_append(next++);
    run_for(10ms);
  }

  EXPECT_EQ(why_ ? std::optional(why_->code) : std::nullopt, error_code::no_space);
  world_.disk().capacity.reset();
  const auto there = recover().last_index.value();
  EXPECT_TRUE(append(batch_of(entries_of(there + 1, there + 1, 1))).has_value());
}

TEST_F(SimulatedLog, AfterAFailedFlushNothingIsDurableAnyMore) {
  ASSERT_TRUE(append(batch_of(entries_of(1, 1, 1))).has_value());
  world_.disk().fail_next(simulation::disk_fault::flush_error);

  EXPECT_EQ(append(batch_of(entries_of(2, 2, 1))).error().code, error_code::io_failed);
  EXPECT_EQ(append(batch_of(entries_of(2, 2, 1))).error().code, error_code::io_failed);
}

TEST_F(SimulatedLog, AnIdleLogProvesItsLastFlushOnce) {
  ASSERT_TRUE(append(batch_of(entries_of(1, 1, 1))).has_value());
  run_for(500ms);
  const auto before = world_.disk().flushes();

  run_for(1s);
  const auto proven = world_.disk().flushes();
  run_for(1min);

  EXPECT_EQ(proven, before + 1);
  EXPECT_EQ(world_.disk().flushes(), proven);
}

}  // namespace
}  // namespace mainstay::conformance
