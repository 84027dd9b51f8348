/// Every checker is shown a breach of its property and must report it. Cores do not break their
/// rules, so the breaches are made up: cores with contradicting beginnings, older copies of a core,
/// outputs that no core gave.
#include <array>
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/simulation/checkers/invariants.hpp"
#include "mainstay/simulation/checkers/observed_machine.hpp"
#include "mainstay/simulation/observed_core.hpp"

namespace mainstay::simulation {
namespace {

using core::raft;
using testing::HasSubstr;

core::entry entry_of(std::uint64_t index, std::uint64_t t, std::string_view payload) {
  return {.index = log_index(index), .term = term(t), .payload = shared_bytes::copy_of(payload)};
}

core::configuration voters(const std::vector<std::uint64_t>& ids) {
  core::configuration c;
  for (const auto id : ids) c.voters.push_back({node_id(id), "n" + std::to_string(id)});
  return c;
}

core::entry configuration_entry(std::uint64_t index, const core::configuration& c) {
  auto e = entry_of(index, 1, "");
  e.kind = core::entry_kind::configuration;
  e.payload = encode(c);
  return e;
}

/// What a core finds when it starts.
struct beginning {
  std::uint64_t term = 0;
  std::vector<core::entry> log;
  std::vector<std::uint64_t> voters;  // none: it alone
};

raft start(std::uint64_t id, const beginning& b = {}) {
  core::initial_state state{.id = node_id(id),
                            .bootstrap = voters(b.voters.empty() ? std::vector{id} : b.voters),
                            .hard_state = {term(b.term), node_id{}},
                            .last_index = log_index(b.log.size()),
                            .tail = b.log,
                            .seed = id};
  for (const auto& e : b.log) {
    if (state.term_runs.empty() || state.term_runs.back().term != e.term) {
      state.term_runs.push_back({e.index, e.term});
    }
    if (e.kind == core::entry_kind::configuration) state.configurations.push_back(e);
  }
  return raft::start(core::valid_config::check({}).value(), state, instant{}).value();
}

/// Carries out what the core wants, with a disk that is done at once.
void settle(observed_core& node) {
  for (int turn = 0; turn < 6; ++turn) {
    const core::ready ready = node.take_ready();
    if (!ready.persist.empty()) node.persisted(ready.persist.sequence);
    if (!ready.committed.empty()) node.applied(ready.committed.back().index);
  }
}

/// Makes a node that is its only voter lead, and commit its no-op.
void lead(observed_core& node) {
  node.advance(node.next_deadline());
  settle(node);
}

result<log_index> propose(observed_core& node, std::string_view payload) {
  const std::array commands{shared_bytes::copy_of(payload)};
  return node.propose(commands, log_time{1});
}

core::ready sending(std::uint64_t to, core::message m) {
  core::ready ready;
  ready.messages.push_back({node_id(1), node_id(to), 1, std::move(m)});
  return ready;
}

template <class Action>
void expect_breach(property expected, const char* words, Action act) {
  try {
    act();
  } catch (const violation& found) {
    EXPECT_EQ(found.broken(), expected) << found.what();
    EXPECT_THAT(found.what(), HasSubstr(words));
    return;
  }
  ADD_FAILURE() << "nobody saw that " << words;
}

/// A checker behind its record.
template <class Checker>
struct stage {
  template <class... Arguments>
  explicit stage(const Arguments&... arguments) : checker(record, arguments...) {
    all.add(record);
    all.add(checker);
  }
  ghost record;
  Checker checker;
  observer_list all;
};

const core_input a_moment = time_passed{instant{}};

TEST(ElectionSafetyChecker, SeesTwoLeadersInOneTerm) {
  stage<election_safety> s;
  observed_core one(start(1), &s.all);
  observed_core two(start(2), &s.all);
  lead(one);

  expect_breach(property::election_safety, "1 and 2 both lead in term 1", [&] { lead(two); });
}

TEST(SingleVoteChecker, SeesTwoVotesInOneTermAcrossLives) {
  single_vote checker;
  const raft voter = start(1, {.term = 3});
  const auto grant = core::request_vote_response{term(3), true, false};
  checker.started(voter);
  checker.took_ready(voter, sending(2, grant));
  checker.started(voter);
  checker.took_ready(voter, sending(2, grant));  // said again, as it may be

  expect_breach(property::single_vote, "votes for 2 and for 3 in term 3",
                [&] { checker.took_ready(voter, sending(3, grant)); });
}

TEST(SingleVoteChecker, SeesACandidateThatVotedForAnother) {
  single_vote checker;
  const raft voter = start(1, {.term = 3});
  checker.took_ready(voter, sending(2, core::request_vote_response{term(3), true, false}));

  expect_breach(property::single_vote, "votes for 2 and for 1", [&] {
    checker.took_ready(voter, sending(3, core::request_vote{.term = term(3)}));
  });
}

TEST(LeaderCompletenessChecker, SeesALeaderWithoutWhatIsCommitted) {
  stage<leader_completeness> s;
  observed_core one(start(1), &s.all);
  observed_core two(start(2, {.term = 1}), &s.all);
  lead(one);

  expect_breach(property::leader_completeness, "node 2 leads in term 2 without index 1",
                [&] { lead(two); });
}

TEST(LogMatchingChecker, SeesTwoEntriesUnderOneName) {
  stage<log_matching> s;
  s.all.started(start(1, {.term = 1, .log = {entry_of(1, 1, "a")}}));

  expect_breach(property::log_matching, "index 1 of term 1 another entry",
                [&] { s.all.started(start(2, {.term = 1, .log = {entry_of(1, 1, "b")}})); });
}

TEST(LogMatchingChecker, SeesDifferentLogsBeforeOneEntry) {
  stage<log_matching> s;
  s.all.started(start(1, {.term = 2, .log = {entry_of(1, 1, "a"), entry_of(2, 2, "c")}}));

  expect_breach(property::log_matching, "index 2 of term 2 another log before it", [&] {
    s.all.started(start(2, {.term = 2, .log = {entry_of(1, 2, "b"), entry_of(2, 2, "c")}}));
  });
}

TEST(LogMatchingChecker, SeesADiskThatGetsAnotherEntry) {
  stage<log_matching> s;
  observed_core one(start(1), &s.all);
  lead(one);
  core::ready ready;
  ready.persist.sequence = 99;
  ready.persist.truncate_from = log_index(1);
  ready.persist.entries = {entry_of(1, 1, "not the no-op")};

  expect_breach(property::log_matching, "index 1 of term 1 another entry",
                [&] { s.all.took_ready(one.core(), ready); });
}

TEST(LeaderAppendOnlyChecker, SeesALeaderLoseEntries) {
  stage<leader_append_only> s;
  observed_core one(start(1), &s.all);
  lead(one);
  const raft before = one.core();
  ASSERT_TRUE(propose(one, "a"));

  expect_breach(property::leader_append_only, "removed its entries from index 2 on",
                [&] { s.all.after(before, a_moment); });
}

TEST(CommitValidityChecker, SeesACommitThatIsOnNoQuorumOfDisks) {
  stage<commit_validity> s;
  observed_core one(start(1), &s.all);
  lead(one);
  ASSERT_TRUE(propose(one, "a"));
  const core::ready ready = one.take_ready();
  raft unseen = one.core();
  unseen.persisted(ready.persist.sequence);  // nobody reported it

  expect_breach(property::commit_validity, "on the disks of nobody",
                [&] { s.all.after(unseen, a_moment); });
}

/// Carries out what a core wants, and takes its messages to the other.
void settle_between(observed_core& node, observed_core& other) {
  const core::ready ready = node.take_ready();
  if (!ready.persist.empty()) node.persisted(ready.persist.sequence);
  for (const auto& m : ready.messages) other.step(m);
}

TEST(CommitValidityChecker, CountsADiskThatIsLostAfterItAcknowledged) {
  stage<commit_validity> s;
  observed_core one(start(1, {.voters = {1, 2}}), &s.all);
  observed_core two(start(2, {.voters = {1, 2}}), &s.all);
  for (int i = 0; i < 40 && one.core().role() != core::role::leader; ++i) {
    one.advance(one.next_deadline());
    for (int turn = 0; turn < 4; ++turn) {
      settle_between(one, two);
      settle_between(two, one);
    }
    if (one.core().role() == core::role::follower) two.advance(two.next_deadline());
  }
  ASSERT_EQ(one.core().role(), core::role::leader);
  settle_between(one, two);
  ASSERT_EQ(one.core().commit_index(), log_index{});
  two.persisted(two.take_ready().persist.sequence);
  const core::ready answer = two.take_ready();

  s.record.wiped(node_id(2));
  for (const auto& m : answer.messages) one.step(m);

  EXPECT_EQ(one.core().commit_index(), log_index(1));
}

TEST(CommitValidityChecker, SeesAFollowerAheadOfAllLeaders) {
  stage<commit_validity> s;
  observed_core two(start(2, {.voters = {1, 2}}), &s.all);
  const core::append_entries from_nobody{
      .term = term(1), .leader_commit = log_index(1), .entries = {entry_of(1, 1, "a")}};

  expect_breach(property::commit_validity, "leaders have committed up to 0 only",
                [&] { two.step({node_id(1), node_id(2), 1, from_nobody}); });
}

TEST(CommitValidityChecker, SeesWhatIsCommittedChange) {
  stage<commit_validity> s;
  observed_core one(start(1), &s.all);
  observed_core two(start(2, {.term = 1}), &s.all);
  lead(one);

  expect_breach(property::commit_validity, "node 2 commits another log up to index 1",
                [&] { lead(two); });
}

/// Voter 2 of 1 and 2 is sent a configuration.
void send_configuration(core_observer& all, const core::configuration& c) {
  observed_core two(start(2, {.voters = {1, 2}}), &all);
  two.step({node_id(1), node_id(2), 1,
            core::append_entries{.term = term(1), .entries = {configuration_entry(1, c)}}});
}

TEST(ConfigurationChecker, SeesQuorumsThatDoNotMeet) {
  stage<configuration_safety> s;

  expect_breach(property::configuration, "shares no voter",
                [&] { send_configuration(s.all, voters({3, 4, 5})); });
}

TEST(ConfigurationChecker, SeesASecondChangeBeforeTheFirstIsCommitted) {
  stage<configuration_safety> s;
  const beginning two_changes{
      .term = 1,
      .log = {configuration_entry(1, voters({1, 2})), configuration_entry(2, voters({1, 2, 3}))}};

  expect_breach(property::configuration, "while the one at 1 is not committed",
                [&] { s.all.started(start(1, two_changes)); });
}

TEST(ConfigurationChecker, LetsAChangeByOneVoterPass) {
  stage<configuration_safety> s;

  send_configuration(s.all, voters({1, 2, 3}));
}

// ---- Disks ------------------------------------------------------------------------------------

TEST(DurabilityChecker, SeesARestartWithoutWhatWasReported) {
  stage<durability> s;
  observed_core one(start(1), &s.all);
  lead(one);

  expect_breach(property::durability, "its disk had reported term 1",
                [&] { s.all.started(start(1)); });
}

TEST(DurabilityChecker, SeesAVoteThatIsGoneAfterARestart) {
  stage<durability> s;
  observed_core one(start(1), &s.all);
  lead(one);
  const core::entry no_op = one.core().entries().at(log_index(1));

  expect_breach(property::durability, "a vote for 1", [&] {
    s.all.started(start(1, {.term = 1, .log = {no_op}}));  // the vote for itself is missing
  });
}

TEST(DurabilityChecker, AllowsWhatACrashMayLeaveOfABatch) {
  for (const bool is_written : {false, true}) {
    stage<durability> s;
    const beginning empty{.term = 1};
    observed_core one(start(1, empty), &s.all);
    core::ready ready;
    ready.persist.sequence = 1;
    ready.persist.entries = {entry_of(1, 1, "a"), entry_of(2, 1, "b")};
    s.record.took_ready(one.core(), ready);

    s.all.started(is_written ? start(1, {.term = 1, .log = {entry_of(1, 1, "a")}})
                             : start(1, empty));
  }
}

TEST(DurabilityChecker, SeesADiskGiveUpWhatIsCommitted) {
  stage<durability> s;
  observed_core one(start(1), &s.all);
  lead(one);
  core::ready ready;
  ready.persist.sequence = 99;
  ready.persist.truncate_from = log_index(1);

  expect_breach(property::durability, "removes index 1",
                [&] { s.all.took_ready(one.core(), ready); });
}

TEST(DurabilityChecker, SeesAGapOnTheDisk) {
  stage<durability> s;
  observed_core one(start(1), &s.all);
  core::ready ready;
  ready.persist.sequence = 1;
  ready.persist.entries = {entry_of(3, 1, "c")};

  expect_breach(property::durability, "writes index 3, which does not follow",
                [&] { s.all.took_ready(one.core(), ready); });
}

TEST(DurabilityChecker, SeesAnAcknowledgementOfWhatIsNotCommitted) {
  stage<durability> s;
  observed_core one(start(1), &s.all);
  lead(one);
  ASSERT_TRUE(propose(one, "a"));

  expect_breach(property::durability, "nobody has committed: \"a\"",
                [&] { s.checker.acknowledged("a"); });
  settle(one);
  s.checker.acknowledged("a");
}

TEST(DurabilityChecker, SeesANodeThatLacksAtTheEndWhatWasAcknowledged) {
  stage<durability> s;
  observed_core one(start(1), &s.all);
  observed_core two(start(2), &s.all);
  lead(one);
  ASSERT_TRUE(propose(one, "a"));
  settle(one);
  s.checker.acknowledged("a");
  s.checker.at_end(one.core());

  expect_breach(property::durability, "node 2 has committed up to index 0",
                [&] { s.checker.at_end(two.core()); });
}

TEST(PersistenceBeforeResponseChecker, SeesPromisesThatAreNotOnDisk) {
  stage<persistence_before_response> s;
  const raft one = start(1, {.term = 1});
  s.all.started(one);
  const auto broken = property::persistence_before_response;

  expect_breach(broken, "speaks of term 2 with only 1",
                [&] { s.all.took_ready(one, sending(2, core::append_entries{.term = term(2)})); });
  expect_breach(broken, "votes for 2 in term 1", [&] {
    s.all.took_ready(one, sending(2, core::request_vote_response{term(1), true, false}));
  });
  expect_breach(broken, "votes for 1 in term 1",
                [&] { s.all.took_ready(one, sending(2, core::request_vote{.term = term(1)})); });
  expect_breach(broken, "acknowledges index 1", [&] {
    s.all.took_ready(
        one, sending(2, core::append_entries_response{
                            .term = term(1), .success = true, .match_index = log_index(1)}));
  });
}

TEST(PersistenceBeforeResponseChecker, LetsQuestionsPass) {
  stage<persistence_before_response> s;
  const raft one = start(1, {.term = 1});
  s.all.started(one);

  s.all.took_ready(one, sending(2, core::request_vote{.term = term(2), .pre_vote = true}));
  s.all.took_ready(one, sending(2, core::request_vote_response{term(2), true, true}));
}

// ---- One node ---------------------------------------------------------------------------------

TEST(OrderingChecker, SeesATermThatGoesBack) {
  stage<ordering> s;
  observed_core one(start(1), &s.all);
  const raft before = one.core();
  lead(one);

  expect_breach(property::ordering, "its term went from 1 back to 0",
                [&] { s.all.after(before, a_moment); });
}

TEST(OrderingChecker, SeesACommitIndexAndAnAppliedIndexThatGoBack) {
  stage<ordering> s;
  observed_core one(start(1), &s.all);
  lead(one);
  const raft before = one.core();
  ASSERT_TRUE(propose(one, "a"));
  core::ready ready = one.take_ready();
  one.persisted(ready.persist.sequence);

  expect_breach(property::ordering, "its commit index went from 2 back to 1",
                [&] { s.all.after(before, a_moment); });

  s.all.after(one.core(), a_moment);
  const raft unapplied = one.core();
  settle(one);
  expect_breach(property::ordering, "what it has applied went from 2 back to 1",
                [&] { s.all.after(unapplied, a_moment); });
}

TEST(OrderingChecker, SeesAVoteThatChanges) {
  stage<ordering> s;
  const auto asked_by = [&](std::uint64_t candidate) {
    raft voter = start(3, {.voters = {1, 2, 3}});
    voter.step({node_id(candidate), node_id(3), 1, core::request_vote{.term = term(1)}});
    return voter;
  };
  s.all.started(start(3, {.voters = {1, 2, 3}}));
  s.all.after(asked_by(1), a_moment);

  expect_breach(property::ordering, "its vote in term 1 went from 1 to 2",
                [&] { s.all.after(asked_by(2), a_moment); });
}

TEST(OrderingChecker, SeesEntriesHandedOutOutOfOrderOrTooSoon) {
  stage<ordering> s;
  observed_core one(start(1), &s.all);
  lead(one);
  core::ready ready;

  ready.committed = {entry_of(3, 1, "c")};
  expect_breach(property::ordering, "is to apply index 3 after 1",
                [&] { s.all.took_ready(one.core(), ready); });
  ready.committed = {entry_of(2, 1, "b")};
  expect_breach(property::ordering, "is to apply index 2, but has committed 1",
                [&] { s.all.took_ready(one.core(), ready); });
}

TEST(MemoryChecker, SeesAGaugeAboveItsLimit) {
  stage<memory_bounds> s{core::config{}};
  std::uint64_t bytes = 10;
  s.checker.add_gauge("the queue of node 1", 10, [&] { return bytes; });
  observed_core one(start(1), &s.all);
  one.advance(instant{});
  bytes = 11;

  expect_breach(property::memory, "the queue of node 1 has 11 bytes",
                [&] { one.advance(instant{}); });
  s.checker.remove_gauges("the queue of node 1");
  one.advance(instant{});
}

/// Cores keep to their own settings, which are wider than those that the checker is told.
void expect_memory_breach(const core::config& told, const char* words) {
  stage<memory_bounds> s{told};
  observed_core one(start(1), &s.all);

  expect_breach(property::memory, words, [&] {
    lead(one);
    for (const auto* payload : {"a", "b", "c"}) ASSERT_TRUE(propose(one, payload));
    for (std::uint64_t context = 1; context < 5; ++context) one.read(context);
    settle(one);
  });
}

TEST(MemoryChecker, SeesEveryLimitOfTheCorePassed) {
  expect_memory_breach({.max_uncommitted_bytes = 100}, "bytes are accepted and not committed");
  expect_memory_breach({.log_window_bytes = 100}, "bytes of the log are in memory");
  expect_memory_breach({.max_applying_bytes = 100}, "bytes are handed out for applying");

  stage<memory_bounds> s{core::config{.max_append_bytes = 100}};
  const raft one = start(1);
  s.all.started(one);
  const core::append_entries large{.entries = {entry_of(1, 1, "a"), entry_of(2, 1, "b")}};
  expect_breach(property::memory, "bytes go in one append_entries",
                [&] { s.all.took_ready(one, sending(2, large)); });
}

TEST(MemoryChecker, SeesTooManyReads) {
  stage<memory_bounds> s{core::config{.max_read_rounds = 1, .max_waiting_reads = 2}};
  const raft one = start(1);
  s.all.started(one);
  for (std::uint64_t context = 1; context <= 5; ++context) s.all.before(one, read_asked{context});

  expect_breach(property::memory, "5 reads wait", [&] { s.all.took_ready(one, {}); });
}

// ---- Clients and machines ---------------------------------------------------------------------

TEST(ReadFreshnessChecker, SeesAReadThatMissesWhatWasCommitted) {
  stage<read_freshness> s;
  observed_core one(start(1), &s.all);
  lead(one);
  s.all.before(one.core(), read_asked{7});
  core::ready ready;
  ready.granted_reads = {{7, log_index(0)}};

  expect_breach(property::read_freshness, "from index 0 on, but 1 was committed",
                [&] { s.all.took_ready(one.core(), ready); });
}

TEST(ReadFreshnessChecker, SeesAnAnswerThatNobodyAskedForOrASecondOne) {
  stage<read_freshness> s;
  observed_core one(start(1), &s.all);
  core::ready ready;
  ready.granted_reads = {{7, log_index(0)}};
  s.all.before(one.core(), read_asked{7});
  s.all.took_ready(one.core(), ready);

  expect_breach(property::read_freshness, "answers read 7",
                [&] { s.all.took_ready(one.core(), ready); });
}

TEST(ExactlyOnceChecker, SeesACommandThatIsCommittedTwice) {
  stage<exactly_once> s;
  observed_core one(start(1), &s.all);
  lead(one);
  ASSERT_TRUE(propose(one, "token"));
  ASSERT_TRUE(propose(one, "other"));
  settle(one);
  ASSERT_TRUE(propose(one, "token"));

  expect_breach(property::exactly_once, "index 2 is committed again at index 4",
                [&] { settle(one); });
}

TEST(StateMachineSafetyChecker, SeesAnotherEntryHandedOut) {
  stage<state_machine_safety> s;
  observed_core one(start(1), &s.all);
  lead(one);
  core::ready ready;
  ready.committed = {entry_of(1, 1, "not the no-op")};

  expect_breach(property::state_machine_safety, "index 1 an entry of term 1",
                [&] { s.all.took_ready(one.core(), ready); });
}

/// Answers with how many commands there were, and lets a test spoil answers and state.
struct counting_machine {
  std::uint64_t count = 0;
  std::string spoiled_answer{};
  std::string spoiled_state{};

