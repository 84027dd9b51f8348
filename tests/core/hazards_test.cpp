/// How other implementations broke, tried on one replica: what docs/hazards.md lists and neither a
/// story in tests/scenarios nor a rule of the paper covers.
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/core/raft.hpp"

#include "tests/core/cluster.hpp"
#include "tests/core/lone_replica.hpp"
#include "tests/core/paper_messages.hpp"

namespace mainstay::core_test {
namespace {

using core::append_entries;
using core::append_entries_response;
using core::request_vote_response;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// ---- Leases -----------------------------------------------------------------------------------

/// What leases declare, they need: the clocks of nodes 2 and 3 run ahead of the leader's by more
/// than the bound, so that they have elected node 2, which has answered a write.
TEST(LeaseReads, ClocksBeyondTheirBoundServeWhatIsOld) {
  cluster nodes(3, {.lease_reads = true});
  nodes.elect(1);
  nodes.settle();
  nodes.isolate(1);
  nodes.pass(2, milliseconds(400));
  nodes.pass(3, milliseconds(160));
  nodes.time_out(2);
  nodes.deliver();
  ASSERT_EQ(nodes.core(2).role(), core::role::leader);
  ASSERT_TRUE(nodes.propose(2, "newer"));
  nodes.deliver();

  EXPECT_THROW(nodes.read(1, core::read_basis::lease), simulation::violation);
}

// ---- Elections --------------------------------------------------------------------------------

// Hazard 7: the second question comes while the answer to the first is still being written.
TEST(VoteOnce, ASecondCandidateIsDeniedWhileTheVoteIsBeingWritten) {
  lone_replica one;
  one.hold_disk();
  one.receive(2, vote(5, 0, 0));

  one.receive(3, vote(5, 0, 0));
  const auto answers = one.persist();

  ASSERT_THAT(answers, SizeIs(2));
  for (const auto& e : answers) {
    EXPECT_EQ(std::get<request_vote_response>(e.message).vote_granted, e.to == node_id(2));
  }
}

/// A replica whose log was compacted up to `base` and holds nothing behind it.
core::raft compacted(core::term_run base) {
  core::initial_state state{
      .id = node_id(1),
      .bootstrap = voters(3),
      .hard_state = {base.term, node_id{}},
      .snapshot = core::snapshot{{base.first, base.term, 1, 1}, {}, voters(3)},
      .base = base,
      .last_index = base.first};
  return core::raft::start(core::valid_config::check({}).value(), std::move(state), instant{})
      .value();
}

/// The one answer to a message, with the disk done at once.
template <class Response>
Response answer_of(core::raft& core, core::message m) {
  core.step({node_id(2), core.id(), 7, std::move(m)});
  std::vector<core::envelope> sent;
  for (core::ready work = core.take_ready(); !work.empty(); work = core.take_ready()) {
    sent.insert(sent.end(), work.messages.begin(), work.messages.end());
    if (!work.persist.empty()) core.persisted(work.persist.sequence);
    if (!work.committed.empty()) core.applied(work.committed.back().index);
  }
  return lone_replica::only<Response>(sent);
}

// Hazard 20: a log without entries is not an empty one; its last term is that of its base.
TEST(CompactedLog, VotesByTheTermOfItsBase) {
  core::raft core = compacted({log_index(9), term(3)});

  EXPECT_FALSE(answer_of<request_vote_response>(core, vote(4, 11, 2)).vote_granted);
  EXPECT_FALSE(answer_of<request_vote_response>(core, vote(4, 8, 3)).vote_granted);
  EXPECT_TRUE(answer_of<request_vote_response>(core, vote(4, 9, 3)).vote_granted);
}

// Hazard 77: the very first append comes again after its entries were compacted away.
TEST(CompactedLog, ARetransmittedBeginningIsNotTakenASecondTime) {
  core::raft core = compacted({log_index(5), term(1)});

  const auto answer = answer_of<append_entries_response>(core, append(1, 0, 0, {1, 1, 1, 1, 1}));

  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match_index, log_index(5));
  EXPECT_EQ(core.last_index(), log_index(5));
}

// Hazard 77: what claims to follow the base must name its term.
TEST(CompactedLog, WhatFollowsTheBaseMustNameItsTerm) {
  core::raft core = compacted({log_index(5), term(2)});

  EXPECT_FALSE(answer_of<append_entries_response>(core, append(3, 5, 1, {3})).success);
  EXPECT_TRUE(answer_of<append_entries_response>(core, append(3, 5, 2, {3})).success);
}

// Hazard 73: the acknowledgement was lost and the entry compacted; sent again, it is acknowledged.
TEST(CompactedLog, AnEntryBelowTheBaseIsAcknowledgedWhenItComesAgain) {
  core::raft core = compacted({log_index(11), term(2)});

  const auto answer = answer_of<append_entries_response>(core, append(2, 10, 2, {2, 2}));

  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match_index, log_index(12));
}

