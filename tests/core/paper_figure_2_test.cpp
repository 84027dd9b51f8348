/// The paper's figure 2, sentence by sentence: state, AppendEntries RPC, RequestVote RPC and the
/// rules for servers. Each test is one sentence; the sections of the paper stand in paper_test.cpp.
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
using core::request_vote;
using core::request_vote_response;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// ---- Figure 2, state ----------------------------------------------------------------------------

// "Updated on stable storage before responding to RPCs."
TEST(Figure2PersistentState, AVoteLeavesOnlyWhenItIsOnDisk) {
  lone_replica one({.settings = plain()});
  one.hold_disk();

  EXPECT_THAT(one.receive(2, vote(1, 0, 0)), IsEmpty());
  EXPECT_TRUE(one.only<request_vote_response>(one.persist()).vote_granted);
  EXPECT_EQ(one.disk().state(), (core::hard_state{term(1), node_id(2)}));
}

TEST(Figure2PersistentState, ANewTermIsAnsweredWithOnlyWhenItIsOnDisk) {
  lone_replica one({.settings = plain(), .terms = {1, 2}});
  one.hold_disk();

  EXPECT_THAT(one.receive(2, vote(7, 0, 0)), IsEmpty());

  const auto answer = one.only<request_vote_response>(one.persist());
  EXPECT_FALSE(answer.vote_granted);
  EXPECT_EQ(answer.term, term(7));
}

TEST(Figure2PersistentState, EntriesAreAcknowledgedOnlyWhenTheyAreOnDisk) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));
  one.hold_disk();

  EXPECT_THAT(one.receive(2, append(1, 0, 0, {1, 1})), IsEmpty());
  EXPECT_EQ(one.only<append_entries_response>(one.persist()).match_index, log_index(2));
}

// A candidate's own vote is a vote like any other.
TEST(Figure2PersistentState, ACandidateAsksOnlyWhenItsOwnVoteIsOnDisk) {
  lone_replica one({.settings = plain()});
  one.hold_disk();

  EXPECT_THAT(one.time_out(), IsEmpty());
  EXPECT_THAT(receivers<request_vote>(one.persist()), ElementsAre(2, 3));
  EXPECT_EQ(one.disk().state(), (core::hard_state{term(1), node_id(1)}));
}

// "commitIndex, lastApplied: initialized to 0, increases monotonically."
TEST(Figure2VolatileState, CommitIndexStartsAtZeroAndNeverFalls) {
  lone_replica one({.terms = {1, 1, 1}});
  EXPECT_EQ(one.core().commit_index(), log_index(0));

  auto heartbeat = append(2, 3, 1);
  heartbeat.leader_commit = log_index(2);
  one.receive(2, heartbeat);
  heartbeat.leader_commit = log_index(1);
  one.receive(2, heartbeat);

  EXPECT_EQ(one.core().commit_index(), log_index(2));
  EXPECT_EQ(one.core().last_applied(), log_index(2));
}

// "nextIndex: initialized to leader last log index + 1; matchIndex: initialized to 0."
TEST(Figure2VolatileState, ALeaderStartsAtItsOwnEndAndKnowsNoMatch) {
  lone_replica one({.settings = plain(), .terms = {1, 1, 1}});

  one.lead();

  for (const auto& p : one.core().peers()) {
    EXPECT_EQ(p.next_index, log_index(4));
    EXPECT_EQ(p.match_index, log_index(0));
  }
  EXPECT_THAT(one.core().peers(), SizeIs(2));
}

// ---- Figure 2, AppendEntries RPC ----------------------------------------------------------------

// "1. Reply false if term < currentTerm."
TEST(Figure2AppendEntries, Rule1RefusesAnOldTerm) {
  lone_replica one({.terms = {1}, .state = {term(5), {}}});

  const auto answer = one.ask<append_entries_response>(2, append(4, 1, 1, {4}));

  EXPECT_FALSE(answer.success);
  EXPECT_EQ(answer.term, term(5));
  EXPECT_EQ(one.core().leader(), node_id(0));
  EXPECT_THAT(one.terms(), ElementsAre(1));
}

// "2. Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm."
TEST(Figure2AppendEntries, Rule2RefusesWhatDoesNotFollow) {
  lone_replica one({.terms = {1, 1}});

  EXPECT_FALSE(one.ask<append_entries_response>(2, append(3, 5, 2, {3})).success);
  EXPECT_FALSE(one.ask<append_entries_response>(2, append(3, 2, 2, {3})).success);
  EXPECT_THAT(one.terms(), ElementsAre(1, 1));
  EXPECT_EQ(one.core().leader(), node_id(2));
}