  result<shared_bytes> apply(const applied_command&) {
    return shared_bytes::copy_of(std::to_string(++count) + spoiled_answer);
  }
  result<shared_bytes> query(const shared_bytes&) { return shared_bytes{}; }
  result<void> save(const snapshot_writer& writer) {
    const std::string text = std::to_string(count) + spoiled_state;
    return writer(std::as_bytes(std::span(text)));
  }
  result<void> restore(const snapshot_reader& reader) {
    std::array<std::byte, 8> bytes{};
    const auto read = reader(bytes);
    if (!read) return std::unexpected(read.error());
    count = std::stoull(std::string(reinterpret_cast<const char*>(bytes.data()), *read));
    return {};
  }
};

/// A no-op at 1, then the commands a, b, c.
class MachineChecker : public testing::Test {
 protected:
  MachineChecker() {
    lead(one_);
    for (const auto* payload : {"a", "b", "c"}) propose(one_, payload).value();
    settle(one_);
  }
  observed_machine<counting_machine> machine(std::uint64_t node, counting_machine m = {}) {
    return {m, node_id(node), s_.checker, 1};
  }
  static applied_command command(std::uint64_t index, std::string_view payload) {
    return {.index = log_index(index), .payload = shared_bytes::copy_of(payload)};
  }

