/// The paper's rules one by one: figure 2 sentence by sentence, then §5.1 to §5.4 and §8, with the
/// thesis where it adds to them. Each test is one sentence; stories stand in tests/scenarios.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/core/raft.hpp"

#include "tests/core/cluster.hpp"
#include "tests/core/lone_replica.hpp"

namespace mainstay::core_test {
namespace {

using core::append_entries;
using core::append_entries_response;
using core::request_vote;
using core::request_vote_response;
using testing::IsEmpty;
using terms = std::vector<std::uint64_t>;

/// Without pre-vote and stickiness the paper's own election rules stand bare.
core::config plain() {
  core::config c;
  c.pre_vote = false;
  c.check_quorum = false;
  return c;
}

/// AppendEntries of term `t` after (index, term) with entries of the given terms.
append_entries append(std::uint64_t t, std::uint64_t prev_index, std::uint64_t prev_term,
                      const terms& entries = {}) {
  return {.term = term(t),
          .prev_log_index = log_index(prev_index),
          .prev_log_term = term(prev_term),
          .entries = entries_of(prev_index + 1, entries)};
}

request_vote vote(std::uint64_t t, std::uint64_t last_index, std::uint64_t last_term) {
  return {
      .term = term(t), .last_log_index = log_index(last_index), .last_log_term = term(last_term)};
}


// ---- Figure 2, persistent state -----------------------------------------------------------------

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

// ---- §5.2, elections ----------------------------------------------------------------------------

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

}  // namespace
}  // namespace mainstay::core_test
