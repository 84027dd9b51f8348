/// Wrong inputs and wrong starts, each refused by the naive twin with the rule that it breaks; and
/// right ones, which it follows through random schedules.
#include "tests/core/random_cluster.hpp"
#include "tests/simulation/twin_harness.hpp"

namespace mainstay::simulation_test {
namespace {

using simulation::disagreement;

// ---- Elections --------------------------------------------------------------------------------

TEST(TwinElections, NoElectionBeforeTheAlarm) {
  followed node;
  server s = node.state();
  appearance seen = truth(s);
  seen.now = s.alarm - duration(1);
  seen.role = core::role::candidate;
  seen.state = {term(1), node_id(1)};

  EXPECT_RULE(rule_broken_by([&] { s.time_passes(seen.now, seen); }),
              "paper §5.2: an election begins when the alarm is due");
}

TEST(TwinElections, AnElectionWhenTheAlarmIsDue) {
  followed node;
  server s = node.state();
  appearance seen = truth(s);
  seen.now = s.alarm;

  EXPECT_RULE(rule_broken_by([&] { s.time_passes(seen.now, seen); }),
              "paper §5.2: who hears from no leader");
}

TEST(TwinElections, NoVoteForALogThatIsBehind) {
  const followed node({.settings = plain(), .terms = {1, 2}});

  EXPECT_RULE(rule_after(node, 2, core::request_vote{term(3), log_index(9), term(1)},
                         [](appearance& a) { a.state = {term(3), node_id(2)}; }),
              "paper §5.4.1");
}

TEST(TwinElections, NoSecondVoteInATerm) {
  followed node;
  node.receive(2, core::request_vote{.term = term(3)});

  EXPECT_RULE(rule_after(node, 3, core::request_vote{.term = term(3)},
                         [](appearance& a) { a.state.voted_for = node_id(3); }),
              "paper §5.2: one vote a term");
}

TEST(TwinElections, NoVoteInAnOldTerm) {
  const followed node({.settings = plain(), .state = {term(3), {}}});

  EXPECT_RULE(rule_after(node, 3, core::request_vote{.term = term(2)},
                         [](appearance& a) { a.state.voted_for = node_id(3); }),
              "paper figure 2, RequestVote 1");
}

TEST(TwinElections, AFreeVoteIsNotWithheld) {
  const followed node;

  EXPECT_RULE(rule_after(node, 3, core::request_vote{.term = term(2)},
                         [](appearance& a) { a.state.current_term = term(2); }),
              "paper figure 2, RequestVote 2");
}

TEST(TwinElections, NoVoteWhileALeaderIsHeard) {
  followed node(beginning{});
  node.receive(2, append(1, 0, 0, {}));

  EXPECT_RULE(rule_after(node, 3, core::request_vote{.term = term(2)},
                         [](appearance& a) { a.state = {term(2), node_id(3)}; }),
              "thesis §4.2.3");
}

TEST(TwinElections, APreVoteRaisesNoTerm) {
  const followed node(beginning{});

  EXPECT_RULE(rule_after(node, 3, core::request_vote{.term = term(2), .pre_vote = true},
                         [](appearance& a) { a.state.current_term = term(2); }),
              "thesis §9.6");
}

TEST(TwinElections, AHigherTermIsObeyed) {
  const followed node;

  EXPECT_RULE(rule_after(node, 3, core::timeout_now_response{.term = term(2)}, [](appearance&) {}),
              "paper §5.1: a higher term");
}

TEST(TwinElections, RefusedCandidatesDoNotPutTheElectionOff) {
  followed node({.settings = plain(), .state = {term(3), {}}});
  const server s = node.state();

  EXPECT_RULE(rule_after(node, 3, core::request_vote{.term = term(2)},
                         [&](appearance& a) { a.alarm = s.alarm + duration(1); }),
              "paper §5.2: only the leader's word");
}

std::string rule_when_it_leads(const followed& node, std::uint64_t with_vote_of) {
  const term t = node.state().state.current_term;
  return rule_after(node, with_vote_of, core::request_vote_response{t, true, false},
                    [&](appearance& a) {
                      a.role = core::role::leader;
                      a.leader = node_id(1);
                    });
}

TEST(TwinElections, OneVoterIsCountedOnce) {
  followed node({.voters = 5, .settings = plain()});
  node.time_out();
  node.settle();
  node.receive(2, core::request_vote_response{term(1), true, false});

  EXPECT_RULE(rule_when_it_leads(node, 2), "paper §5.2: votes of a majority");
}

TEST(TwinElections, StrangersHaveNoVote) {
  followed node;
  node.time_out();
  node.settle();

  EXPECT_RULE(rule_when_it_leads(node, 9), "paper §5.2: votes of a majority");
}

TEST(TwinElections, TheOwnVoteCountsFromDiskOnly) {
  followed node;
  node.time_out();
  node.turn();

  EXPECT_RULE(rule_when_it_leads(node, 2), "paper §5.2: votes of a majority");
}

TEST(TwinElections, ANewLeaderAppendsANoOp) {
  followed node;
  node.time_out();
  node.settle();

  EXPECT_RULE(rule_when_it_leads(node, 2), "thesis §6.4: a new leader appends a no-op");
}

TEST(TwinElections, ALeaderOutOfContactStepsDown) {
  followed node({.settings = {.pre_vote = false}});
  node.lead();
  node.settle();
  server s = node.state();
  appearance seen = truth(s);
  seen.now = s.now + s.settings.election_timeout_max + duration(1);

  EXPECT_RULE(rule_broken_by([&] { s.time_passes(seen.now, seen); }), "thesis §6.2");
}

// ---- The log ----------------------------------------------------------------------------------

TEST(TwinLog, ATermHasOneLeader) {
  followed node;
  node.lead();

  EXPECT_RULE(rule_after(node, 2, append(1, 0, 0, {}),
                         [](appearance& a) {
                           a.role = core::role::follower;
                           a.leader = node_id(2);
                         }),
              "paper §5.2: a term has one leader");
}

TEST_F(TwinFollower, EntriesThatDoNotFollowAreRefused) {
  EXPECT_RULE(rule_after(node, 2, append(3, 5, 2, {3}),
                         [](appearance& a) {
                           a.last_index = log_index(6);
                           a.last_term = term(3);
                         }),
              "paper figure 2, AppendEntries 2");
}

TEST_F(TwinFollower, AConflictGoes) {
  EXPECT_RULE(rule_after(node, 2, append(3, 2, 1, {3}), [](appearance&) {}),
              "paper figure 2, AppendEntries 3 and 4");
}

TEST_F(TwinFollower, WhatMatchesStays) {
  EXPECT_RULE(rule_after(node, 2, append(3, 0, 0, {1}),
                         [](appearance& a) {
                           a.last_index = log_index(1);
                           a.last_term = term(1);
                         }),
              "paper figure 2, AppendEntries 3 and 4");
}

TEST_F(TwinFollower, WhatIsCommittedIsNeverUndone) {
  node.receive(2, append(3, 3, 2, {}, 3));

  EXPECT_RULE(
      rule_after(node, 2, append(3, 2, 1, {3}), [](appearance& a) { a.last_term = term(3); }),
      "paper figure 3");
}

TEST_F(TwinFollower, CommitsNoMoreThanItMatches) {
  EXPECT_RULE(rule_after(node, 2, append(3, 1, 1, {}, 3),
                         [](appearance& a) { a.commit_index = log_index(3); }),
              "paper figure 2, AppendEntries 5");
}

TEST_F(TwinFollower, TakesNoCommands) {
  server s = node.state();
  const appearance seen = truth(s);
  const std::array commands{shared_bytes::copy_of("x")};

  EXPECT_RULE(rule_broken_by(
                  [&] { s.is_offered(core::entry_kind::command, commands, log_index(4), seen); }),
              "paper §5.3: only the leader takes commands");
}

TEST_F(TwinFollower, TakesNoTimeEither) {
  server s = node.state();
  const appearance seen = truth(s);
  const std::array nothing{shared_bytes()};

  EXPECT_RULE(
      rule_broken_by([&] { s.is_offered(core::entry_kind::no_op, nothing, log_index(4), seen); }),
      "paper §5.3: only the leader takes commands");
}

TEST_F(TwinFollower, HoldsForDurableWhatTheDiskHasFinished) {
  node.receive(2, append(3, 3, 2, {3}));
  server s = node.state();
  appearance seen = truth(s);
  seen.stable_index = log_index(4);

  EXPECT_RULE(rule_broken_by([&] { s.stays_the_same(seen); }), "paper figure 2: durable is");
}

TEST_F(TwinFollower, ObeysAConfigurationFromAppendOn) {
  core::append_entries m = append(3, 3, 2, {3});
  m.entries[0].kind = core::entry_kind::configuration;
  m.entries[0].payload = core::encode(core_test::voters(5));
  node.receive(2, m);
  server s = node.state();
  appearance seen = truth(s);
  seen.configuration_index = {};

  EXPECT_RULE(rule_broken_by([&] { s.stays_the_same(seen); }), "paper §6");
}

// ---- Commitment -------------------------------------------------------------------------------

constexpr const char* commit_rule = "paper §5.3, §5.4.2";

TEST(TwinCommit, NotByCountingEntriesOfOldTerms) {
  followed node({.settings = plain(), .terms = {1, 2}});
  node.lead();
  node.settle();

  EXPECT_RULE(
      rule_after(node, 2, success(3, 2), [](appearance& a) { a.commit_index = log_index(2); }),
      commit_rule);
}

TEST(TwinCommit, NotWithoutAMajority) {
  followed node({.voters = 5, .settings = plain()});
  node.time_out();
  node.settle();
  node.receive(2, core::request_vote_response{term(1), true, false});
  node.receive(3, core::request_vote_response{term(1), true, false});
  node.settle();

  EXPECT_RULE(
      rule_after(node, 2, success(1, 1), [](appearance& a) { a.commit_index = log_index(1); }),
      commit_rule);
}

TEST(TwinCommit, NotWithTheOwnDiskStillWriting) {
  followed node;
  node.lead();
  node.turn();

  EXPECT_RULE(
      rule_after(node, 2, success(1, 1), [](appearance& a) { a.commit_index = log_index(1); }),
      commit_rule);
}

TEST(TwinCommit, NotForgotten) {
  followed node;
  node.lead();
  node.settle();

  EXPECT_RULE(rule_after(node, 2, success(1, 1), [](appearance&) {}), commit_rule);
}

// ---- Recovery ---------------------------------------------------------------------------------

/// The rule broken by a start from a disk with these entries and this state.
std::string rule_of_start(const followed& node, core::hard_state state,
                          std::vector<core::entry> entries) {
  server s = node.state();
  specification::recovered_disk found{.state = state, .last_index = log_index(entries.size())};
  found.term_at = [&](log_index i) { return i ? entries[i.value() - 1].term : term{}; };
  found.entry_at = [&](log_index i) { return &entries[i.value() - 1]; };
  appearance seen{.state = state, .last_index = found.last_index, .stable_index = found.last_index};
  if (!entries.empty()) seen.last_term = entries.back().term;
  seen.now = s.now;
  seen.alarm = s.now + s.settings.election_timeout_min;
  return rule_broken_by([&] { s.recovers(found, seen); });
}

/// Its disk has the terms 1 1 2 in term 3; in flight are term 4, the removal of 3, and 3/4, 4/4.
class TwinRecovery : public TwinFollower {
 protected:
  TwinRecovery() {
    node.receive(3, append(4, 2, 1, {4, 4}));
    node.turn();
  }
  std::string rule(std::uint64_t current_term, const std::vector<std::uint64_t>& terms) {
    return rule_of_start(node, {term(current_term), {}}, core_test::entries_of(1, terms));
  }
};

TEST_F(TwinRecovery, MayHoldAnyPrefixOfTheBatch) {
  EXPECT_EQ(rule(3, {1, 1, 2}), "");
  EXPECT_EQ(rule(4, {1, 1, 2}), "");
  EXPECT_EQ(rule(4, {1, 1}), "");
  EXPECT_EQ(rule(4, {1, 1, 4}), "");
  EXPECT_EQ(rule(4, {1, 1, 4, 4}), "");
}

TEST_F(TwinRecovery, LosesNothingDurable) {
  EXPECT_RULE(rule(3, {1, 1}), "core/entry.hpp: after a crash");
}

TEST_F(TwinRecovery, DoesNotForgetTheTerm) {
  EXPECT_RULE(rule(2, {1, 1, 2}), "core/entry.hpp: after a crash");
}

TEST_F(TwinRecovery, HoldsNoEntryBeforeItsTerm) {
  EXPECT_RULE(rule(3, {1, 1, 4}), "core/entry.hpp: after a crash");
}

TEST_F(TwinRecovery, HoldsTheEntriesThatWereWritten) {
  auto other = core_test::entries_of(1, {1, 1, 2});
  other[1].payload = shared_bytes::copy_of("other");

  EXPECT_RULE(rule_of_start(node, {term(3), {}}, other), "core/entry.hpp: after a crash");
}

// ---- The observer -----------------------------------------------------------------------------

TEST(Twin, TellsTheRuleTheNodeAndBothStates) {
  followed node({.settings = plain(), .state = {term(2), {}}});
  core::ready ready = node.next_ready();
  ready.messages.push_back({node_id(1), node_id(2), 7, append(2, 0, 0, {})});

  try {
    node.observer().took_ready(node.core().core(), ready);
    FAIL() << "the step was not refused";
  } catch (const disagreement& found) {
    EXPECT_RULE(found.rule, "paper §5.2");
    EXPECT_EQ(found.node, node_id(1));
    const std::string what = found.what();
    EXPECT_NE(what.find("the rules: follower, term 2"), std::string::npos) << what;
    EXPECT_NE(what.find("the node:  follower, term 2"), std::string::npos) << what;
  }
}

TEST(Twin, AReplacedDiskIsANewBeginning) {
  followed node({.settings = plain(), .terms = {1, 2}});
  followed wiped({.settings = plain()});

  EXPECT_THROW(node.observer().started(wiped.core().core()), disagreement);
  node.observer().disk_replaced(node_id(1));
  EXPECT_NO_THROW(node.observer().started(wiped.core().core()));
}

/// random_cluster_test goes on to many thousands.
TEST(Twin, AgreesWithTheCoreInRandomSchedules) {
  std::uint64_t steps = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    core_test::random_cluster schedule(seed);
    ASSERT_NO_THROW(schedule.run()) << "seed " << seed;
    steps += schedule.nodes().followed_by().steps();
  }
  EXPECT_GT(steps, 400'000U);
}

}  // namespace
}  // namespace mainstay::simulation_test
