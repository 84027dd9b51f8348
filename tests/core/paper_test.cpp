/// The paper's sections 5.1 to 5.4 and 8, rule by rule, with the thesis where it adds to them. Each
/// test is one sentence; figure 2 stands in paper_figure_2_test.cpp, stories in tests/scenarios.
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

// ---- §5.1 ---------------------------------------------------------------------------------------

// "Stale information such as obsolete leaders": an answer of an old term says nothing.
TEST(Paper51Terms, AnswersOfOldTermsAreIgnored) {
  lone_replica one({.settings = plain(), .state = {term(4), {}}});
  one.lead();

  one.receive(2, stored(4, 1));

  EXPECT_EQ(one.core().commit_index(), log_index(0));
  EXPECT_EQ(one.core().peers()[0].match_index, log_index(0));
}

// "RPCs are idempotent, so this causes no harm" (§5.5).
TEST(Paper51Terms, ARepeatedAppendChangesNothing) {
  lone_replica one;
  const auto m = append(1, 0, 0, {1, 1});
  const auto first = one.ask<append_entries_response>(2, m);

  const auto second = one.ask<append_entries_response>(2, m);

  EXPECT_EQ(first, second);
  EXPECT_THAT(one.terms(), ElementsAre(1, 1));
}

// ---- §5.2 ---------------------------------------------------------------------------------------

// "Election timeouts are chosen randomly from a fixed interval."
TEST(Paper52Elections, TimeoutsSpreadOverTheInterval) {
  lone_replica one({.settings = plain()});
  duration shortest = duration::max();
  duration longest{};
  instant before{};
  for (int i = 0; i < 500; ++i) {
    const instant alarm = one.core().next_deadline();
    shortest = std::min(shortest, alarm - before);
    longest = std::max(longest, alarm - before);
    one.time_out();
    before = alarm;
  }

  EXPECT_GE(shortest, milliseconds(150));
  EXPECT_LT(shortest, milliseconds(155));
  EXPECT_LT(longest, milliseconds(300));
  EXPECT_GT(longest, milliseconds(295));
}

// A pre-candidate has promised nothing in its term, so its vote is free; and having given it, it
// gives up its own attempt.
TEST(Paper52Elections, APreCandidateStillVotesInItsTerm) {
  lone_replica one({.state = {term(3), node_id{}}});
  one.time_out();
  ASSERT_EQ(one.core().role(), core::role::pre_candidate);

  const auto answer = one.ask<request_vote_response>(2, vote(3, 0, 0));

  EXPECT_TRUE(answer.vote_granted);
  EXPECT_EQ(one.core().role(), core::role::follower);
  EXPECT_EQ(one.disk().state().voted_for, node_id(2));
}

// Thesis §9.6: the question changes neither term nor vote, on neither side.
TEST(Paper52Elections, APreVotePromisesNothing) {
  lone_replica one({.state = {term(3), node_id(3)}});
  auto question = vote(4, 0, 0);
  question.pre_vote = true;

  const auto answer = one.ask<request_vote_response>(2, question);

  EXPECT_EQ(answer, (request_vote_response{term(4), true, true}));
  EXPECT_EQ(one.core().current_term(), term(3));
  EXPECT_EQ(one.core().voted_for(), node_id(3));
}

// Thesis §9.6: a pre-vote is granted only for a log that could win.
TEST(Paper52Elections, APreVoteNeedsAnUpToDateLogAndANewTerm) {
  lone_replica one({.terms = {1, 3}});
  auto question = vote(4, 9, 2);
  question.pre_vote = true;
  EXPECT_FALSE(one.ask<request_vote_response>(2, question).vote_granted);

  question = vote(3, 2, 3);
  question.pre_vote = true;
  EXPECT_FALSE(one.ask<request_vote_response>(2, question).vote_granted);
}

// Thesis §4.2.3: followers of a living leader deny votes; the transfer of leadership is exempt.
TEST(Paper52Elections, StickinessYieldsToATransfer) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));
  auto question = vote(2, 0, 0);
  EXPECT_FALSE(one.ask<request_vote_response>(3, question).vote_granted);
  EXPECT_EQ(one.core().current_term(), term(1));

  question.leadership_transfer = true;
  EXPECT_TRUE(one.ask<request_vote_response>(3, question).vote_granted);
}

// A member that does not vote keeps quiet (thesis §4.2.1).
TEST(Paper52Elections, ALearnerDoesNotStand) {
  lone_replica one;
  core::configuration c = voters(3);
  c.voters.erase(c.voters.begin());
  c.learners = {{node_id(1), "n1"}};
  auto m = append(1, 0, 0, {1});
  m.entries[0].kind = core::entry_kind::configuration;
  m.entries[0].payload = core::encode(c);
  m.leader_commit = log_index(1);
  one.receive(2, m);

  EXPECT_THAT(one.time_out(), IsEmpty());
  EXPECT_EQ(one.core().role(), core::role::follower);
}

