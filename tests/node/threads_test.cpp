/// What only threads can show: callers anywhere, a state machine on its own, and a stop in the
/// middle of it all. Run these under ThreadSanitizer.
#include <array>
#include <atomic>

#include <gtest/gtest.h>

#include "tests/node/harness.hpp"

namespace mainstay {
namespace {

using testing::node_cluster;

/// Threads that submit and query until they are told to end, and count what comes back.
class callers {
 public:
  callers(node_cluster& c, std::uint64_t node, int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, &c, node] { call(c[node]); });
    }
  }
  void join() {
    over_ = true;
    for (auto& t : threads_) t.join();
  }
  std::uint64_t submitted() const { return submitted_; }
  std::uint64_t completed() const { return completed_; }
  std::uint64_t succeeded() const { return succeeded_; }

 private:
  void call(node<testing::test_types>& n) {
    const auto done = [this](const command_outcome& o) {
      ++completed_;
      if (o) ++succeeded_;
    };
    while (!over_) {
      submitted_ += 2;
      n.submit(shared_bytes::copy_of("x"), {}, done);
      n.query({}, {}, done);
      // Ahead of the node, but not by the whole budget.
      while (!over_ && submitted_ - completed_ > 1000) std::this_thread::yield();
    }
  }

  std::atomic<bool> over_ = false;
  std::atomic<std::uint64_t> submitted_ = 0, completed_ = 0, succeeded_ = 0;
  std::vector<std::thread> threads_;
};

class ManyThreads : public ::testing::TestWithParam<apply_thread> {};

TEST_P(ManyThreads, EveryOperationCompletesOnceAlthoughTheNodeStops) {
  node_cluster c(1, GetParam());
  callers load(c, c.leader(), 4);
  while (load.succeeded() < 2000) std::this_thread::yield();

  c[1].stop();
  load.join();
  c.pass_through_loop();  // those that came too late are told so there

  EXPECT_EQ(load.completed(), load.submitted());
}

TEST_P(ManyThreads, StoppedNodeLeavesTheStateMachineAlone) {
  node_cluster c(1, GetParam());
  callers load(c, c.leader(), 2);
  while (load.succeeded() < 500) std::this_thread::yield();

  c[1].stop();
  const auto& items = c[1].machine().items;  // a race, were it still at work
  const std::size_t applied = items.size();
  load.join();
  c.pass_through_loop();  // those that came too late are told there, while `load` lives

  EXPECT_EQ(items.size(), applied);
}

TEST_P(ManyThreads, EachThreadsCommandsKeepTheirOrder) {
  constexpr std::size_t threads = 4, each = 500;
  node_cluster c(1, GetParam());
  const auto leader = c.leader();
  std::atomic<std::size_t> completed = 0;
  std::vector<std::thread> submitters;
  for (std::size_t t = 0; t < threads; ++t) {
    submitters.emplace_back([&, t] {
      for (std::size_t i = 0; i < each; ++i) {
        const auto text = std::to_string(t) + ":" + std::to_string(i);
        c[leader].submit(shared_bytes::copy_of(text), {}, [&](command_outcome) { ++completed; });
      }
    });
  }
  for (auto& s : submitters) s.join();
  while (completed < threads * each) std::this_thread::yield();
  c[leader].stop();

  std::array<std::size_t, threads> next{};
  for (const auto& item : c[leader].machine().items) {
    const auto t = static_cast<std::size_t>(item[0] - '0');
    EXPECT_EQ(item.substr(2), std::to_string(next[t]++));
  }
}

INSTANTIATE_TEST_SUITE_P(Apply, ManyThreads,
                         ::testing::Values(apply_thread::loop, apply_thread::own),
                         [](const auto& each) {
                           return each.param == apply_thread::loop ? "OnTheLoop" : "OnItsOwnThread";
                         });

// Hazard 118: a slow state machine on its own thread delays nothing of the loop's.
TEST(OwnApplyThread, LoopGoesOnWhileTheMachineWorks) {
  node_cluster c(1, apply_thread::own);
  const auto leader = c.leader();
  const auto way = c[leader].machine().way;
  way->close();
  std::promise<command_outcome> answer;

  c[leader].submit(shared_bytes::copy_of("wait"), {},
                   [&](command_outcome o) { answer.set_value(std::move(o)); });
  way->await_arrivals(1);
  const auto during = c[leader].status();  // answered by the loop
  way->open();

  EXPECT_EQ(answer.get_future().get()->text(), "1");
  EXPECT_LT(during.applied_index, during.last_index);
}

TEST(OwnApplyThread, StopWaitsForTheMachine) {
  node_cluster c(1, apply_thread::own);
  const auto leader = c.leader();
  const auto way = c[leader].machine().way;
  way->close();
  std::promise<error_code> told;
  c[leader].submit(shared_bytes::copy_of("wait"), {},
                   [&](command_outcome o) { told.set_value(o.error().code); });
  way->await_arrivals(1);
  std::atomic<bool> is_stopped = false;

  std::thread stopper([&] {
    c[leader].stop();
    is_stopped = true;
  });
  const auto code = told.get_future().get();  // the caller need not wait for the machine
  const bool waited = !is_stopped;
  way->open();
  stopper.join();

  EXPECT_EQ(outcome_of(code), outcome::unknown);
  EXPECT_TRUE(waited);
  EXPECT_EQ(c[leader].machine().items.size(), 1u);
}

TEST(EndedLoop, IsToldInsteadOfWaitedFor) {
  asio_runtime runtime;
  runtime.start();
  runtime.stop();
  runtime.join();

  EXPECT_FALSE(run_on(runtime.loop(), [] { FAIL() << "nothing runs any more"; }));
}

}  // namespace
}  // namespace mainstay
