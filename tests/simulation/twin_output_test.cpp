/// Wrong outputs, each refused by the naive twin with the rule that it breaks: messages, batches
/// for the disk, entries to apply, granted reads.
#include "tests/simulation/twin_harness.hpp"

namespace mainstay::simulation_test {
namespace {

// ---- What leaves ------------------------------------------------------------------------------

TEST(TwinOutput, ATermIsDurableBeforeItIsNamed) {
  followed node;
  node.receive(2, append(1, 4, 1, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    r.messages.push_back(
        {node_id(1), node_id(2), 7,
         core::append_entries_response{
             .term = term(1), .conflict_index = log_index(1), .rejected_index = log_index(4)}});
  }),
              "paper figure 2: a term is on stable storage");
}

TEST(TwinOutput, AVoteIsDurableBeforeItIsGiven) {
  followed node({.settings = plain(), .state = {term(2), {}}});
  node.receive(2, core::request_vote{.term = term(2)});

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    r.messages.push_back(
        {node_id(1), node_id(2), 7, core::request_vote_response{term(2), true, false}});
  }),
              "paper figure 2: a vote is on stable storage");
}

TEST(TwinOutput, ARefusedVoteIsNotGiven) {
  followed node({.settings = plain(), .state = {term(2), node_id(3)}});
  node.receive(2, core::request_vote{.term = term(2)});

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::request_vote_response>(r).vote_granted = true;
  }),
              "paper §5.2: one vote a term");
}

TEST(TwinOutput, ACandidateAsksWhenItsOwnVoteIsDurable) {
  followed node({.settings = plain(), .state = {term(2), {}}});
  node.time_out();
  node.turn();
  node.persist();
  core::ready asks = node.next_ready();
  ASSERT_FALSE(asks.messages.empty());
  server s = node.state();
  // As if the term were there, and the vote still on its way.
  s.disk.state.voted_for = {};
  s.disk.in_flight = core::persist_batch{.sequence = 9, .has_hard_state = true, .state = s.state};
  const appearance seen = truth(s);

  EXPECT_RULE(rule_broken_by([&] { s.puts_out(asks, seen); }),
              "paper figure 2: a candidate's own vote");
}

TEST(TwinOutput, ACandidateShowsItsOwnLog) {
  followed node({.settings = plain(), .terms = {1, 2}});
  node.time_out();
  node.turn();
  node.persist();

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::request_vote>(r).last_log_index = log_index(3);
  }),
              "paper §5.4.1: a candidate shows");
}

TEST(TwinOutput, OnlyTheLeaderSendsAppendEntries) {
  const followed node({.settings = plain(), .state = {term(2), {}}});

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    r.messages.push_back({node_id(1), node_id(2), 7, append(2, 0, 0, {})});
  }),
              "paper §5.2: append_entries come from the leader");
}

/// A leader of term 3 whose log has the terms 1 2 3 3: what it sends next is spoiled.
class TwinLeader : public testing::Test {
 protected:
  TwinLeader() {
    node.lead();
    node.propose("a");
    node.propose("b");
  }
  std::string rule_when(const std::function<void(core::append_entries&)>& spoil) {
    return node.rule_when([&](core::ready& r) { spoil(first_in<core::append_entries>(r)); });
  }
  followed node{{.settings = plain(), .terms = {1, 2}}};
};

TEST_F(TwinLeader, ShowsTheTermOfThePreviousEntry) {
  EXPECT_RULE(rule_when([](auto& m) { m.prev_log_term = term(1); }), "paper §5.3: prev_log_term");
}

TEST_F(TwinLeader, SendsItsOwnEntries) {
  EXPECT_RULE(rule_when([](auto& m) { m.entries[1].payload = shared_bytes::copy_of("other"); }),
              "paper §5.3: append_entries carry");
}

TEST_F(TwinLeader, LeavesNoGap) {
  EXPECT_RULE(rule_when([](auto& m) { m.entries.erase(m.entries.begin() + 1); }),
              "paper §5.3: append_entries carry");
}

TEST_F(TwinLeader, ClaimsNoMoreThanItHasCommitted) {
  EXPECT_RULE(rule_when([](auto& m) { m.leader_commit = log_index(2); }),
              "paper figure 2: leader_commit");
}

TEST_F(TwinLeader, SpeaksToEveryoneAtOnce) {
  EXPECT_RULE(node.rule_when([](core::ready& r) { r.messages.pop_back(); }),
              "paper §5.2: a new leader speaks to everyone");
}

TEST_F(TwinLeader, HeartbeatsWhenTheyAreDue) {
  node.settle();
  node.pass(core::config{}.heartbeat_interval);

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    std::erase_if(r.messages, [](const core::envelope& e) { return e.to == node_id(3); });
  }),
              "paper §5.2: a leader's heartbeats");
}

TEST_F(TwinLeader, SaysThatItLeads) {
  EXPECT_RULE(node.rule_when([](core::ready& r) { r.changed.reset(); }),
              "core/ready.hpp: every change of role");
}

TEST_F(TwinFollower, AcknowledgesWhatIsDurable) {
  node.receive(2, append(3, 3, 2, {3}));

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    r.messages.push_back({node_id(1), node_id(2), 7, success(3, 4)});
  }),
              "paper figure 2: entries are on stable storage");
}

TEST_F(TwinFollower, VouchesForWhatTheRequestShowed) {
  node.receive(2, append(3, 1, 1, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::append_entries_response>(r).match_index = log_index(3);
  }),
              "paper §5.3: a follower vouches");
}

