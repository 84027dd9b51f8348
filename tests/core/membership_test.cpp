/// Changes of membership, where a lone replica shows a rule better than a story does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/lone_replica.hpp"

namespace mainstay::core_test {
namespace {

using core::append_entries;
using core::append_entries_response;
using core::configuration_change;
using testing::HasSubstr;

configuration_change of_voters(std::size_t n) { return {.voters = voters(n).voters}; }

append_entries_response has_stored(std::uint64_t index) {
  return {.term = term(1), .success = true, .match_index = log_index(index)};
}

/// The call of the newest request to `peer` among those that left.
std::uint64_t call_to(const std::vector<core::envelope>& sent, std::uint64_t peer) {
  std::uint64_t call = 0;
  for (const auto& e : sent) {
    if (e.to == node_id(peer)) call = e.call;
  }
  return call;
}

/// Node 1 leads and has committed its no-op.
struct settled_leader {
  explicit settled_leader(std::size_t count) : replica({.voters = count}) {
    replica.lead();
    for (std::uint64_t peer = 2; peer <= count; ++peer) replica.receive(peer, has_stored(1));
  }
  lone_replica replica;
};

// Hazards 67, 68: node 3 leaves and comes again, perhaps with another disk. What it said of the old
// one says nothing of the new one, however late it arrives.
TEST(Membership, AnswersOfAnEarlierLifeDoNotCount) {
  settled_leader s(3);
  lone_replica& r = s.replica;
  const std::uint64_t early_call = call_to(r.propose("a"), 3);
  ASSERT_TRUE(r.core().change_configuration(of_voters(2)));
  r.turn();
  r.receive(2, has_stored(3));
  r.receive(3, has_stored(1), early_call);  // the joint configuration needs it no more
  r.receive(2, has_stored(4));
  ASSERT_FALSE(r.core().is_changing());
  ASSERT_TRUE(r.core().change_configuration(
      {.voters = voters(2).voters, .learners = {{node_id(3), "n3"}}}));
  const std::uint64_t late_call = call_to(r.turn(), 3);

  r.receive(3, has_stored(2), early_call);
  const auto before = r.core().peers();
  r.receive(3, has_stored(2), late_call);
  const auto after = r.core().peers();

  EXPECT_EQ(before.back().match_index, log_index(0));
  EXPECT_EQ(after.back().match_index, log_index(2));
}

/// An entry that makes node 1 the only voter, since it joined at `joined`.
core::entry alone_since(std::uint64_t index, std::uint64_t joined) {
  const core::configuration alone{
      .voters = {{.id = node_id(1), .address = "n1", .joined = log_index(joined)}}};
  return {log_index(index), term(1), core::entry_kind::configuration, {}, core::encode(alone)};
}

/// Node 1 comes again at index 5, and is told the log up to `last`.
struct newcomer {
  explicit newcomer(const core::entry& last) {
    append_entries said{.term = term(1), .leader_commit = last.index};
    for (std::uint64_t i = 1; i < last.index.value(); ++i) said.entries.push_back(command(i, 1));
    said.entries.push_back(last);
    replica.receive(2, said);
  }
  lone_replica replica{
      {.members = {.voters = {{.id = node_id(2), .address = "n2"}},
                   .learners = {{.id = node_id(1), .address = "n1", .joined = log_index(5)}}}}};
};

// Hazard 68: alone, it would be a majority of what it was in an earlier life.
TEST(Membership, WhoComesAgainDoesNotVoteForItsEarlierLife) {
  newcomer one(alone_since(3, 1));
  lone_replica& r = one.replica;
  ASSERT_EQ(r.core().configuration_index(), log_index(3));

  r.time_out();
  const auto answer = r.ask<core::timeout_now_response>(2, core::timeout_now{term(1)});

  EXPECT_EQ(r.core().role(), core::role::follower);
  EXPECT_EQ(r.core().current_term(), term(1));
  EXPECT_FALSE(answer.accepted);
}

TEST(Membership, WhoComesAgainVotesOnceItIsMadeAVoter) {
  newcomer one(alone_since(6, 5));

  one.replica.lead();

  EXPECT_EQ(one.replica.core().role(), core::role::leader);
}

// What was sent to the one that left says nothing of the one that joins.
TEST(Membership, AnEarlierLifesCallThatFailsHoldsNothingBack) {
  settled_leader s(3);
  lone_replica& r = s.replica;
  const std::uint64_t early_call = call_to(r.propose("a"), 3);
  ASSERT_TRUE(r.core().change_configuration(of_voters(2)));
  r.turn();
  r.receive(2, has_stored(3));
  r.receive(2, has_stored(4));
  ASSERT_FALSE(r.core().is_changing());
  ASSERT_TRUE(r.core().change_configuration(
      {.voters = voters(2).voters, .learners = {{node_id(3), "n3"}}}));

  r.core().unreachable(node_id(3), early_call);

  EXPECT_NE(call_to(r.turn(), 3), 0U);
}

TEST(Membership, APassiveVoterVotesAndDoesNotStand) {
  lone_replica r;
  core::configuration c = voters(3);
  c.voters[0].priority = 0;
  core::entry e{log_index(1), term(1), core::entry_kind::configuration, {}, core::encode(c)};
  r.receive(2, append_entries{.term = term(1), .entries = {e}});

  const auto sent = r.time_out();

  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(r.core().role(), core::role::follower);
  const auto vote = r.ask<core::request_vote_response>(
      3, core::request_vote{
             .term = term(2), .last_log_index = log_index(1), .last_log_term = term(1)});
  EXPECT_TRUE(vote.vote_granted);
}

// Hazard 56.
TEST(Membership, AChangeThatIsUnderWayIsNamed) {
  settled_leader s(3);
  configuration_change wanted = of_voters(2);
  wanted.change_id = 77;
  ASSERT_TRUE(s.replica.core().change_configuration(wanted));
  s.replica.turn();

  const auto refused = s.replica.core().change_configuration(of_voters(1));

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, error_code::overloaded);
  EXPECT_THAT(refused.error().message, HasSubstr("(id 77): the joint configuration of index 2"));
}

TEST(Membership, OtherAddressesNeedNoJointPhase) {
  settled_leader s(3);
  configuration_change wanted = of_voters(3);
  wanted.voters[2].address = "elsewhere:1";

  const auto index = s.replica.core().change_configuration(wanted);
  s.replica.turn();

  ASSERT_EQ(index, log_index(2));
  EXPECT_FALSE(s.replica.core().configuration().is_joint());
  EXPECT_EQ(s.replica.core().configuration().voters, wanted.voters);
}

TEST(Membership, ALeaderWithoutAnyPeerIsAQuorumOnceAlone) {
  settled_leader s(2);
  ASSERT_TRUE(s.replica.core().change_configuration(of_voters(1)));
  s.replica.turn();
  EXPECT_TRUE(s.replica.core().is_changing());

  s.replica.receive(2, has_stored(2));
  s.replica.turn();

  EXPECT_FALSE(s.replica.core().is_changing());
  EXPECT_EQ(s.replica.core().commit_index(), log_index(3));
}

// ---- A leader that is left out ----------------------------------------------------------------

/// Node 1 has committed the configuration of nodes 2 and 3, who have all of its log.
struct left_out_leader : settled_leader {
  left_out_leader() : settled_leader(3) {
    const auto all = voters(3).voters;
    EXPECT_TRUE(replica.core().change_configuration({.voters = {all[1], all[2]}}));
    replica.turn();
    for (const std::uint64_t peer : {2, 3}) replica.receive(peer, has_stored(2));
    replica.receive(2, has_stored(3));
    sent = replica.receive(3, has_stored(3));
  }
  core::role role() { return replica.core().role(); }

