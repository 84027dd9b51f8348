/// What a node does when its disk or its state machine fails, and what it never does.
#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::answer_handle;
using testing::fate;
using testing::world;
using mode = world::storage_type::mode;
using words = std::vector<std::string>;

// ---- A disk that hangs ----------------------------------------------------------------------

TEST(DiskStall, LeaderGivesUpLeadership) {
  world w(3);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  const auto a = w.submit(leader, "a");

  const auto next = w.leader(leader);

  EXPECT_NE(next, leader);
  EXPECT_NE(w.status(leader).role, core::role::leader);
  EXPECT_EQ(w.done(next, "b").text(), "2");  // the others had committed "a"
  EXPECT_FALSE(a->is_there());               // but here it cannot be applied before it is on disk
  w.storage(leader).answers = mode::durable;
  w.storage(leader).release();
  EXPECT_EQ(w.finish(a).text(), "1");
}

TEST(DiskStall, NodeServesAgainWhenTheDiskAnswers) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  w.submit(leader, "a");
  w.until([&] { return w.status(leader).role != core::role::leader; });
  w.runtime.run_for(10s);

  w.storage(leader).answers = mode::durable;
  w.storage(leader).release();
  w.leader();

  EXPECT_EQ(w.done(leader, "b").text(), "2");
}

// Each election held back by the disk would otherwise leave its requests behind.
TEST(DiskStall, HeldBackElectionsLeaveNothingBehind) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.storage(follower).answers = mode::stalled;
  const core::append_entries newer{.term = w.status(leader).term.next()};
  (*w.net.listening.at(node_id(follower)))(node_id(leader), group_id(1), newer,
                                           [](rpc_response) {});
  w.cut(follower);
  w.runtime.run_for(60s);
  std::size_t votes_asked = 0;
  w.net.script = [&](node_id from, node_id, const rpc_request& r) {
    const bool vote = std::holds_alternative<core::request_vote>(r);
    if (vote && from == node_id(follower)) ++votes_asked;
    return fate{};
  };
  w.heal();
  w.storage(follower).answers = mode::durable;
  w.storage(follower).release();

  w.runtime.run();

  EXPECT_LE(votes_asked, 2u);  // of the last election, to each of the others
}

// ---- A disk that is full --------------------------------------------------------------------

TEST(FullDisk, RefusesWritesAndRecoversWithoutRestart) {
  world w(1);
  const auto leader = w.leader();
  w.done(leader, "a");

  w.storage(leader).answers = mode::full;
  const auto caught = w.submit(leader, "b");
  w.runtime.run_for(1s);
  EXPECT_EQ(w.status(leader).health, node_health::disk_full);
  EXPECT_EQ(w.done(leader, "c").code(), error_code::no_space);
  w.storage(leader).answers = mode::durable;
  w.finish(caught);

  EXPECT_EQ(caught->text(), "2");  // its entry was kept, while "c" never entered
  EXPECT_EQ(w.status(leader).health, node_health::sound);
  EXPECT_EQ(w.done(leader, "d").text(), "3");
}

TEST(FullDisk, IsAskedAtTheRetryIntervalOnly) {
  world w(1, [](node_options& o) { o.disk_full_retry = 100ms; });
  const auto leader = w.leader();
  w.storage(leader).answers = mode::full;
  w.submit(leader, "a");
  w.runtime.run();
  const auto before = w.storage(leader).appends;

  w.runtime.run_for(1s + 1ms);

  EXPECT_EQ(w.storage(leader).appends - before, 10u);
}

// A loop that slept past the retry must not forget about it.
TEST(FullDisk, RecoversAlthoughTheLoopStoodStill) {
  world w(1, [](node_options& o) { o.disk_full_retry = 1ms; });
  const auto leader = w.leader();
  w.storage(leader).answers = mode::full;
  const auto a = w.submit(leader, "a");
  while (w.status(leader).health != node_health::disk_full) ASSERT_TRUE(w.runtime.step());
  w.runtime.pause(50ms);

  w.storage(leader).answers = mode::durable;
  w.runtime.run_for(1s);

  EXPECT_EQ(a->text(), "1");
  EXPECT_EQ(w.status(leader).health, node_health::sound);
}