  stage<state_machine_safety> s_;
  observed_core one_{start(1), &s_.all};
};

TEST_F(MachineChecker, LetsEqualMachinesPass) {
  for (std::uint64_t node = 1; node <= 2; ++node) {
    auto m = machine(node);
    EXPECT_EQ(m.apply(command(2, "a"))->text(), "1");
    EXPECT_TRUE(m.apply(command(3, "b")));
  }
}

TEST_F(MachineChecker, SeesAnotherAnswer) {
  auto first = machine(1);
  auto other = machine(2, {.spoiled_answer = "!"});
  ASSERT_TRUE(first.apply(command(2, "a")));

  expect_breach(property::state_machine_safety, "has given other answers up to index 2",
                [&] { static_cast<void>(other.apply(command(2, "a"))); });
}

TEST_F(MachineChecker, SeesAnotherState) {
  auto first = machine(1);
  auto other = machine(2, {.spoiled_state = "!"});
  ASSERT_TRUE(first.apply(command(2, "a")));

  expect_breach(property::state_machine_safety, "has come to another state",
                [&] { static_cast<void>(other.apply(command(2, "a"))); });
}

TEST_F(MachineChecker, SeesACommandLeftOutDoubledOrReplaced) {
  auto m = machine(1);
  const auto apply = [&](std::uint64_t index, const char* payload) {
    static_cast<void>(m.apply(command(index, payload)));
  };
  const auto broken = property::state_machine_safety;

  expect_breach(broken, "but not the command at index 2", [&] { apply(3, "b"); });
  expect_breach(broken, "not the command that is committed", [&] { apply(2, "x"); });
  expect_breach(broken, "but only 4 is committed", [&] { apply(5, "d"); });
  apply(2, "a");
  expect_breach(broken, "after it has applied 2", [&] { apply(2, "a"); });
}

// Keys may expire between two commands: such states are not held against each other.
TEST_F(MachineChecker, ComparesStatesOfOneTimeOnly) {
  auto first = machine(1);
  auto other = machine(2, {.spoiled_state = "!"});
  auto early = command(2, "a");
  auto late = command(2, "a");
  late.time = log_time{early.time.microseconds + 1};

  ASSERT_TRUE(first.apply(early));

  EXPECT_TRUE(other.apply(late));
}

TEST_F(MachineChecker, SeesAStateThatIsSavedDifferently) {
  auto first = machine(1);
  ASSERT_TRUE(first.apply(command(2, "a")));
  auto other = machine(2);
  ASSERT_TRUE(other.apply(command(2, "a")));
  other.machine().spoiled_state = "!";

  expect_breach(property::state_machine_safety, "has come to another state", [&] {
    static_cast<void>(other.save([](std::span<const std::byte>) { return result<void>{}; }));
  });
}

TEST_F(MachineChecker, SeesTwoSnapshotsOfOneIndexThatDiffer) {
  observed_core two(start(2), &s_.all);
  lead(two);
  core::snapshot saved{.id = {log_index(1), term(1), 100, 7}, .time = {}, .configuration = {}};
  saved.configuration = one_.configuration();
  one_.snapshot_saved(saved);
  saved.id.digest = 8;

  expect_breach(property::state_machine_safety, "another snapshot up to index 1 than node 1 made",
                [&] { two.snapshot_saved(saved); });
}

TEST_F(MachineChecker, TakesTheCommandsOfSessions) {
  const session_request use{.session = 1, .serial = 1, .command = shared_bytes::copy_of("d")};
  const std::array commands{encode(use), encode(use)};
  ASSERT_TRUE(one_.propose(commands, log_time{1}, core::entry_kind::session));
  settle(one_);
  auto m = machine(1);
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(m.apply(command(2 + i, std::string_view("abc").substr(i, 1))));
  }

