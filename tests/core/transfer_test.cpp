/// Leadership transfer (thesis §3.10) at one replica: whom a leader tells to stand and when, what
/// ends a transfer, and who may stand when told.
#include <array>
#include <chrono>

#include <gtest/gtest.h>

#include "tests/core/lone_replica.hpp"
#include "tests/core/paper_messages.hpp"

namespace mainstay::core_test {
namespace {

using core::timeout_now;
using core::transfer_outcome;
using core::transfer_phase;

/// Node 1 leads node 2 and node 3; its log ends at its no-op.
lone_replica& leading(lone_replica& one) {
  one.lead();
  return one;
}

core::append_entries_response has(std::uint64_t term, std::uint64_t index) {
  return {.term = mainstay::term(term), .success = true, .match_index = log_index(index)};
}

/// What a `take_ready` says of a transfer.
std::optional<core::transfer_result> ended(lone_replica& one) {
  return one.core().take_ready().transfer;
}

constexpr auto longest = core::config{}.election_timeout_max;

TEST(LeadershipTransfer, TellsAHeirThatHasAllAtOnce) {
  lone_replica one;
  leading(one).receive(2, has(1, 1));

  ASSERT_TRUE(one.core().transfer(node_id(2)));
  const auto sent = one.turn();

  EXPECT_EQ(lone_replica::only<timeout_now>(sent).term, term(1));
}

TEST(LeadershipTransfer, WaitsUntilTheHeirHasAll) {
  lone_replica one;
  leading(one).propose("x");

  ASSERT_TRUE(one.core().transfer(node_id(2)));
  const auto before = one.turn();
  const auto half = one.receive(2, has(1, 1));
  const auto whole = one.receive(2, has(1, 2));

  EXPECT_TRUE(lone_replica::all<timeout_now>(before).empty());
  EXPECT_TRUE(lone_replica::all<timeout_now>(half).empty());
  EXPECT_EQ(lone_replica::all<timeout_now>(whole).size(), 1U);
}

TEST(LeadershipTransfer, TakesCommandsWhileTheHeirCatchesUpAndNoneAfterwards) {
  lone_replica one;
  leading(one).propose("x");
  ASSERT_TRUE(one.core().transfer(node_id(2)));
  const std::array commands{shared_bytes::copy_of("y")};

  EXPECT_TRUE(one.core().propose(commands, log_time{}));
  one.turn();
  one.receive(2, has(1, 2));  // all that there was when the transfer began
  const auto fenced = one.core().propose(commands, log_time{});

  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code, error_code::overloaded);
  EXPECT_EQ(one.core().handing_over().phase, transfer_phase::fence);
}

TEST(LeadershipTransfer, WaitsUntilAllCommandsCanBeAnswered) {
  lone_replica one;
  leading(one).receive(2, has(1, 1));
  one.hold_disk();
  one.propose("x");

  ASSERT_TRUE(one.core().transfer(node_id(2)));
  const auto uncommitted = one.receive(2, has(1, 2));
  const auto committed = one.persist();

  EXPECT_TRUE(lone_replica::all<timeout_now>(uncommitted).empty());
  EXPECT_EQ(lone_replica::all<timeout_now>(committed).size(), 1U);
}

TEST(LeadershipTransfer, GoesToTheVoterWithTheMostOfTheLog) {
  lone_replica one;
  leading(one).receive(2, core::append_entries_response{.term = term(1), .success = true});
  one.receive(3, has(1, 1));

  EXPECT_EQ(one.core().transfer({}).value(), node_id(3));
}

TEST(LeadershipTransfer, GoesToNobodyWhenNoVoterWasHeard) {
  lone_replica one({.voters = 1});
  one.time_out();

  EXPECT_EQ(one.core().transfer({}).error().code, error_code::unreachable);
}

TEST(LeadershipTransfer, IsRefusedByWhoDoesNotLead) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));

  const auto refused = one.core().transfer(node_id(3));

  EXPECT_EQ(refused.error().code, error_code::not_leader);
  EXPECT_EQ(refused.error().leader, node_id(2));
}