TEST(FullDisk, HeldCommandsAreUnknownAtTheirDeadline) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::full;

  const auto a = w.submit(leader, "a", {.deadline = w.in(30ms)});
  w.runtime.run_for(31ms);
  EXPECT_EQ(a->code(), error_code::timed_out);
  w.storage(leader).answers = mode::durable;
  w.runtime.run_for(1s);

  EXPECT_EQ(w.items(leader), words{"a"});
}

TEST(FullDisk, FollowerCatchesUpWhenSpaceReturns) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.storage(follower).answers = mode::full;
  for (int i = 0; i < 10; ++i) w.done(leader, "x");
  w.until([&] { return w.status(follower).health == node_health::disk_full; });
  w.runtime.run_for(10s);

  w.storage(follower).answers = mode::durable;

  w.until([&] { return w.items(follower).size() == 10; });
}

// ---- A disk that fails ----------------------------------------------------------------------

TEST(FailedFlush, StopsTheNodeAndSaysWhy) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::failing;

  EXPECT_EQ(outcome_of(w.done(leader, "a").code()), outcome::unknown);

  ASSERT_EQ(w.stopped.size(), 1u);
  EXPECT_EQ(w.stopped[0].code, error_code::io_failed);
  EXPECT_EQ(w.status(leader).health, node_health::stopped);
  EXPECT_EQ(w.done(leader, "b").code(), error_code::shutting_down);
}

TEST(FailedFlush, IsNeverRetried) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::failing;
  w.done(leader, "a");
  const auto appends = w.storage(leader).appends;

  w.storage(leader).answers = mode::durable;
  w.runtime.run_for(10s);

  EXPECT_EQ(w.storage(leader).appends, appends);
}

// An answer to an older batch says nothing of the one that is under way: neither that it is durable
// nor that the disk lives.
TEST(Completions, OfAnAppendThatComeTwiceCountOnce) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::repeatable;
  w.done(leader, "a");
  w.storage(leader).answers = mode::stalled;
  w.submit(leader, "b");
  w.runtime.run();

  w.storage(leader).repeat();
  w.runtime.run();
  EXPECT_EQ(w.items(leader), words{"a"});
  w.runtime.run_for(400ms);

  EXPECT_NE(w.status(leader).role, core::role::leader);  // the stall was noticed
}

TEST(Completions, OfAnAppendToAnOlderIncarnationAreIgnored) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  const auto a = w.submit(leader, "a");
  w.runtime.run();
  w.restart(leader);
  EXPECT_EQ(outcome_of(a->code()), outcome::unknown);

  w.storage(leader).answers = mode::durable;
  w.storage(leader).release();
  w.runtime.run();

  EXPECT_EQ(a->times, 1);
  EXPECT_EQ(w.status(leader).health, node_health::sound);
}

TEST(DamagedLog, ThatCannotBeReadBackStopsTheNode) {
  for (const auto code : {error_code::corrupt, error_code::invalid_argument}) {
    world w(1, [](node_options& o) { o.core.log_window_bytes = 4096; });
    const auto leader = w.leader();
    for (int i = 0; i < 1000; ++i) w.submit(leader, "x");
    w.until([&] { return w.items(leader).size() == 1000; });
    w.storage(leader).read_failure = error{code, "record 7 is damaged", {}};

    w.restart(leader);  // applies its log from the start
    w.until([&] { return w.status(leader).health == node_health::stopped; });

    ASSERT_EQ(w.stopped.size(), 1u);
    EXPECT_EQ(w.stopped[0].message, "record 7 is damaged");
    EXPECT_EQ(w.storage(leader).reads, 1u);  // asking again would not mend it
  }
}

// ---- A state machine that fails -------------------------------------------------------------

TEST(ApplyFailure, IsReportedToTheCallerAndInTheStatus) {
  world w(1);
  const auto leader = w.leader();
  w.done(leader, "a");

  EXPECT_EQ(w.done(leader, "fail").code(), error_code::apply_failed);

  EXPECT_EQ(w.status(leader).health, node_health::apply_failed);
  EXPECT_NE(w.status(leader).problem.find("told to fail"), std::string::npos);
  EXPECT_EQ(w.status(leader).applied_index, log_index(2));
}