// "3. If an existing entry conflicts with a new one, delete it and all that follow it."
TEST(Figure2AppendEntries, Rule3DeletesAConflictAndAllBehindIt) {
  lone_replica one({.terms = {1, 1, 2, 2, 2}});

  EXPECT_TRUE(one.ask<append_entries_response>(2, append(3, 2, 1, {3})).success);

  EXPECT_THAT(one.terms(), ElementsAre(1, 1, 3));
  EXPECT_EQ(one.disk().last_index(), log_index(3));
}

// Only a conflict deletes: the request may be old, and what it lacks may be acknowledged already.
TEST(Figure2AppendEntries, Rule3KeepsWhatMatches) {
  lone_replica one({.terms = {1, 1, 2, 2}});

  const auto answer = one.ask<append_entries_response>(2, append(2, 1, 1, {1, 2}));

  EXPECT_TRUE(answer.success);
  EXPECT_EQ(answer.match_index, log_index(3));
  EXPECT_THAT(one.terms(), ElementsAre(1, 1, 2, 2));
}

// "4. Append any new entries not already in the log."
TEST(Figure2AppendEntries, Rule4AppendsOnlyWhatIsNew) {
  lone_replica one({.terms = {1, 1}});

  EXPECT_TRUE(one.ask<append_entries_response>(2, append(2, 0, 0, {1, 1, 2, 2})).success);

  EXPECT_THAT(one.terms(), ElementsAre(1, 1, 2, 2));
}

// "5. If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new entry)."
TEST(Figure2AppendEntries, Rule5CommitsUpToTheLastNewEntryOnly) {
  lone_replica one({.terms = {1, 1, 1, 1}});
  auto m = append(2, 1, 1, {1});
  m.leader_commit = log_index(4);

  one.receive(2, m);

  EXPECT_EQ(one.core().commit_index(), log_index(2));
}

TEST(Figure2AppendEntries, Rule5CommitsNoMoreThanTheLeaderDid) {
  lone_replica one({.terms = {1, 1, 1}});
  auto m = append(2, 3, 1);
  m.leader_commit = log_index(1);

  one.receive(2, m);

  EXPECT_EQ(one.core().commit_index(), log_index(1));
}

// ---- Figure 2, RequestVote RPC ------------------------------------------------------------------

// "1. Reply false if term < currentTerm."
TEST(Figure2RequestVote, Rule1RefusesAnOldTerm) {
  lone_replica one({.settings = plain(), .state = {term(5), {}}});

  const auto answer = one.ask<request_vote_response>(2, vote(4, 9, 4));

  EXPECT_FALSE(answer.vote_granted);
  EXPECT_EQ(answer.term, term(5));
}

// "2. If votedFor is null or candidateId, and the candidate's log is up-to-date, grant vote."
TEST(Figure2RequestVote, Rule2GivesTheFirstWhoAsks) {
  lone_replica one({.settings = plain()});

  EXPECT_TRUE(one.ask<request_vote_response>(3, vote(1, 0, 0)).vote_granted);
  EXPECT_FALSE(one.ask<request_vote_response>(2, vote(1, 9, 1)).vote_granted);
  EXPECT_EQ(one.core().voted_for(), node_id(3));
}

TEST(Figure2RequestVote, Rule2GivesTheSameCandidateAgain) {
  lone_replica one({.settings = plain()});

  EXPECT_TRUE(one.ask<request_vote_response>(3, vote(1, 0, 0)).vote_granted);
  EXPECT_TRUE(one.ask<request_vote_response>(3, vote(1, 0, 0)).vote_granted);
}

TEST(Figure2RequestVote, Rule2RefusesALogThatIsBehind) {
  lone_replica one({.settings = plain(), .terms = {1, 2, 2}});

  EXPECT_FALSE(one.ask<request_vote_response>(2, vote(3, 2, 2)).vote_granted);
  EXPECT_FALSE(one.ask<request_vote_response>(2, vote(4, 9, 1)).vote_granted);
  EXPECT_TRUE(one.ask<request_vote_response>(2, vote(5, 3, 2)).vote_granted);
}

// ---- Figure 2, rules for servers ----------------------------------------------------------------

// "If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied]."
TEST(Figure2AllServers, ApplyWhatIsCommittedInOrder) {
  lone_replica one({.terms = {1, 1, 1}});
  auto m = append(2, 3, 1);

  m.leader_commit = log_index(1);
  one.receive(2, m);
  m.leader_commit = log_index(3);
  one.receive(2, m);

  EXPECT_THAT(one.applied(), ElementsAre(1, 2, 3));
}