// "a server that is not part of its own latest configuration should still start new elections":
// until that is committed, the others may need its log (thesis §4.2.2).
TEST(Paper6Membership, WhoIsLeftOutStandsUntilThatIsCommitted) {
  lone_replica one;
  core::configuration c = voters(3);
  c.voters.erase(c.voters.begin());
  auto m = append(1, 0, 0, {1});
  m.entries[0].kind = core::entry_kind::configuration;
  m.entries[0].payload = core::encode(c);
  one.receive(2, m);

  const auto sent = one.time_out();
  EXPECT_EQ(lone_replica::all<request_vote>(sent).size(), 2U);

  auto commits = append(1, 1, 1);
  commits.leader_commit = log_index(1);
  one.receive(2, commits);
  EXPECT_THAT(one.time_out(), IsEmpty());
}

// ---- §5.3 ---------------------------------------------------------------------------------------

// "If two entries in different logs have the same index and term": a leader creates one each.
TEST(Paper53Replication, ALeaderGivesEachIndexOnce) {
  lone_replica one({.settings = plain(), .terms = {1, 1}});
  one.lead();
  one.propose("a");
  one.propose("b");

  EXPECT_THAT(one.terms(), ElementsAre(1, 1, 2, 2, 2));
  EXPECT_EQ(one.disk().at(log_index(4)).payload.text(), "a");
  EXPECT_EQ(one.disk().at(log_index(5)).payload.text(), "b");
}

// "A leader never overwrites or deletes entries in its log": not even for another of its term.
TEST(Paper53Replication, ALeaderTakesNoEntries) {
  lone_replica one({.settings = plain()});
  one.lead();

  const auto answer = one.ask<append_entries_response>(2, append(1, 0, 0, {1, 1}));

  EXPECT_FALSE(answer.success);
  EXPECT_EQ(one.core().role(), core::role::leader);
  EXPECT_THAT(one.terms(), ElementsAre(1));
}

// A committed entry is never undone, whatever a message claims.
TEST(Paper53Replication, ACommittedEntryStays) {
  lone_replica one({.terms = {1, 1}});
  auto m = append(2, 2, 1);
  m.leader_commit = log_index(2);
  one.receive(2, m);

  EXPECT_FALSE(one.ask<append_entries_response>(3, append(3, 1, 1, {3})).success);

  EXPECT_THAT(one.terms(), ElementsAre(1, 1));
}

// "The follower can include the term of the conflicting entry and the first index it stores for
// that term."
TEST(Paper53Replication, ARejectionNamesTheConflictingTermAndItsBeginning) {
  lone_replica one({.terms = {1, 1, 2, 2, 2}});

  const auto answer = one.ask<append_entries_response>(2, append(4, 5, 3));

  EXPECT_EQ(answer.rejected_index, log_index(5));
  EXPECT_EQ(answer.conflict_term, term(2));
  EXPECT_EQ(answer.conflict_index, log_index(3));
}

TEST(Paper53Replication, ARejectionOfAShortLogNamesItsEnd) {
  lone_replica one({.terms = {1, 1}});

  const auto answer = one.ask<append_entries_response>(2, append(4, 9, 3));

  EXPECT_EQ(answer.conflict_term, term(0));
  EXPECT_EQ(answer.conflict_index, log_index(3));
}

// "The leader can decrement nextIndex to bypass all of the conflicting entries in that term."
TEST(Paper53Replication, TheLeaderSkipsWholeTerms) {
  lone_replica one({.settings = plain(), .terms = {1, 1, 4, 4, 4, 4}});
  one.lead();

  const auto retry =
      one.ask<append_entries>(2, append_entries_response{.term = term(5),
                                                         .conflict_index = log_index(3),
                                                         .conflict_term = term(2),
                                                         .rejected_index = log_index(6)});

  EXPECT_EQ(retry.prev_log_index, log_index(2));
}

TEST(Paper53Replication, TheLeaderStartsBehindItsOwnEntriesOfTheConflictingTerm) {
  lone_replica one({.settings = plain(), .terms = {1, 2, 2, 4, 4, 4}});
  one.lead();

  const auto retry =
      one.ask<append_entries>(2, append_entries_response{.term = term(5),
                                                         .conflict_index = log_index(2),
                                                         .conflict_term = term(2),
                                                         .rejected_index = log_index(6)});

  EXPECT_EQ(retry.prev_log_index, log_index(3));
}

// Entries from storage that come too late for a follower are not sent: it has moved on meanwhile.
TEST(Paper53Replication, ALogReadThatComesTooLateIsNotSent) {
  core::config settings = plain();
  settings.log_window_bytes = 4096;
  lone_replica one({.settings = settings});
  one.lead();
  for (std::uint64_t index = 2; index <= 9; ++index) {
    one.propose(std::string(1000, 'x'));
    one.receive(2, stored(1, index));
  }
  one.receive(3, stored(1, 1));
  ASSERT_THAT(one.log_reads(), SizeIs(1));
  one.receive(3, stored(1, 6));

  one.core().log_read(one.log_reads()[0].id, one.disk().read(one.log_reads()[0]));

  for (const auto& m : one.all<append_entries>(one.turn())) {
    EXPECT_GE(m.prev_log_index, log_index(6));
  }
  EXPECT_GT(one.core().peers()[1].next_index, log_index(6));
}