TEST(LeadershipTransfer, IsRefusedToWhoDoesNotVoteAndToItself) {
  lone_replica one;
  leading(one);

  EXPECT_EQ(one.core().transfer(node_id(9)).error().code, error_code::invalid_argument);
  EXPECT_EQ(one.core().transfer(node_id(1)).error().code, error_code::invalid_argument);
  EXPECT_EQ(one.core().handing_over().phase, transfer_phase::none);
}

TEST(LeadershipTransfer, IsRefusedWhileAnotherIsUnderWay) {
  lone_replica one;
  leading(one);
  ASSERT_TRUE(one.core().transfer(node_id(2)));

  EXPECT_EQ(one.core().transfer(node_id(3)).error().code, error_code::overloaded);
  EXPECT_EQ(one.core().handing_over().target, node_id(2));
}

TEST(LeadershipTransfer, IsWonWhenALaterTermBegins) {
  lone_replica one;
  leading(one).receive(2, has(1, 1));
  ASSERT_TRUE(one.core().transfer(node_id(2)));
  one.turn();

  one.core().step({node_id(2), node_id(1), 9,
                   core::request_vote{.term = term(2),
                                      .last_log_index = log_index(1),
                                      .last_log_term = term(1),
                                      .leadership_transfer = true}});

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::won);
  EXPECT_EQ(one.core().voted_for(), node_id(2));
}

TEST(LeadershipTransfer, IsNotWonByALaterTermBeforeTheHeirWasTold) {
  lone_replica one;
  leading(one).propose("x");
  ASSERT_TRUE(one.core().transfer(node_id(2)));
  one.turn();

  one.core().step({node_id(3), node_id(1), 9, append(5, 0, 0)});

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::leadership_lost);
}

TEST(LeadershipTransfer, IsNotWonByWhoStepsDownInItsOwnTerm) {
  lone_replica one;
  leading(one).receive(2, has(1, 1));
  ASSERT_TRUE(one.core().transfer(node_id(2)));
  one.turn();

  one.core().step_down();

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::leadership_lost);
}

/// Node 1 has told node 2 to stand; gives the call.
std::uint64_t told(lone_replica& one) {
  leading(one).receive(2, has(1, 1));
  EXPECT_TRUE(one.core().transfer(node_id(2)));
  for (const auto& e : one.turn()) {
    if (std::holds_alternative<timeout_now>(e.message)) return e.call;
  }
  return 0;
}

TEST(LeadershipTransfer, IsTakenBackWhenTheHeirDeclines) {
  lone_replica one;
  const std::uint64_t call = told(one);

  one.core().step({node_id(2), node_id(1), call, core::timeout_now_response{term(1), false}});

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::declined);
  EXPECT_FALSE(one.core().is_fenced());
}

TEST(LeadershipTransfer, GoesOnWhenTheHeirAccepts) {
  lone_replica one;
  const std::uint64_t call = told(one);

  one.core().step({node_id(2), node_id(1), call, core::timeout_now_response{term(1), true}});

  EXPECT_FALSE(ended(one));
  EXPECT_TRUE(one.core().is_fenced());
}

// Hazard 121: the refusal of an earlier transfer says nothing of this one.
TEST(LeadershipTransfer, IgnoresAnswersToAnEarlierOne) {
  lone_replica one;
  const std::uint64_t first = told(one);
  one.core().unreachable(node_id(2), first);
  EXPECT_EQ(ended(one)->outcome, transfer_outcome::unreachable);
  one.receive(2, has(1, 1));
  ASSERT_TRUE(one.core().transfer(node_id(2)));
  one.turn();

  one.core().step({node_id(2), node_id(1), first, core::timeout_now_response{term(1), false}});
  one.core().unreachable(node_id(2), first);

  EXPECT_FALSE(ended(one));
  EXPECT_TRUE(one.core().is_fenced());
}

TEST(LeadershipTransfer, IgnoresAnswersOfOthers) {
  lone_replica one;
  const std::uint64_t call = told(one);

  one.core().step({node_id(3), node_id(1), call, core::timeout_now_response{term(1), false}});

  EXPECT_FALSE(ended(one));
}

TEST(LeadershipTransfer, IsTakenBackWhenTheHeirIsNotReached) {
  lone_replica one;
  const std::uint64_t call = told(one);

  one.core().unreachable(node_id(2), call);

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::unreachable);
  const std::array commands{shared_bytes::copy_of("y")};
  EXPECT_TRUE(one.core().propose(commands, log_time{}));
}