/// Node 1 of two voters and the learner 3, by an entry in its log.
void learn_of_learner(lone_replica& one) {
  core::configuration c = voters(2);
  c.learners = {{node_id(3), "n3"}};
  auto m = append(1, 0, 0, {1});
  m.entries[0].kind = core::entry_kind::configuration;
  m.entries[0].payload = core::encode(c);
  one.receive(2, m);
}

// Hazards 17, 23: a member that does not vote makes no majority, neither of votes nor of copies.
TEST(Learners, CountNeitherForAnElectionNorForACommit) {
  lone_replica one({.settings = plain()});
  learn_of_learner(one);
  one.time_out();

  one.receive(3, granted(2));
  EXPECT_EQ(one.core().role(), core::role::candidate);
  one.receive(2, granted(2));
  ASSERT_EQ(one.core().role(), core::role::leader);
  one.receive(3, stored(2, 2));
  EXPECT_EQ(one.core().commit_index(), log_index(0));
  one.receive(2, stored(2, 2));

  EXPECT_EQ(one.core().commit_index(), log_index(2));
}

// Hazard 65: a dead learner is nobody whom a leader must hear.
TEST(CheckQuorum, ADeadLearnerDeposesNobody) {
  lone_replica one({.settings = {.pre_vote = false}});
  learn_of_learner(one);
  one.time_out();
  one.receive(2, granted(2));

  for (int i = 0; i < 40; ++i) {
    one.pass(milliseconds(50));
    one.receive(2, stored(2, 2));
  }

  EXPECT_EQ(one.core().role(), core::role::leader);
}

// Hazard 65: who has just come has not been silent for ever.
TEST(CheckQuorum, ANewLeaderHasAnElectionTimeoutToHearItsPeers) {
  lone_replica one({.settings = {.pre_vote = false}});
  one.pass(hours(5));
  one.lead();

  one.pass(milliseconds(299));
  EXPECT_EQ(one.core().role(), core::role::leader);
  one.pass(milliseconds(2));
  EXPECT_EQ(one.core().role(), core::role::follower);
}

// Hazard 37: milliseconds in 32 bits come round after 24.8 days, and after 49.7 days once more;
// who has been silent for so long is not alive.
TEST(CheckQuorum, SilenceIsMeasuredBeyondThirtyTwoBits) {
  constexpr std::int64_t wraps[] = {std::int64_t{1} << 31, std::int64_t{1} << 32};
  for (const std::int64_t wrap : wraps) {
    lone_replica one({.settings = {.pre_vote = false}});
    one.lead();

    one.pass(milliseconds(wrap + 10));

    EXPECT_EQ(one.core().role(), core::role::follower) << wrap;
  }
}

// Hazard 62: who may vote is decided by the log that wins, not by what the voter knows of it.
TEST(Elections, ACandidateFromOutsideTheOwnConfigurationMayBeVotedFor) {
  lone_replica one;

  EXPECT_TRUE(one.ask<request_vote_response>(9, vote(1, 0, 0)).vote_granted);
}

// ---- Commit and apply -------------------------------------------------------------------------

// Hazard 29: a read index tells where to read, not what of the own log is committed.
TEST(CommitRule, AReadIndexCommitsNothing) {
  lone_replica one;
  one.receive(2, append(1, 0, 0, {1, 1, 1}));
  one.core().read(5);
  const auto asked = one.turn();
  ASSERT_THAT(asked, SizeIs(1));

  one.receive(2, core::read_index_response{term(1), true, log_index(3)}, asked[0].call);

  EXPECT_THAT(one.granted(), ElementsAre(core::read_grant{5, log_index(3)}));
  EXPECT_EQ(one.core().commit_index(), log_index(0));
  EXPECT_THAT(one.applied(), IsEmpty());
}

// Hazard 40: storage answers with more than it was asked for, and with other places than those.
TEST(Applying, EntriesThatWereNotAskedForAreNotApplied) {
  core::config settings;
  settings.log_window_bytes = 4096;
  lone_replica one({.settings = settings, .terms = std::vector<std::uint64_t>(200, 1)});
  auto commit = append(1, 200, 1);
  commit.leader_commit = log_index(100);
  one.receive(2, commit);
  ASSERT_THAT(one.log_reads(), SizeIs(1));
  const auto stored = [&](std::uint64_t first, std::uint64_t last) {
    return one.disk().read({1, log_index(first), log_index(last), 1U << 20});
  };

  for (const auto& [first, last] : {std::pair{1, 101}, {2, 100}, {50, 60}}) {
    one.core().log_read(one.log_reads().back().id, stored(first, last));
    one.turn();
    EXPECT_THAT(one.applied(), IsEmpty());
    EXPECT_EQ(one.core().commit_index(), log_index(100));
  }
  one.core().log_read(one.log_reads().back().id, stored(1, 100));
  one.turn();

  ASSERT_THAT(one.applied(), SizeIs(100));
  for (std::uint64_t i = 1; i <= 100; ++i) EXPECT_EQ(one.applied()[i - 1], i);
}

}  // namespace
}  // namespace mainstay::core_test