// ---- §5.4 ---------------------------------------------------------------------------------------

// §5.4.2: "Raft never commits log entries from previous terms by counting replicas."
TEST(Paper54Safety, OldEntriesCommitOnlyWithOneOfTheOwnTerm) {
  lone_replica one({.settings = plain(), .terms = {1, 2}});
  one.lead();

  one.receive(2, stored(3, 2));
  one.receive(3, stored(3, 2));
  EXPECT_EQ(one.core().commit_index(), log_index(0));
  one.receive(2, stored(3, 3));

  EXPECT_EQ(one.core().commit_index(), log_index(3));
  EXPECT_THAT(one.applied(), ElementsAre(1, 2, 3));
}

// The leader counts itself like any other: by what is on its disk.
TEST(Paper54Safety, TheLeaderCountsItselfOnlyFromDisk) {
  lone_replica one({.settings = plain()});
  one.lead();
  one.hold_disk();
  one.propose("a");
  one.receive(2, stored(1, 2));
  EXPECT_EQ(one.core().commit_index(), log_index(1));

  one.persist();

  EXPECT_EQ(one.core().commit_index(), log_index(2));
}

// An acknowledgement of what was never sent counts for nothing.
TEST(Paper54Safety, AnImpossibleAcknowledgementCountsForNothing) {
  lone_replica one({.settings = plain()});
  one.lead();

  one.receive(2, stored(1, 2));

  EXPECT_EQ(one.core().commit_index(), log_index(0));
}

// ---- §8 -----------------------------------------------------------------------------------------

// "Each leader commits a blank no-op entry into the log at the start of its term."
TEST(Paper8Clients, ALeaderBeginsWithANoOp) {
  lone_replica one({.settings = plain(), .terms = {1}});

  one.lead();

  EXPECT_EQ(one.core().entries().at(log_index(2)).kind, core::entry_kind::no_op);
  EXPECT_TRUE(one.core().entries().at(log_index(2)).payload.empty());
}

// "A leader must check whether it has been deposed before processing a read-only request": a
// majority answers a message that was sent after the read came.
TEST(Paper8Clients, AReadWaitsForAMajority) {
  lone_replica one({.voters = 5, .settings = plain()});
  one.lead();
  one.receive(2, stored(1, 1));
  one.receive(3, stored(1, 1));
  one.core().read(40);
  const auto rounds = one.all<append_entries>(one.turn());
  ASSERT_THAT(rounds, SizeIs(4));

  append_entries_response answer = stored(1, 1);
  answer.round = rounds[0].round;
  one.receive(2, answer);
  one.receive(2, answer);
  EXPECT_THAT(one.granted(), IsEmpty());
  one.receive(5, answer);

  EXPECT_THAT(one.granted(), ElementsAre(core::read_grant{40, log_index(1)}));
}

TEST(Paper8Clients, AReadWaitsForTheNoOp) {
  lone_replica one({.settings = plain()});
  one.lead();
  one.core().read(41);

  for (const auto& m : one.all<append_entries>(one.turn())) EXPECT_EQ(m.round, 0U);
  const auto rounds = one.all<append_entries>(one.receive(2, stored(1, 1)));

  ASSERT_FALSE(rounds.empty());
  EXPECT_EQ(rounds[0].round, 1U);
  EXPECT_THAT(one.granted(), IsEmpty());
}

TEST(Paper8Clients, AnEarlierRoundConfirmsNothing) {
  lone_replica one({.settings = plain()});
  one.lead();
  one.receive(2, stored(1, 1));
  one.core().read(42);
  one.turn();

  one.receive(2, stored(1, 1));
  one.receive(3, stored(1, 1));

  EXPECT_THAT(one.granted(), IsEmpty());
}

// Nor does a round that was never sent to the one who claims it.
TEST(Paper8Clients, AFutureRoundConfirmsNothing) {
  lone_replica one({.settings = plain()});
  one.lead();
  append_entries_response answer = stored(1, 1);
  answer.round = 9;
  one.receive(2, answer);
  one.receive(3, answer);

  one.core().read(43);
  one.turn();

  EXPECT_THAT(one.granted(), IsEmpty());
}

TEST(Paper8Clients, AReadIsRefusedWhenTheLeaderStepsDown) {
  lone_replica one({.settings = plain()});
  one.lead();
  one.core().read(44);
  one.turn();

  one.receive(2, append(2, 0, 0));

  ASSERT_THAT(one.failed(), SizeIs(1));
  EXPECT_EQ(one.failed()[0].context, 44U);
  EXPECT_EQ(one.failed()[0].why.code, error_code::not_leader);
}

}  // namespace
}  // namespace mainstay::core_test