  std::vector<core::envelope> sent;  ///< when that was committed
};

// Thesis §4.2.2, §3.10; hazard 64: nobody has to wait for an election timeout.
TEST(LeftOutLeader, HandsOverToAVoterThatHasAll) {
  left_out_leader s;

  EXPECT_EQ(lone_replica::all<core::timeout_now>(s.sent).size(), 1U);
  EXPECT_EQ(s.sent.back().to, node_id(2));
  EXPECT_EQ(s.role(), core::role::leader);
  EXPECT_EQ(s.replica.core().commit_index(), log_index(3));
}

TEST(LeftOutLeader, TakesNeitherCommandsNorChanges) {
  left_out_leader s;
  const std::vector commands{shared_bytes::copy_of("a")};

  EXPECT_EQ(s.replica.core().propose(commands, {}).error().code, error_code::overloaded);
  EXPECT_EQ(s.replica.core().change_configuration(of_voters(3)).error().code,
            error_code::overloaded);
}

TEST(LeftOutLeader, StepsDownWhenTheHeirDeclines) {
  left_out_leader s;

  s.replica.receive(2, core::timeout_now_response{term(1), false}, call_to(s.sent, 2));

  EXPECT_EQ(s.role(), core::role::follower);
}

TEST(LeftOutLeader, StepsDownWhenTheHeirIsNotReached) {
  left_out_leader s;

  s.replica.core().unreachable(node_id(2), call_to(s.sent, 2));
  s.replica.turn();

  EXPECT_EQ(s.role(), core::role::follower);
}

TEST(LeftOutLeader, StepsDownWhenTheHeirIsSilent) {
  left_out_leader s;
  const auto in_contact = [&] {
    for (const std::uint64_t peer : {2, 3}) s.replica.receive(peer, has_stored(3));
  };
  const core::config settings;

  s.replica.pass(settings.election_timeout_min);
  in_contact();
  EXPECT_EQ(s.role(), core::role::leader);
  s.replica.pass(settings.election_timeout_max - settings.election_timeout_min);

  EXPECT_EQ(s.role(), core::role::follower);
}

}  // namespace
}  // namespace mainstay::core_test
