/// Requests for other members as pure functions: what they ask for, what they lead through, and who
/// may come.
#include "mainstay/node/membership.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/node/configuration_synchronizer.hpp"

namespace mainstay {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

core::member member(std::uint64_t id, bool promote = false) {
  return {.id = node_id(id), .address = "n" + std::to_string(id), .promote = promote};
}

core::configuration three() { return {.voters = {member(1), member(2), member(3)}}; }

std::string refusal(const membership_request& request) {
  const auto target = target_of(three(), request);
  return target ? "" : target.error().message;
}

TEST(MembershipRequest, NewcomersBecomeLearners) {
  const auto target = target_of(three(), {.add = {member(4, true)}});

  ASSERT_TRUE(target);
  EXPECT_EQ(target->voters, three().voters);
  EXPECT_EQ(target->learners, std::vector{member(4, true)});
}

TEST(MembershipRequest, AVoterThatIsAddedAgainChangesItsAddress) {
  core::member elsewhere = member(2, true);
  elsewhere.address = "elsewhere";

  const auto target = target_of(three(), {.add = {elsewhere}});

  ASSERT_TRUE(target);
  EXPECT_EQ(target->voters[1].address, "elsewhere");
  EXPECT_FALSE(target->voters[1].promote);
  EXPECT_THAT(target->learners, IsEmpty());
}

TEST(MembershipRequest, LearnersArePromotedAndMembersRemovedAtOnce) {
  core::configuration now = three();
  now.learners = {member(4, true)};

  const auto target = target_of(now, {.remove = {node_id(1)}, .promote = {node_id(4)}});

  ASSERT_TRUE(target);
  EXPECT_EQ(target->voters, (std::vector{member(2), member(3), member(4)}));
  EXPECT_THAT(target->learners, IsEmpty());
}

TEST(MembershipRequest, ImpossibleOnesNameTheNode) {
  EXPECT_THAT(refusal({.remove = {node_id(9)}}), HasSubstr("node 9 is no member"));
  EXPECT_THAT(refusal({.promote = {node_id(2)}}), HasSubstr("node 2 is no learner"));
  EXPECT_THAT(refusal({.add = {member(0)}}), HasSubstr("must not be 0"));
  EXPECT_THAT(refusal({.remove = {node_id(1), node_id(2), node_id(3)}}),
              HasSubstr("voters must not be empty"));
}

TEST(MembershipPlan, ShowsEveryQuorumAndWhatItTolerates) {
  const auto target = target_of(three(), {.add = {member(4, true)}});

  const auto steps = plan_change(three(), *target);

  ASSERT_THAT(steps, SizeIs(3));
  EXPECT_EQ(steps[0].quorum, 2U);
  EXPECT_EQ(steps[0].outgoing_quorum, 0U);
  EXPECT_EQ(steps[0].tolerated_failures, 1U);
  EXPECT_TRUE(steps[1].members.is_joint());
  EXPECT_EQ(steps[1].quorum, 3U);
  EXPECT_EQ(steps[1].outgoing_quorum, 2U);
  EXPECT_EQ(steps[1].tolerated_failures, 1U);
  EXPECT_EQ(steps[2].members.voters.size(), 4U);
  EXPECT_EQ(steps[2].tolerated_failures, 1U);
}

TEST(MembershipPlan, NothingToDoTakesNoStep) {
  EXPECT_THAT(plan_change(three(), {.voters = three().voters}), IsEmpty());
}

TEST(MembershipManager, TwoMembersDoNotShareAnAddress) {
  core::configuration wanted = three();
  wanted.voters[2].address = "n1";

  const auto allowed = allow_distinct_addresses(three(), wanted, "");

  ASSERT_FALSE(allowed);
  EXPECT_THAT(allowed.error().message, HasSubstr("the address n1 of node 3 is in use"));
}

TEST(MembershipManager, ATokenIsWantedOfNewcomersAlone) {
  const auto manager = require_token("secret");
  core::configuration larger = three();
  larger.learners = {member(4)};

  EXPECT_TRUE(manager(three(), larger, "secret"));
  EXPECT_EQ(manager(three(), larger, "guess").error().code, error_code::wrong_identity);
  EXPECT_TRUE(manager(larger, three(), ""));
}

TEST(MembershipNewcomer, IsAddedWhenItsIdIsFree) {
  EXPECT_TRUE(judge_newcomer(three(), member(4), false).value());
}

// It asked, and crashed before it could keep the answer.
TEST(MembershipNewcomer, WhoWasTakenInAndNeverCameIsToldTheSame) {
  core::configuration now = three();
  now.learners = {member(4, true)};

  EXPECT_FALSE(judge_newcomer(now, member(4), false).value());
}

// Hazards 67, 68: with an empty disk nobody takes the place of a member that was heard, or votes.
TEST(MembershipNewcomer, WhoLostItsDiskIsToldWhatToDo) {
  core::configuration now = three();
  now.learners = {member(4, true)};
  core::member elsewhere = member(4);
  elsewhere.address = "elsewhere";

  for (const auto& refused :
       {judge_newcomer(now, member(4), true), judge_newcomer(now, member(3), false),
        judge_newcomer(now, elsewhere, false)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, error_code::wrong_identity);
    EXPECT_THAT(refused.error().message, HasSubstr("mainstayctl member remove"));
  }
}

TEST(MembershipDescription, NamesEverybodyOnce) {
  core::configuration c{.voters = {member(1), member(2)},
                        .outgoing_voters = {member(2), member(3)},
                        .learners = {member(4, true), member(5)}};

  EXPECT_EQ(describe(c), "1,2; leaving 3; learning 4+,5");
  EXPECT_EQ(describe(three()), "1,2,3");
}

// ---- Following a change -------------------------------------------------------------------------

/// A change that an entry of index 5 and term 1 began.
struct followed_change {
  followed_change() {
    for (std::uint64_t i = 1; i <= 5; ++i) append(i, 1);
    changes.watch(7, {log_index(5), term(1)}, {}, instant(duration(100)),
                  [this](membership_outcome o) { outcome = std::move(o); });
  }
  void append(std::uint64_t index, std::uint64_t in_term) {
    log.append({.index = log_index(index), .term = term(in_term)});
  }
  void look(std::uint64_t id, bool is_changing, bool leads, int at = 0) {
    members.change_id = id;
    changes.look({members, log_index(5), is_changing, leads, commit_index, log},
                 instant(duration(at)));
  }
  core::configuration members = three();
  core::log log;
  log_index commit_index{4};
  configuration_synchronizer changes;
  std::optional<membership_outcome> outcome;
};

TEST(ConfigurationSynchronizer, CompletesWithTheLastConfiguration) {
  followed_change f;
  f.look(7, true, true);
  EXPECT_FALSE(f.outcome);

  f.look(7, false, false);  // whoever removed itself leads no longer

  ASSERT_TRUE(f.outcome && *f.outcome);
  EXPECT_EQ((*f.outcome)->index, log_index(5));
  EXPECT_EQ(f.changes.next_deadline(), instant::max());
}

TEST(ConfigurationSynchronizer, TellsWhatIsNotKnownFromWhatFailed) {
  followed_change replaced, deposed, late;

  replaced.log.truncate_from(log_index(5));
  replaced.append(5, 2);
  replaced.commit_index = log_index(5);
  replaced.look(8, false, false);
  deposed.look(7, true, false);
  late.look(7, true, true, 100);

  EXPECT_EQ(replaced.outcome->error().code, error_code::overwritten);
  EXPECT_EQ(deposed.outcome->error().code, error_code::leadership_lost);
  EXPECT_EQ(late.outcome->error().code, error_code::timed_out);
}

// Another node may still have the entry, be elected, and commit it.
TEST(ConfigurationSynchronizer, WhatIsRolledBackButNotDecidedIsUnknown) {
  followed_change f;
  f.log.truncate_from(log_index(5));
  f.append(5, 2);

  f.look(0, false, false);

  ASSERT_TRUE(f.outcome);
  EXPECT_EQ(outcome_of(f.outcome->error().code), outcome::unknown);
}

}  // namespace
}  // namespace mainstay
