/// What callers may rely on: outcomes, order, deadlines, and an end to every operation.
#include <gtest/gtest.h>

#include "tests/node/harness.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::node_cluster;
using mode = testing::scripted_storage::mode;

TEST(CommitWaiting, CommandCompletesWithTheMachinesAnswer) {
  node_cluster c(3);
  const auto leader = c.leader();

  EXPECT_EQ(c.submit(leader, "a")->text(), "1");
  EXPECT_EQ(c.submit(leader, "b")->text(), "2");
}

TEST(CommitWaiting, BatchAnswersInOrder) {
  node_cluster c(3);
  std::vector<shared_bytes> commands(100, shared_bytes::copy_of("x"));
  std::promise<outcomes> promise;

  c[c.leader()].submit_batch(std::move(commands), {},
                             [&](outcomes all) { promise.set_value(std::move(all)); });
  const auto all = promise.get_future().get();

  ASSERT_EQ(all.size(), 100u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i]->text(), std::to_string(i + 1));
}

TEST(CommitWaiting, EmptyBatchCompletes) {
  node_cluster c(1);
  std::promise<outcomes> promise;

  c[c.leader()].submit_batch({}, {}, [&](outcomes all) { promise.set_value(std::move(all)); });

  EXPECT_TRUE(promise.get_future().get().empty());
}

TEST(Forwarding, FollowerPassesCommandsOnToTheLeader) {
  node_cluster c(3);
  const auto leader = c.leader();
  const auto follower = c.follower();
  c.until_follows(follower, leader);

  EXPECT_EQ(c.submit(follower, "a")->text(), "1");
}

TEST(Forwarding, WithoutItTheFollowerNamesTheLeader) {
  node_cluster c(3);
  const auto leader = c.leader();
  const auto follower = c.follower();
  c.until_follows(follower, leader);

  const auto outcome = c.submit(follower, "a", {.forward = false});

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::not_leader);
  EXPECT_EQ(outcome.error().leader, node_id(leader));
}

TEST(LinearizableReads, FollowerSeesWhatTheLeaderAnswered) {
  node_cluster c(3);
  const auto leader = c.leader();
  const auto follower = c.follower();
  c.until_follows(follower, leader);

  for (int i = 1; i <= 50; ++i) {
    ASSERT_TRUE(c.submit(leader, "x"));
    EXPECT_EQ(c.query(follower)->text(), std::to_string(i));
  }
}

TEST(LinearizableReads, IsolatedLeaderRefuses) {
  node_cluster c(3);
  const auto leader = c.leader();
  c.cut(leader);

  const auto outcome = c.query(leader);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome_of(outcome.error().code), mainstay::outcome::refused);
}

TEST(LeadershipLoss, UncommittedCommandIsUnknown) {
  node_cluster c(3);
  const auto leader = c.leader();
  c.cut(leader);

  const auto outcome = c.submit(leader, "lost");

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::leadership_lost);
}

TEST(LeadershipLoss, TheNextLeaderGoesOn) {
  node_cluster c(3);
  const auto first = c.leader();
  ASSERT_TRUE(c.submit(first, "a"));
  c.cut(first);

  const auto second = c.leader(first);

  EXPECT_EQ(c.submit(second, "b")->text(), "2");
  c.heal();
  c.until([&] { return c.query(first, {.level = read_level::stale})->text() == "2"; });
}

TEST(Deadlines, CommandWithoutQuorumTimesOut) {
  node_cluster c(1);
  const auto leader = c.leader();
  c.script(leader, mode::stalled);

  const auto outcome = c.submit(leader, "a", {.deadline = c.in(5ms)});

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::timed_out);
  EXPECT_EQ(outcome_of(outcome.error().code), mainstay::outcome::unknown);
}

TEST(DiskStall, LeaderGivesUpLeadership) {
  node_cluster c(3);
  const auto leader = c.leader();
  c.script(leader, mode::stalled);
  static_cast<void>(c.submit(leader, "a", {.deadline = c.in(1ms)}));

  const auto next = c.leader(leader);

  EXPECT_NE(next, leader);
  EXPECT_TRUE(c.submit(next, "b"));
}

TEST(FullDisk, RefusesWritesAndRecoversWithoutRestart) {
  node_cluster c(1);
  const auto leader = c.leader();
  ASSERT_TRUE(c.submit(leader, "a"));

  c.script(leader, mode::full);
  const auto caught = c.submit(leader, "b", {.deadline = c.in(30ms)});
  const auto refused = c.submit(leader, "c");
  c.script(leader, mode::durable);
  c.until([&] { return c[leader].status().health == node_health::sound; });

  EXPECT_EQ(caught.error().code, error_code::timed_out);  // its entry waits for space
  EXPECT_EQ(refused.error().code, error_code::no_space);
  EXPECT_EQ(c.submit(leader, "d")->text(), "3");  // "b" was kept, "c" never entered
}

TEST(FailedFlush, StopsTheNodeAndSaysWhy) {
  node_cluster c(1);
  const auto leader = c.leader();
  c.script(leader, mode::failing);

  const auto outcome = c.submit(leader, "a");
  const error why = c.member(leader).stopped.get_future().get();

  EXPECT_EQ(outcome_of(outcome.error().code), mainstay::outcome::unknown);
  EXPECT_EQ(why.code, error_code::io_failed);
  EXPECT_EQ(c.submit(leader, "b").error().code, error_code::shutting_down);
}

TEST(ApplyFailure, ReplicaStopsApplyingAndReports) {
  node_cluster c(1);
  const auto leader = c.leader();
  ASSERT_TRUE(c.submit(leader, "a"));

  const auto outcome = c.submit(leader, "fail");

  EXPECT_EQ(outcome.error().code, error_code::apply_failed);
  EXPECT_EQ(c[leader].status().health, node_health::apply_failed);
  EXPECT_EQ(c[leader].status().applied_index, log_index(2));
}

TEST(Overload, PendingBytesAreBounded) {
  node_cluster c(1);
  const auto leader = c.leader();
  c.script(leader, mode::stalled);
  const std::string large(700 * 1024, 'x');
  std::promise<command_outcome> first;
  c[leader].submit(shared_bytes::copy_of(large), {.deadline = c.in(40ms)},
                   [&](command_outcome o) { first.set_value(std::move(o)); });

  const auto second = c.submit(leader, large);

  EXPECT_EQ(second.error().code, error_code::overloaded);
  EXPECT_EQ(first.get_future().get().error().code, error_code::timed_out);
}

TEST(Shutdown, CompletesEverythingOnce) {
  std::atomic<int> completed = 0;
  {
    node_cluster c(3);
    const auto leader = c.leader();
    c.cut(leader);
    for (int i = 0; i < 100; ++i) {
      c[leader].submit(shared_bytes::copy_of("x"), {}, [&](command_outcome) { ++completed; });
      c[leader].query({}, {}, [&](command_outcome) { ++completed; });
    }
    c[leader].stop();
    c[leader].submit(shared_bytes::copy_of("late"), {}, [&](command_outcome o) {
      EXPECT_EQ(o.error().code, error_code::shutting_down);
      ++completed;
    });
    c.on_loop([] {});
  }

  EXPECT_EQ(completed, 201);
}

}  // namespace
}  // namespace mainstay
