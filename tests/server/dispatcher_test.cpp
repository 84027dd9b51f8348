/// The dispatcher: batches of a turn, wake-ups, and outcomes that come late.
#include "server/dispatcher.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/local_gateway.hpp"

namespace mainstay::server {
namespace {

/// Keeps the handlers that it is given.
class keeping_gateway : public gateway {
 public:
  void submit(std::vector<shared_bytes> commands, instant deadline,
              outcomes_handler done) override {
    sizes.push_back(commands.size());
    deadlines.push_back(deadline);
    handlers.push_back(std::move(done));
  }
  void submit_session_requests(std::vector<shared_bytes> requests, instant deadline,
                               outcomes_handler done) override {
    submit(std::move(requests), deadline, std::move(done));
  }
  void query(std::vector<shared_bytes> requests, const read_terms&, instant deadline,
             outcomes_handler done) override {
    submit(std::move(requests), deadline, std::move(done));
  }
  status_report status() override { return {}; }
  instant now() const override { return instant(duration(100)); }

  std::vector<std::size_t> sizes;
  std::vector<instant> deadlines;
  std::vector<outcomes_handler> handlers;
};

/// Writes down what it is told.
struct recorder : outcome_sink {
  void on_outcomes(std::uint64_t run, std::span<command_outcome> found) override {
    heard.push_back(std::to_string(run) + ":" + std::to_string(found.size()));
  }
  void on_delivered() override { heard.emplace_back("delivered"); }

  std::vector<std::string> heard;
};

class Dispatcher : public testing::Test {
 protected:
  void add(const std::shared_ptr<recorder>& sink, std::uint64_t run, lane way = lane::write) {
    commands->add(way, sink, run, shared_bytes::copy_of("command"));
  }

  keeping_gateway cluster;
  int flushes_scheduled = 0;
  int wakes = 0;
  std::unique_ptr<dispatcher> commands = std::make_unique<dispatcher>(
      cluster, duration(7),
      dispatcher::hooks{[this] { ++flushes_scheduled; }, [this] { ++wakes; }});
  std::shared_ptr<recorder> one = std::make_shared<recorder>();
  std::shared_ptr<recorder> two = std::make_shared<recorder>();
};

TEST_F(Dispatcher, GathersATurnIntoOneBatchForEachLane) {
  add(one, 1);
  add(one, 1);
  add(two, 1);
  add(one, 2, lane::linearizable_read);
  EXPECT_EQ(flushes_scheduled, 1);

  commands->flush();

  EXPECT_EQ(cluster.sizes, (std::vector<std::size_t>{3, 1}));
  EXPECT_EQ(cluster.deadlines[0], instant(duration(107)));
}

TEST_F(Dispatcher, EveryTurnIsFlushed) {
  add(one, 1);
  commands->flush();
  add(one, 2);
  EXPECT_EQ(flushes_scheduled, 2);
}

TEST_F(Dispatcher, OutcomesGoToTheirRunsAndEachSinkIsToldOnce) {
  add(one, 1);
  add(one, 1);
  add(two, 5);
  add(one, 2);
  commands->flush();

  cluster.handlers[0](outcomes(4));
  EXPECT_TRUE(one->heard.empty());
  commands->drain();

  EXPECT_EQ(one->heard, (std::vector<std::string>{"1:2", "2:1", "delivered"}));
  EXPECT_EQ(two->heard, (std::vector<std::string>{"5:1", "delivered"}));
}

TEST_F(Dispatcher, ManyArrivalsCostOneWakeUp) {
  for (std::uint64_t run = 1; run <= 3; ++run) {
    add(one, run);
    commands->flush();
  }
  for (auto& handler : cluster.handlers) handler(outcomes(1));
  EXPECT_EQ(wakes, 1);

  commands->drain();
  add(one, 4);
  commands->flush();
  cluster.handlers[3](outcomes(1));

  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(one->heard, (std::vector<std::string>{"1:1", "2:1", "3:1", "delivered"}));
}

TEST_F(Dispatcher, FullBatchIsSentBeforeTheTurnEnds) {
  for (int i = 0; i < 1024; ++i) add(one, 1);

  EXPECT_EQ(cluster.sizes, std::vector<std::size_t>{1024});
  EXPECT_FALSE(commands->is_open(lane::write, one.get(), 1));
}

TEST_F(Dispatcher, RunStaysOpenUntilSomethingComesBetween) {
  add(one, 1);
  EXPECT_TRUE(commands->is_open(lane::write, one.get(), 1));
  EXPECT_FALSE(commands->is_open(lane::linearizable_read, one.get(), 1));
  EXPECT_FALSE(commands->is_open(lane::write, one.get(), 2));

  add(two, 1);

  EXPECT_FALSE(commands->is_open(lane::write, one.get(), 1));
}

TEST_F(Dispatcher, OutcomesAfterItsEndAreDropped) {
  add(one, 1);
  commands->flush();
  commands.reset();

  cluster.handlers[0](outcomes(1));

  EXPECT_EQ(wakes, 0);
  EXPECT_TRUE(one->heard.empty());
}

TEST_F(Dispatcher, OutcomesMayComeFromAnyThread) {
  for (std::uint64_t run = 1; run <= 100; ++run) {
    add(one, run);
    commands->flush();
  }
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (std::size_t i = t; i < 100; i += 4) cluster.handlers[i](outcomes(1));
    });
  }
  for (auto& thread : threads) thread.join();
  commands->drain();

  EXPECT_EQ(one->heard.size(), 101U);
}

}  // namespace
}  // namespace mainstay::server