  ASSERT_TRUE(m.apply(command(5, "d")));

  expect_breach(property::state_machine_safety, "not the command that is committed",
                [&] { static_cast<void>(m.apply(command(6, "e"))); });
}

TEST_F(MachineChecker, SeesACommandOfASessionAppliedTwice) {
  const session_request use{.session = 1, .serial = 1, .command = shared_bytes::copy_of("d")};
  const std::array commands{encode(use), encode(use)};
  ASSERT_TRUE(one_.propose(commands, log_time{1}, core::entry_kind::session));
  settle(one_);
  auto m = machine(1);
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(m.apply(command(2 + i, std::string_view("abc").substr(i, 1))));
  }
  ASSERT_TRUE(m.apply(command(5, "d")));

  expect_breach(property::exactly_once, "serial 1 of session 1 at index 6, which was applied at 5",
                [&] { static_cast<void>(m.apply(command(6, "d"))); });
}

TEST_F(MachineChecker, SeesASnapshotThatRestoresAnotherState) {
  auto first = machine(1);
  ASSERT_TRUE(first.apply(command(2, "a")));
  std::string saved;
  ASSERT_TRUE(first.save([&](std::span<const std::byte> piece) -> result<void> {
    saved.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  }));
  const auto restore = [&](std::string image) {
    std::size_t at = 0;
    auto other = machine(2);
    return other.restore([&](std::span<std::byte> into) -> result<std::size_t> {
      const auto size = std::min(into.size(), image.size() - at);
      std::memcpy(into.data(), image.data() + at, size);
      at += size;
      return size;
    });
  };
  ASSERT_TRUE(restore(saved));
  saved.back() = '9';  // the count, behind what the wrapper adds

  expect_breach(property::state_machine_safety, "has come to another state",
                [&] { static_cast<void>(restore(saved)); });
}

}  // namespace
}  // namespace mainstay::simulation
