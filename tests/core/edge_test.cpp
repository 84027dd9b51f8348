/// Edges that no sentence of the paper speaks of: what comes late, what storage gives that was not
/// asked for, what was written for a log that has changed since.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/lone_replica.hpp"
#include "tests/core/paper_messages.hpp"

namespace mainstay::core_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

/// A configuration in place of a command.
core::entry configured(std::uint64_t index, std::uint64_t t, std::size_t nodes) {
  core::entry e = command(index, t);
  e.kind = core::entry_kind::configuration;
  e.payload = core::encode(voters(nodes));
  return e;
}

// Hazard 113: it could commit commands and would tell nobody.
TEST(Retirement, RetiredReplicaVotesButNeverStands) {
  lone_replica node({.settings = plain()});
  node.core().retire();

  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(receivers<core::request_vote>(node.time_out()), IsEmpty());

  EXPECT_EQ(node.core().role(), core::role::follower);
  EXPECT_TRUE(node.ask<core::request_vote_response>(2, vote(1, 0, 0)).vote_granted);
}

// Hazard 31: what lies behind the request's entries may be of another leader.
TEST(Acknowledgement, NamesWhatTheRequestHasMatchedAndNoMore) {
  lone_replica node({.settings = plain()});
  node.hold_disk();
  node.receive(2, append(1, 0, 0, {1, 1, 1}), 7);

  node.receive(3, append(2, 0, 0, {1}), 8);
  auto answered = node.persist();
  for (auto& e : node.persist()) answered.push_back(std::move(e));

  std::vector<std::uint64_t> matched;
  for (const auto& e : answered) {
    const auto* response = std::get_if<core::append_entries_response>(&e.message);
    if (e.call == 8 && response != nullptr) matched.push_back(response->match_index.value());
  }
  EXPECT_THAT(matched, ElementsAre(1));
}

/// The call of the first message to that peer.
std::uint64_t call_to(std::uint64_t peer, const std::vector<core::envelope>& sent) {
  for (const auto& e : sent) {
    if (e.to == node_id(peer)) return e.call;
  }
  throw std::logic_error("nothing was sent to it");
}

TEST(Replication, PeerThatCannotBeReachedIsLeftAloneUntilTheNextHeartbeat) {
  lone_replica node({.settings = plain()});
  node.lead();
  node.receive(2, stored(1, 1));
  node.receive(3, stored(1, 1));
  const std::uint64_t call = call_to(2, node.propose("a"));

  node.core().unreachable(node_id(2), call);

  EXPECT_THAT(receivers<core::append_entries>(node.turn()), Not(testing::Contains(2)));
  const auto beat = node.pass(core::config{}.heartbeat_interval);
  EXPECT_THAT(receivers<core::append_entries>(beat), testing::Contains(2));
}

// A vote request may fail long after the election: its time limit is longer than a heartbeat.
TEST(Replication, ARequestOfTheElectionThatFailsLateHoldsUpNothing) {
  lone_replica node({.settings = plain()});
  const std::uint64_t vote_call = call_to(2, node.time_out());
  node.receive(3, core::request_vote_response{node.core().current_term(), true, false});
  node.receive(2, stored(1, 1));
  ASSERT_EQ(node.core().role(), core::role::leader);

  node.core().unreachable(node_id(2), vote_call);

  EXPECT_THAT(receivers<core::append_entries>(node.propose("a")), testing::Contains(2));
}

// Hazard 119: the wall clock may go back, the log does not.
TEST(LogTime, EntriesNeverGoBackInTime) {
  lone_replica node({.voters = 1});
  node.lead();
  const std::array one{shared_bytes::copy_of("a")};

  ASSERT_TRUE(node.core().propose(one, log_time{500}));
  const auto second = node.core().propose(one, log_time{300});

  ASSERT_TRUE(second);
  EXPECT_EQ(node.core().entries().at(*second).time, log_time{500});
}

TEST(LogTime, CanBeProposedAloneAndIsAnEntryLikeAnother) {
  core::config settings = plain();
  settings.max_uncommitted_bytes = settings.max_command_bytes + 64;
  lone_replica node({.settings = settings});
  const auto refused = node.core().propose_time(log_time{500});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, error_code::not_leader);
  node.lead();

  const auto index = node.core().propose_time(log_time{500});

  ASSERT_TRUE(index);
  const auto& entry = node.core().entries().at(*index);
  EXPECT_EQ(entry.kind, core::entry_kind::no_op);
  EXPECT_EQ(entry.time, log_time{500});
  EXPECT_TRUE(entry.payload.empty());
}