/// Lets time pass for a leader that still hears node 3.
void pass(lone_replica& one, duration span) {
  one.receive(3, has(1, 1));
  one.core().advance(one.core().core().now() + span);
  one.core().step({node_id(3), node_id(1), 1, has(1, 1)});
}

TEST(LeadershipTransfer, IsTakenBackAfterAnElectionTimeoutOfCatchingUp) {
  lone_replica one;
  leading(one);
  ASSERT_TRUE(one.core().transfer(node_id(2)));
  one.turn();

  pass(one, longest - duration(1));
  EXPECT_FALSE(ended(one));
  pass(one, duration(1));

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::timed_out);
  EXPECT_EQ(one.core().role(), core::role::leader);
}

TEST(LeadershipTransfer, IsTakenBackAfterAnElectionTimeoutBehindTheFence) {
  lone_replica one;
  told(one);

  pass(one, longest - duration(1));
  EXPECT_FALSE(ended(one));
  pass(one, duration(1));

  EXPECT_EQ(ended(one)->outcome, transfer_outcome::timed_out);
  EXPECT_FALSE(one.core().is_fenced());
}

TEST(LeadershipTransfer, WakesTheLeaderToTakeItBack) {
  lone_replica one;
  leading(one);
  one.pass(core::config{}.heartbeat_interval - duration(1));

  ASSERT_TRUE(one.core().transfer(node_id(2)));

  EXPECT_LE(one.core().next_deadline(), one.core().core().now() + longest);
}

// ---- Priorities -------------------------------------------------------------------------------

/// Node 1 leads, and index 2 has given node 3 this priority; nobody has acknowledged that.
lone_replica& prefers_node_3(lone_replica& one, std::uint8_t priority) {
  leading(one).receive(2, has(1, 1));
  core::configuration_change change{.voters = one.core().configuration().voters};
  change.voters[2].priority = priority;
  EXPECT_TRUE(one.core().change_configuration(change));
  one.turn();
  return one;
}

TEST(Priorities, LeaderPrefersAHigherOneThatHasAllThatIsCommitted) {
  lone_replica one;
  prefers_node_3(one, 5).receive(2, has(1, 2));

  EXPECT_EQ(one.core().preferred_leader(), node_id());
  EXPECT_EQ(one.core().best_heir({}), node_id(2));
  one.receive(3, has(1, 2));

  EXPECT_EQ(one.core().preferred_leader(), node_id(3));
  EXPECT_EQ(one.core().best_heir({}), node_id(3));
}

TEST(Priorities, LaggardIsNotPreferredAlthoughNobodyElseIsHeard) {
  lone_replica one;
  prefers_node_3(one, 5).receive(2, has(1, 2));
  const core::config settings;
  for (duration silent{}; silent <= settings.election_timeout_max;
       silent += settings.heartbeat_interval) {
    one.pass(settings.heartbeat_interval);
    one.receive(3, has(1, 1));
  }

  ASSERT_EQ(one.core().role(), core::role::leader);
  ASSERT_EQ(one.core().best_heir({}), node_id(3));
  EXPECT_EQ(one.core().preferred_leader(), node_id());
}

TEST(Priorities, LeaderPrefersNobodyOfItsOwn) {
  lone_replica one;
  prefers_node_3(one, 0);
  one.receive(2, has(1, 2));
  one.receive(3, has(1, 2));

  EXPECT_EQ(one.core().preferred_leader(), node_id());
  EXPECT_EQ(one.core().best_heir({}), node_id(2));
}

TEST(Priorities, LeaderPrefersNobodyWhileMembersChange) {
  lone_replica one;
  prefers_node_3(one, 5).receive(3, has(1, 1));

  EXPECT_EQ(one.core().preferred_leader(), node_id());
}

TEST(Priorities, WhoIsPassedOverIsNoHeir) {
  lone_replica one;
  prefers_node_3(one, 5);
  one.receive(2, has(1, 2));
  one.receive(3, has(1, 2));
  const std::array tried{node_id(3)};
  const std::array all{node_id(2), node_id(3)};

  EXPECT_EQ(one.core().best_heir(tried), node_id(2));
  EXPECT_EQ(one.core().best_heir(all), node_id());
}