TEST(ApplyFailure, OfAThrowingMachineIsContained) {
  world w(1);
  const auto leader = w.leader();

  EXPECT_EQ(w.done(leader, "throw").code(), error_code::apply_failed);
  EXPECT_NE(w.status(leader).problem.find("told to throw"), std::string::npos);
}

TEST(ApplyFailure, OfAThrowingQueryIsTheQuerysAlone) {
  world w(1);
  const auto leader = w.leader();

  EXPECT_FALSE(*w.finish(w.query(leader, {}, "throw")).value);
  EXPECT_EQ(w.done(leader, "a").text(), "1");
}

// Sequential apply: what was handed out before the failure was known leaves no gap behind it.
TEST(ApplyFailure, NothingIsAppliedAfterIt) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  const auto failing = w.submit(leader, "fail");
  w.runtime.run_for(1ms);
  const auto behind = w.submit(leader, "behind");  // a second stretch, under way at once
  w.runtime.run_for(1ms);
  w.runtime.apply_is_held = false;
  w.runtime.run_for(1s);

  EXPECT_TRUE(w.items(leader).empty());
  EXPECT_EQ(failing->code(), error_code::apply_failed);
  EXPECT_EQ(behind->code(), error_code::apply_failed);
}

// Hazard 113: commit grows, applied freezes, the node keeps leading, and its callers hang.
TEST(ApplyFailure, EndsLeadershipForGood) {
  world w(1);
  const auto leader = w.leader();
  w.done(leader, "fail");
  const auto t = w.status(leader).term;

  w.runtime.run_for(60s);

  EXPECT_EQ(w.status(leader).role, core::role::follower);
  EXPECT_EQ(w.status(leader).term, t);
  EXPECT_EQ(w.done(leader, "b").code(), error_code::not_leader);
}

TEST(ApplyFailure, ReadsOfEveryStageEnd) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  w.submit(leader, "fail");
  w.runtime.run_for(1ms);
  const auto granted = w.query(leader);  // waits for the index that will fail
  w.runtime.run_for(1ms);
  w.runtime.apply_is_held = false;
  w.runtime.run();

  EXPECT_EQ(granted->code(), error_code::apply_failed);
  EXPECT_EQ(w.finish(w.query(leader)).code(), error_code::apply_failed);
}

TEST(ApplyFailure, ReadGrantedAfterItEnds) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.until([&] { return w.status(follower).applied_index == w.status(leader).last_index; });
  w.net.script = [&](node_id, node_id, const rpc_request& r) {
    return fate{std::holds_alternative<core::read_index>(r) ? fate::kind::held : fate::kind::pass};
  };
  const auto read = w.query(follower);
  w[follower].machine().fails_from_now_on = true;
  w.done(leader, "a");
  w.until([&] { return w.status(follower).health == node_health::apply_failed; });
  ASSERT_FALSE(read->is_there());

  w.net.held.front()(core::read_index_response{
      .term = w.status(follower).term, .success = true, .index = w.status(leader).last_index});
  w.runtime.run();

  EXPECT_EQ(read->code(), error_code::apply_failed);
}

// One ailment must not hide another: a disk that fills up and empties again does not make a broken
// state machine sound.
TEST(ApplyFailure, OutlivesAFullDisk) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  w.submit(leader, "fail");
  w.runtime.run_for(1ms);
  w.storage(leader).answers = mode::full;
  w.submit(leader, "b");
  w.runtime.run_for(1ms);
  ASSERT_EQ(w.status(leader).health, node_health::disk_full);
  w.runtime.apply_is_held = false;
  w.runtime.run_for(500ms);
  EXPECT_EQ(w.status(leader).health, node_health::apply_failed);
  w.storage(leader).answers = mode::durable;
  w.runtime.run_for(1s);

  EXPECT_EQ(w.status(leader).health, node_health::apply_failed);
  EXPECT_TRUE(w.items(leader).empty());
}

// Error propagation: the failure of one replica's machine costs the others nothing.
TEST(ApplyFailure, ReplicaStillStoresAndVotes) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.until([&] { return w.status(follower).applied_index == w.status(leader).last_index; });
  w[follower].machine().fails_from_now_on = true;
  w.done(leader, "a");
  w.until([&] { return w.status(follower).health == node_health::apply_failed; });

  w.cut(6 - leader - follower);

  EXPECT_EQ(w.done(leader, "b").text(), "2");  // the failed replica is the second of the majority
}