// "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
// follower."
TEST(Figure2AllServers, AHigherTermInAnyMessageMakesAFollower) {
  const std::vector<core::message> messages{
      vote(9, 0, 0),
      request_vote_response{term(9), false, false},
      append(9, 0, 0),
      append_entries_response{.term = term(9)},
      core::install_snapshot{.term = term(9), .image = {log_index(5), term(9), 1, 1}},
      core::install_snapshot_response{.term = term(9)},
      core::timeout_now{term(9)},
      core::timeout_now_response{term(9), false},
      core::read_index{term(9)},
      core::read_index_response{.term = term(9)},
  };
  ASSERT_EQ(messages.size(), std::variant_size_v<core::message>);
  for (const auto& m : messages) {
    lone_replica one({.settings = plain()});
    one.lead();

    one.receive(2, m);

    EXPECT_EQ(one.core().role(), core::role::follower) << m.index();
    EXPECT_EQ(one.core().current_term(), term(9)) << m.index();
    EXPECT_EQ(one.disk().state().current_term, term(9)) << m.index();
  }
}

// "Followers: respond to RPCs from candidates and leaders."
TEST(Figure2Followers, AnswerEveryRequest) {
  lone_replica one({.state = {term(5), {}}});
  for (const core::message& m : std::vector<core::message>{
           vote(1, 0, 0), append(1, 0, 0), core::install_snapshot{.term = term(1)},
           core::timeout_now{term(1)}, core::read_index{term(1)}}) {
    const auto sent = one.receive(2, m, 77);

    ASSERT_THAT(sent, SizeIs(1)) << m.index();
    EXPECT_EQ(sent[0].call, 77U);
    EXPECT_EQ(sent[0].to, node_id(2));
    EXPECT_EQ(sent[0].message.index(), m.index() + 1);
  }
}

// "If election timeout elapses without receiving AppendEntries RPC from current leader or granting
// vote to candidate: convert to candidate."
TEST(Figure2Followers, BecomeCandidatesWhenNobodySpeaks) {
  lone_replica one({.settings = plain()});
  one.pass(milliseconds(149));
  EXPECT_EQ(one.core().role(), core::role::follower);

  one.pass(milliseconds(151));

  EXPECT_EQ(one.core().role(), core::role::candidate);
}

TEST(Figure2Followers, AnAppendOfTheLeaderPutsTheElectionOff) {
  lone_replica one({.settings = plain()});
  for (int i = 0; i < 20; ++i) {
    one.pass(milliseconds(140));
    one.receive(2, append(1, 0, 0));
  }

  EXPECT_EQ(one.core().role(), core::role::follower);
}

TEST(Figure2Followers, AGrantedVotePutsTheElectionOff) {
  lone_replica one({.settings = plain()});
  one.pass(milliseconds(149));
  one.receive(2, vote(1, 0, 0));

  one.pass(milliseconds(149));

  EXPECT_EQ(one.core().role(), core::role::follower);
}

// Anything else does not: a node that is only refusing must not wait for ever.
TEST(Figure2Followers, OldLeadersAndRefusedCandidatesDoNotPutTheElectionOff) {
  lone_replica one({.settings = plain(), .terms = {3}});
  const instant alarm = one.core().next_deadline();

  one.pass(milliseconds(100));
  one.receive(2, append(2, 0, 0));
  one.receive(2, vote(4, 0, 0));

  EXPECT_EQ(one.core().next_deadline(), alarm);
}

// "On conversion to candidate, start election: increment currentTerm, vote for self, reset election
// timer, send RequestVote RPCs to all other servers."
TEST(Figure2Candidates, StartAnElection) {
  lone_replica one({.voters = 5, .settings = plain(), .terms = {1, 2}});

  const auto sent = one.time_out();

  EXPECT_EQ(one.core().current_term(), term(3));
  EXPECT_EQ(one.core().voted_for(), node_id(1));
  EXPECT_THAT(receivers<request_vote>(sent), ElementsAre(2, 3, 4, 5));
  for (const auto& m : one.all<request_vote>(sent)) EXPECT_EQ(m, vote(3, 2, 2));
}

// "If votes received from majority of servers: become leader."
TEST(Figure2Candidates, LeadWithTheVotesOfAMajority) {
  lone_replica one({.voters = 5, .settings = plain()});
  one.time_out();

  one.receive(2, granted(1));
  EXPECT_EQ(one.core().role(), core::role::candidate);
  one.receive(4, granted(1));

  EXPECT_EQ(one.core().role(), core::role::leader);
}

TEST(Figure2Candidates, CountNoVotesOfAnotherTermAndNoRefusals) {
  lone_replica one({.settings = plain(), .state = {term(4), {}}});
  one.time_out();

  one.receive(2, granted(4));
  one.receive(3, request_vote_response{term(5), false, false});

  EXPECT_EQ(one.core().role(), core::role::candidate);
}