// ---- The heir ---------------------------------------------------------------------------------

TEST(LeadershipTransfer, WhoIsToldStandsAtOnceWithoutAPreVote) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));

  const auto sent = one.receive(2, timeout_now{term(1)});

  EXPECT_TRUE(lone_replica::only<core::timeout_now_response>(sent).accepted);
  const auto votes = lone_replica::all<core::request_vote>(sent);
  ASSERT_EQ(votes.size(), 2U);
  EXPECT_EQ(votes.front().term, term(2));
  EXPECT_TRUE(votes.front().leadership_transfer);
  EXPECT_FALSE(votes.front().pre_vote);
}

TEST(LeadershipTransfer, WhoLostStandsLikeAnyoneTheNextTime) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));
  one.receive(2, timeout_now{term(1)});

  const auto sent = one.time_out();

  for (const auto& vote : lone_replica::all<core::request_vote>(sent)) {
    EXPECT_FALSE(vote.leadership_transfer);
  }
}

TEST(LeadershipTransfer, WordOfAnEarlierTermIsDeclined) {
  lone_replica one;
  one.receive(2, append(3, 0, 0));

  EXPECT_FALSE(one.ask<core::timeout_now_response>(2, timeout_now{term(2)}).accepted);
  EXPECT_EQ(one.core().role(), core::role::follower);
}

TEST(LeadershipTransfer, WordOfAnotherThanTheLeaderIsDeclined) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));

  EXPECT_FALSE(one.ask<core::timeout_now_response>(3, timeout_now{term(1)}).accepted);
}

TEST(LeadershipTransfer, WordOfALeaderNeverHeardIsDeclined) {
  lone_replica one;

  EXPECT_FALSE(one.ask<core::timeout_now_response>(2, timeout_now{term(4)}).accepted);
  EXPECT_EQ(one.core().current_term(), term(4));
}

TEST(LeadershipTransfer, WhoStandsAlreadyDoesNotStandTwice) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));
  one.receive(2, timeout_now{term(1)});

  EXPECT_FALSE(one.ask<core::timeout_now_response>(2, timeout_now{term(1)}).accepted);
  EXPECT_EQ(one.core().current_term(), term(2));
}

TEST(LeadershipTransfer, WhoRetiredDeclines) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));
  one.core().retire();

  EXPECT_FALSE(one.ask<core::timeout_now_response>(2, timeout_now{term(1)}).accepted);
}

/// An append with one entry, a configuration with node 2 and 3 as voters, and node 1 where told.
core::append_entries configured(bool votes) {
  core::configuration c;
  c.voters = {{node_id(2), "n2"}, {node_id(3), "n3"}};
  (votes ? c.voters : c.learners)
      .insert((votes ? c.voters : c.learners).begin(), {node_id(1), "n1"});
  auto m = append(1, 0, 0, {1});
  m.entries.front().kind = core::entry_kind::configuration;
  m.entries.front().payload = core::encode(c);
  return m;
}

// Hazards 17, 19: a member that does not vote, or was removed, does not stand.
TEST(LeadershipTransfer, WhoDoesNotVoteDeclines) {
  lone_replica one;
  one.receive(2, configured(false));

  EXPECT_FALSE(one.ask<core::timeout_now_response>(2, timeout_now{term(1)}).accepted);
}

// Hazard 52: the entry that makes it a voter is not on its disk yet.
TEST(LeadershipTransfer, WhoseConfigurationIsNotOnItsDiskDeclines) {
  lone_replica one;
  one.receive(2, append(1, 0, 0));
  one.hold_disk();
  one.receive(2, configured(true));

  EXPECT_FALSE(one.ask<core::timeout_now_response>(2, timeout_now{term(1)}).accepted);

  one.persist();
  EXPECT_TRUE(one.core().role() == core::role::follower);
  one.hold_disk(false);
  EXPECT_TRUE(one.ask<core::timeout_now_response>(2, timeout_now{term(1)}).accepted);
}

}  // namespace
}  // namespace mainstay::core_test