// ---- A state machine that is slow -----------------------------------------------------------

TEST(SlowApply, LeaderKeepsLeading) {
  world w(3);
  const auto leader = w.leader();
  const auto t = w.status(leader).term;
  w.runtime.apply_is_held = true;
  const auto a = w.submit(leader, "a");

  w.runtime.run_for(10s);

  EXPECT_EQ(w.status(leader).term, t);
  EXPECT_EQ(w.status(leader).role, core::role::leader);
  EXPECT_FALSE(a->is_there());
  w.runtime.apply_is_held = false;
  w.runtime.run();
  EXPECT_EQ(a->text(), "1");
}

TEST(SlowApply, WorkIsHandedOutInBoundedStretches) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  for (int i = 0; i < 4000; ++i) w.submit(leader, "x");
  w.runtime.run();

  ASSERT_TRUE(w.runtime.step_apply());
  EXPECT_LE(w.items(leader).size(), 1024u);
  ASSERT_TRUE(w.runtime.step_apply());
  EXPECT_FALSE(w.runtime.step_apply());  // the rest waits until the loop has had its turn
  w.runtime.apply_is_held = false;
  w.runtime.run();

  EXPECT_EQ(w.items(leader).size(), 4000u);
}

// R19: applied-index catch-up, after a restart and from entries that left the window.
TEST(ApplyCatchUp, RestartedReplicaAppliesItsLogAgainInOrder) {
  world w(1, [](node_options& o) { o.core.log_window_bytes = 4096; });
  const auto leader = w.leader();
  words all;
  for (int i = 0; i < 3000; ++i) {
    all.push_back(std::to_string(i));
    w.submit(leader, all.back());
  }
  w.until([&] { return w.items(leader).size() == 3000; });

  w.restart(leader);
  w.leader();

  EXPECT_EQ(w.items(leader), all);
  EXPECT_GT(w.storage(leader).reads, 0u);
  EXPECT_EQ(w.finish(w.query(leader)).text(), "3000");
}

// ---- R24: failures are told -----------------------------------------------------------------

TEST(FailureLogging, CallsSayWhomAndWhy) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.cut(leader);
  w.done(follower, "a");
  w.runtime.run_for(100ms);

  EXPECT_TRUE(w.member(leader).logger.has("a call failed node=" + std::to_string(leader) +
                                          " peer=" + std::to_string(follower) +
                                          " kind=append_entries error=unreachable"));
  EXPECT_TRUE(w.member(follower).logger.has("kind=forward_commands error=unreachable"));
}

TEST(FailureLogging, CommitTimeoutsAreTold) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  for (int i = 0; i < 3; ++i) w.submit(leader, "a", {.deadline = w.in(5ms)});

  w.runtime.run_for(6ms);

  EXPECT_TRUE(w.member(leader).logger.has("deadlines passed"));
  EXPECT_TRUE(w.member(leader).logger.has("count=3 role=leader"));
}

TEST(FailureLogging, ApplyFailuresNameTheIndexAndTheReason) {
  world w(1);
  const auto leader = w.leader();

  w.done(leader, "fail");

  EXPECT_TRUE(w.member(leader).logger.has("applying index 2 failed: told to fail"));
}

TEST(FailureLogging, DiskFailuresAreTold) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::full;
  w.submit(leader, "a");
  w.runtime.run();
  w.storage(leader).answers = mode::failing;
  w.runtime.run_for(1s);

  EXPECT_TRUE(w.member(leader).logger.has("the disk is full"));
  EXPECT_TRUE(w.member(leader).logger.has("error=io_failed reason=fdatasync failed: EIO"));
}

// R14: state-transition logging.
TEST(StateTransitionLogging, SaysFromWhatToWhatAndWhen) {
  world w(3);
  const auto leader = w.leader();
  const auto t = std::to_string(w.status(leader).term.value());

  EXPECT_TRUE(w.member(leader).logger.has("role=pre_candidate was=follower"));
  EXPECT_TRUE(w.member(leader).logger.has("became leader"));
  EXPECT_TRUE(w.member(leader).logger.has("role=leader was=candidate term=" + t));
}

}  // namespace
}  // namespace mainstay