TEST(LogTime, ProposedAloneCountsForTheLimit) {
  core::config settings = plain();
  settings.max_command_bytes = 1024;
  settings.max_uncommitted_bytes = 1024 + 64;
  lone_replica node({.settings = settings});
  node.lead();  // its no-op is uncommitted

  for (int i = 0; i < 16; ++i) ASSERT_TRUE(node.core().propose_time(log_time{})) << i;
  const auto refused = node.core().propose_time(log_time{});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, error_code::overloaded);
}

// Hazards 58, 59: several configurations may go with one truncation.
TEST(Configuration, EveryOneBehindTheTruncationIsTakenBack) {
  lone_replica node({.settings = plain()});
  auto first = append(1, 0, 0, {1, 1, 1});
  first.entries[1] = configured(2, 1, 4);
  first.entries[2] = configured(3, 1, 5);
  node.receive(2, first);
  ASSERT_EQ(node.core().configuration(), voters(5));

  node.receive(3, append(2, 1, 1, {2}));

  EXPECT_EQ(node.core().configuration(), voters(3));
}

/// A batch that storage had no room for comes again under another number.
TEST(Persisted, LateAnswerToARefusedBatchDoesNotCountForTheNext) {
  lone_replica node({.settings = plain()});
  node.hold_disk();
  node.receive(2, append(1, 0, 0, {1, 1}));
  const auto refused = node.disk().refuse();
  node.core().not_persisted(refused);
  node.turn();
  ASSERT_TRUE(node.disk().busy());

  node.core().persisted(refused);

  EXPECT_EQ(node.core().stable_index(), log_index(0));
  node.persist();
  EXPECT_EQ(node.core().stable_index(), log_index(2));
}

TEST(Persisted, OfTwoTruncationsTheDeeperOneIsDone) {
  lone_replica node({.settings = plain(), .terms = {1, 1, 1, 1, 1, 1}});
  node.hold_disk();
  node.receive(2, append(2, 2, 1, {2, 2, 2}));  // truncates from 3; under way
  node.receive(3, append(3, 4, 2, {3}));        // truncates from 5; waits

  node.core().not_persisted(node.disk().refuse());
  const auto again = node.core().take_ready().persist;

  EXPECT_EQ(again.truncate_from, log_index(3));
  EXPECT_EQ(again.entries.front().index, log_index(3));
}

TEST(Applying, WhatIsHandedOutAndNotYetAppliedIsBounded) {
  core::config settings;
  settings.max_applying_bytes = 1000;
  lone_replica node({.voters = 1, .settings = settings});
  node.lead();
  const std::string payload(600, 'x');
  const std::array commands{shared_bytes::copy_of(payload), shared_bytes::copy_of(payload),
                            shared_bytes::copy_of(payload)};
  ASSERT_TRUE(node.core().propose(commands, log_time{}));
  auto work = node.core().take_ready();
  node.core().persisted(work.persist.sequence);

  std::size_t handed_out = 0;
  for (int i = 0; i < 5; ++i) handed_out += node.core().take_ready().committed.size();

  EXPECT_EQ(handed_out, 2U);  // the second is begun below the bound
}

TEST(LogReads, EntriesThatTheLogDoesNotHaveAreNotSent) {
  core::config settings = plain();
  settings.log_window_bytes = 4096;
  lone_replica node({.settings = settings, .terms = std::vector<std::uint64_t>(200, 1)});
  node.lead();
  node.receive(
      2, core::append_entries_response{
             .term = term(2), .conflict_index = log_index(1), .rejected_index = log_index(200)});
  ASSERT_FALSE(node.log_reads().empty());
  const auto asked = node.log_reads().back();
  ASSERT_EQ(asked.first, log_index(1));

  node.core().log_read(asked.id, entries_of(1, {2, 2, 2}));

  for (const auto& m : lone_replica::all<core::append_entries>(node.turn())) {
    EXPECT_THAT(m.entries, IsEmpty());
  }
}

TEST(Misdirection, MessageForAnotherNodeIsRefusedAndChangesNothing) {
  lone_replica node({.settings = plain()});

  node.core().step({node_id(2), node_id(3), 7, vote(5, 0, 0)});

  const auto answer = lone_replica::only<core::request_vote_response>(node.turn());
  EXPECT_FALSE(answer.vote_granted);
  EXPECT_EQ(node.core().current_term(), term(0));
}

}  // namespace
}  // namespace mainstay::core_test