TEST_F(TwinFollower, DoesNotTakeAMismatchForSuccess) {
  node.receive(2, append(3, 3, 1, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::append_entries_response>(r) = success(3, 3);
  }),
              "paper figure 2, AppendEntries 2");
}

TEST_F(TwinFollower, NamesTheConflict) {
  node.receive(2, append(3, 2, 2, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) {
    first_in<core::append_entries_response>(r).conflict_index = log_index(2);
  }),
              "paper §5.3: a mismatch names");
}

TEST_F(TwinFollower, ConfirmsNoRoundOfAnOldLeader) {
  core::append_entries old = append(2, 3, 2, {});
  old.round = 4;
  node.receive(3, old);

  EXPECT_RULE(
      node.rule_when([](core::ready& r) { first_in<core::append_entries_response>(r).round = 4; }),
      "thesis §6.4: only who follows");
}

TEST_F(TwinFollower, AnswersOnce) {
  node.receive(2, append(3, 1, 1, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.messages.push_back(r.messages.back()); }),
              "docs/decisions/0005");
}

TEST_F(TwinFollower, AnswersAtAll) {
  node.receive(2, append(3, 1, 1, {}));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.messages.clear(); }), "docs/decisions/0005");
}

// ---- The disk ---------------------------------------------------------------------------------

TEST_F(TwinFollower, RemovesAConflictFromTheDiskFirst) {
  node.receive(2, append(3, 1, 1, {3}));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.persist.truncate_from = {}; }),
              "paper figure 2, AppendEntries 3: what conflicts");
}

TEST_F(TwinFollower, RemovesNothingElseFromTheDisk) {
  node.receive(2, append(3, 2, 1, {3}));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.persist.truncate_from = log_index(2); }),
              "paper figure 2, AppendEntries 3: what the disk shares");
}

TEST_F(TwinFollower, WritesAllEntries) {
  node.receive(2, append(3, 3, 2, {3, 3}));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.persist.entries.pop_back(); }),
              "paper figure 2: the disk is given all");
}

TEST_F(TwinFollower, WritesTermAndVote) {
  node.receive(2, append(4, 3, 2, {4}));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.persist.has_hard_state = false; }),
              "paper figure 2: term and vote");
}

TEST_F(TwinFollower, WritesOneBatchAtATime) {
  node.receive(2, append(3, 3, 2, {3}));
  const core::ready first = node.turn();
  core::ready second = node.next_ready();
  second.persist = first.persist;

  EXPECT_RULE(node.rule_of(second), "core/entry.hpp: one batch at a time");
}

// ---- Applying ---------------------------------------------------------------------------------

TEST_F(TwinFollower, AppliesWhatIsCommitted) {
  node.receive(2, append(3, 3, 2, {}, 2));

  EXPECT_RULE(node.rule_when([&](core::ready& r) {
    r.committed.push_back(node.core().entries().at(log_index(3)));
  }),
              "paper §5.3: only committed entries");
}

TEST_F(TwinFollower, AppliesInOrder) {
  node.receive(2, append(3, 3, 2, {}, 3));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.committed.erase(r.committed.begin()); }),
              "paper §5.3: entries are applied in order");
}

TEST_F(TwinFollower, AppliesWhatIsDurableHere) {
  node.receive(2, append(3, 3, 2, {3}, 4));

  EXPECT_RULE(node.rule_when([&](core::ready& r) {
    r.committed.push_back(node.core().entries().at(log_index(4)));
  }),
              "docs/decisions/0003");
}

// ---- Reads ------------------------------------------------------------------------------------

/// A leader of term 1 that has committed its no-op, and then more.
class TwinReads : public testing::Test {
 protected:
  TwinReads() {
    node.lead();
    node.settle();
  }
  void commit_no_op() {
    node.receive(2, success(1, 1));
    node.turn();
  }
  std::string rule_of_grant(std::uint64_t index) {
    return node.rule_when(
        [&](core::ready& r) { r.granted_reads.push_back({5, log_index(index)}); });
  }
  followed node;
};

TEST_F(TwinReads, WaitForAQuorumThatAnswersLater) {
  commit_no_op();
  node.core().read(5);

  EXPECT_RULE(rule_of_grant(1), "thesis §6.4, step 3");
}

TEST_F(TwinReads, AreNotConfirmedByRoundsBeforeThem) {
  commit_no_op();
  node.core().read(4);
  node.turn();
  node.core().read(5);
  node.receive(2, success(1, 1, 1));

  EXPECT_RULE(rule_of_grant(1), "thesis §6.4, step 3");
}

TEST_F(TwinReads, WaitForTheNoOp) {
  node.core().read(5);

  EXPECT_RULE(rule_of_grant(0), "thesis §6.4, step 1");
}

TEST_F(TwinReads, SeeWhatWasCommittedBefore) {
  commit_no_op();
  node.propose("x");
  node.settle();
  node.receive(2, success(1, 2));
  node.core().read(5);
  node.turn();
  node.receive(2, success(1, 2, 1));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.granted_reads.at(0).index = log_index(1); }),
              "thesis §6.4, step 2");
}

TEST_F(TwinReads, AreGrantedOnceConfirmed) {
  commit_no_op();
  node.core().read(5);
  node.turn();
  node.receive(2, success(1, 1, 1));

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.granted_reads.clear(); }),
              "thesis §6.4: a read that a quorum has confirmed");
}

TEST_F(TwinFollower, ReadsByTheLeadersAnswer) {
  node.core().read(5);
  node.turn();

  EXPECT_RULE(node.rule_when([](core::ready& r) { r.granted_reads.push_back({5, log_index(1)}); }),
              "thesis §6.4: a follower's read");
}

}  // namespace
}  // namespace mainstay::simulation_test