// A vote of an earlier election of the same candidate is worth nothing in the next.
TEST(Figure2Candidates, StartEachElectionWithoutVotes) {
  lone_replica one({.voters = 5, .settings = plain()});
  one.time_out();
  one.receive(2, granted(1));
  one.time_out();

  one.receive(3, granted(2));

  EXPECT_EQ(one.core().role(), core::role::candidate);
}

// "If AppendEntries RPC received from new leader: convert to follower."
TEST(Figure2Candidates, FollowTheLeaderOfTheirTerm) {
  lone_replica one({.settings = plain()});
  one.time_out();

  one.receive(3, append(1, 0, 0));

  EXPECT_EQ(one.core().role(), core::role::follower);
  EXPECT_EQ(one.core().leader(), node_id(3));
}

// "If election timeout elapses: start new election."
TEST(Figure2Candidates, TryAgain) {
  lone_replica one({.settings = plain()});
  one.time_out();

  one.time_out();

  EXPECT_EQ(one.core().role(), core::role::candidate);
  EXPECT_EQ(one.core().current_term(), term(2));
}

// "Upon election: send initial empty AppendEntries RPCs to each server." Here they carry the no-op.
TEST(Figure2Leaders, SpeakToEveryoneUponElection) {
  lone_replica one({.settings = plain(), .terms = {1}});
  one.time_out();

  const auto sent = one.receive(2, granted(2));

  EXPECT_THAT(receivers<append_entries>(sent), ElementsAre(2, 3));
  for (const auto& m : one.all<append_entries>(sent)) {
    EXPECT_EQ(m.prev_log_index, log_index(1));
    ASSERT_THAT(m.entries, SizeIs(1));
    EXPECT_EQ(m.entries[0].kind, core::entry_kind::no_op);
  }
}

// "Repeat during idle periods to prevent election timeouts."
TEST(Figure2Leaders, HeartbeatWhenIdle) {
  lone_replica one({.settings = plain()});
  one.lead();
  one.receive(2, stored(1, 1));
  one.receive(3, stored(1, 1));
  one.pass(milliseconds(2));

  EXPECT_THAT(one.pass(milliseconds(47)), IsEmpty());
  EXPECT_THAT(receivers<append_entries>(one.pass(milliseconds(1))), ElementsAre(2, 3));
  EXPECT_THAT(receivers<append_entries>(one.pass(milliseconds(50))), ElementsAre(2, 3));
}

// "If command received from client: append entry to local log."
TEST(Figure2Leaders, AppendCommands) {
  lone_replica one({.settings = plain()});
  one.lead();

  one.propose("a");

  EXPECT_THAT(one.terms(), ElementsAre(1, 1));
  EXPECT_EQ(one.disk().at(log_index(2)).payload.text(), "a");
}

// "If last log index >= nextIndex for a follower: send AppendEntries with entries from nextIndex."
TEST(Figure2Leaders, SendWhatAFollowerLacks) {
  lone_replica one({.settings = plain()});
  one.lead();
  one.receive(2, stored(1, 1));

  const auto sent = one.all<append_entries>(one.propose("a"));

  ASSERT_THAT(sent, SizeIs(1));  // node 3 is still being probed
  EXPECT_EQ(sent[0].prev_log_index, log_index(1));
  EXPECT_THAT(sent[0].entries, SizeIs(1));
}

// "If successful: update nextIndex and matchIndex for follower."
TEST(Figure2Leaders, NoteWhatAFollowerHas) {
  lone_replica one({.settings = plain()});
  one.lead();

  one.receive(2, stored(1, 1));

  EXPECT_EQ(one.core().peers()[0].match_index, log_index(1));
  EXPECT_EQ(one.core().peers()[0].next_index, log_index(2));
}

// "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry."
TEST(Figure2Leaders, RetryFurtherBackAfterAMismatch) {
  lone_replica one({.settings = plain(), .terms = {1, 1, 1}});
  one.lead();

  const auto retry = one.ask<append_entries>(
      2, append_entries_response{
             .term = term(2), .conflict_index = log_index(2), .rejected_index = log_index(3)});

  EXPECT_EQ(retry.prev_log_index, log_index(1));
  EXPECT_THAT(retry.entries, SizeIs(3));
}

// "If there exists an N > commitIndex, a majority of matchIndex >= N, and log[N].term ==
// currentTerm: set commitIndex = N."
TEST(Figure2Leaders, CommitWhatAMajorityHas) {
  lone_replica one({.voters = 5, .settings = plain()});
  one.lead();
  one.propose("a");

  one.receive(2, stored(1, 2));
  EXPECT_EQ(one.core().commit_index(), log_index(0));
  one.receive(3, stored(1, 1));
  EXPECT_EQ(one.core().commit_index(), log_index(1));
  one.receive(3, stored(1, 2));

  EXPECT_EQ(one.core().commit_index(), log_index(2));
}

}  // namespace
}  // namespace mainstay::core_test
