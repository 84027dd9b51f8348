/// Messages that no honest peer would send. None may trip an assertion, each request is answered
/// once, and what no peer can have meant changes nothing (architecture, rule 5).
#include <array>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/core/raft.hpp"

#include "tests/core/cluster.hpp"
#include "tests/core/lone_replica.hpp"

namespace mainstay::core_test {
namespace {

using core::message;

/// Draws messages whose fields lie near what the receiver holds, or at the ends of the range.
class forger {
 public:
  explicit forger(std::uint64_t seed) : random_(seed) {}

  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  std::uint64_t number(std::uint64_t near) {
    constexpr auto half = std::uint64_t{1} << 62;
    constexpr std::array<std::uint64_t, 8> extremes{
        0, 1, half - 1, half, half + 1, ~std::uint64_t{0} - 1, ~std::uint64_t{0}, 1U << 31};
    if (chance(6)) return extremes[below(extremes.size())];
    return near + below(4) - std::min<std::uint64_t>(near, below(4));
  }

  core::entry entry(std::uint64_t index, std::uint64_t t) {
    core::entry e = command(chance(8) ? number(index) : index, chance(4) ? number(t) : t);
    e.kind = core::entry_kind{static_cast<std::uint8_t>(chance(3) ? below(5) : 0)};
    if (chance(3)) e.payload = core::encode(voters(1 + below(5)));
    if (chance(4)) e.payload = shared_bytes::copy_of(std::string(below(40), '\1'));
    return e;
  }

  core::append_entries append(const core::raft& to) {
    const auto t = to.current_term().value();
    core::append_entries m{term(number(t)), log_index(number(to.last_index().value())),
                           term(number(t)), log_index(number(to.commit_index().value())),
                           number(3),       {}};
    const bool is_there =
        m.prev_log_index >= to.entries().base_index() && m.prev_log_index <= to.last_index();
    if (is_there && chance(2)) {
      m.prev_log_term = to.entries().term_at(m.prev_log_index);
    }
    for (auto left = below(5); left > 0; --left) {
      m.entries.push_back(entry(m.prev_log_index.value() + m.entries.size() + 1, m.term.value()));
    }
    return m;
  }

  /// A message of the kind with this place in `core::message`.
  message of_kind(std::size_t kind, const core::raft& to) {
    const auto t = term(number(to.current_term().value()));
    const auto index = [&] { return log_index(number(to.last_index().value())); };
    switch (kind) {
      case 0:
        return core::request_vote{t, index(), term(number(t.value())), chance(2), chance(4)};
      case 1:
        return core::request_vote_response{t, chance(2), chance(2)};
      case 2:
        return append(to);
      case 3:
        return core::append_entries_response{
            t, chance(2), index(), index(), term(number(t.value())), index(), number(3)};
      case 4:
        return core::install_snapshot{
            t, {index(), t, number(0), number(0)}, number(0), shared_bytes::copy_of("chunk")};
      case 5:
        return core::install_snapshot_response{t, chance(2), number(0), index()};
      case 6:
        return core::timeout_now{t};
      case 7:
        return core::timeout_now_response{t, chance(2)};
      case 8:
        return core::read_index{t};
      default:
        return core::read_index_response{t, chance(2), index()};
    }
  }

 private:
  random_generator random_;
};

/// Counts requests and answers by call number.
class ledger {
 public:
  void asked(std::uint64_t from, std::uint64_t call) { open_[{from, call}] = 0; }
  void sent(const std::vector<core::envelope>& messages) {
    for (const auto& e : messages) {
      if (!core::is_request(e.message)) ++open_[{e.to.value(), e.call}];
    }
  }
  /// Requests with another number of answers than one.
  std::size_t unsettled() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(open_, [](const auto& one) { return one.second != 1; }));
  }

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, int> open_;
};

void torment(std::uint64_t seed) {
  forger forge(seed);
  core::config settings;
  settings.pre_vote = forge.chance(2);
  settings.check_quorum = forge.chance(2);
  settings.max_waiting_reads = 3;
  lone_replica one({.voters = 1 + forge.below(5), .settings = settings, .terms = {1, 1, 2, 4}});
  ledger answers;
  for (std::uint64_t call = 1; call <= 120; ++call) {
    one.hold_disk(forge.chance(2));
    if (forge.chance(6)) answers.sent(one.time_out());
    if (forge.chance(3)) answers.sent(one.persist());
    if (forge.chance(20) && one.core().role() == core::role::leader) {
      answers.sent(one.propose("mine"));
    }
    if (forge.chance(9)) one.core().read(call);
    const std::uint64_t from = forge.below(7);
    const message m = forge.of_kind(forge.below(std::variant_size_v<message>), one.core().core());
    if (core::is_request(m) && from > 1) answers.asked(from, call);
    answers.sent(one.receive(from, m, call));
    if (one.restore() && forge.chance(2)) answers.sent(one.finish_restore());
    if (!one.chunks().empty() && forge.chance(2)) {
      const std::uint64_t size = one.chunks()[0].image.size;
      const auto next =
          forge.chance(4) ? std::nullopt : std::optional(std::min(forge.number(9), size));
      answers.sent(one.answer_chunk(next, forge.chance(3)));
    }
    if (one.install() && forge.chance(2)) answers.sent(one.finish_install(forge.chance(3)));
  }
  while (!one.chunks().empty()) answers.sent(one.answer_chunk(std::nullopt, false));
  one.hold_disk(false);
  answers.sent(one.persist());
  one.core().step_down();  // reads that wait for a quorum are refused now
  answers.sent(one.turn());
  answers.sent(one.persist());
  if (one.install()) answers.sent(one.finish_install(false));
  EXPECT_EQ(answers.unsettled(), 0U) << "seed " << seed;
}

TEST(HostileInput, EveryRequestIsAnsweredOnceAndNothingBreaks) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    ASSERT_NO_FATAL_FAILURE(torment(seed)) << "seed " << seed;
    if (testing::Test::HasFailure()) return;
  }
}

// A forged vote must not make a leader of a candidate whose own term is not yet on its disk.
TEST(HostileInput, VotesThatComeBeforeTheQuestionLeftDoNotCount) {
  lone_replica one({.settings = {.pre_vote = false}});
  one.hold_disk();
  one.time_out();
  ASSERT_EQ(one.core().role(), core::role::candidate);

  one.receive(2, core::request_vote_response{term(1), true, false});
  one.receive(3, core::request_vote_response{term(1), true, false});

  EXPECT_EQ(one.core().role(), core::role::candidate);
  one.persist();
  EXPECT_EQ(one.core().role(), core::role::candidate);
  one.receive(2, core::request_vote_response{term(1), true, false});
  EXPECT_EQ(one.core().role(), core::role::leader);
}

// Hazard 23: whoever is no voter elects nobody.
TEST(HostileInput, VotesOfStrangersDoNotCount) {
  lone_replica one({.settings = {.pre_vote = false}});
  one.time_out();

  one.receive(8, core::request_vote_response{term(1), true, false});
  one.receive(9, core::request_vote_response{term(1), true, false});

  EXPECT_EQ(one.core().role(), core::role::candidate);
}

TEST(HostileInput, OnlyTheAskedLeaderGrantsAFollowersRead) {
  lone_replica one;
  one.receive(2, core::append_entries{.term = term(1)});
  one.core().read(5);
  const auto sent = one.turn();
  ASSERT_EQ(sent.size(), 1U);

  one.receive(3, core::read_index_response{term(1), true, log_index(0)}, sent[0].call);

  EXPECT_TRUE(one.granted().empty());
  one.receive(2, core::read_index_response{term(1), true, log_index(0)}, sent[0].call);
  EXPECT_EQ(one.granted().size(), 1U);
}

// Hazard 125: unknown kinds are not taken along.
TEST(HostileInput, EntriesOfUnknownKindsAreRefused) {
  lone_replica one;
  core::append_entries m{.term = term(1), .entries = entries_of(1, {1})};
  m.entries[0].kind = core::entry_kind{9};

  EXPECT_FALSE(one.ask<core::append_entries_response>(2, m).success);
  EXPECT_EQ(one.core().last_index(), log_index(0));
}

/// A message that no participant can have meant: broken in itself, or from nobody.
core::envelope nonsense(forger& forge, cluster& c, std::uint64_t to) {
  const core::raft& core = c.core(to);
  core::envelope e{node_id(1 + forge.below(c.size())), node_id(to), forge.below(1U << 20), {}};
  switch (forge.below(5)) {
    case 0: {  // entries that do not follow one another
      core::append_entries m = forge.append(core);
      m.entries = entries_of(m.prev_log_index.value() + 2 + forge.below(3), {1, 1});
      e.message = m;
      return e;
    }
    case 1: {  // an entry from the future of its own message
      core::append_entries m = forge.append(core);
      m.entries = entries_of(m.prev_log_index.value() + 1, {m.term.value() + 1});
      e.message = m;
      return e;
    }
    case 2:  // answers of strangers
      e.from = node_id(100 + forge.below(5));
      e.message = core::append_entries_response{core.current_term(), true, core.last_index()};
      return e;
    case 3:  // an acknowledgement beyond the log
      e.message = core::append_entries_response{core.current_term(), true,
                                                core.last_index() + 1 + forge.below(9)};
      return e;
    default:  // questions that promise nothing
      e.message = core::request_vote{term(forge.number(core.current_term().value()) >> 2),
                                     log_index(forge.number(9)), term(forge.number(3)), true};
      return e;
  }
}

TEST(HostileInput, AHealthyClusterStaysSafeAndAlive) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    forger forge(seed);
    cluster c(3, {}, seed);
    c.elect(1 + forge.below(3));
    const std::uint64_t leader = c.leader();
    ASSERT_NE(leader, 0U) << "seed " << seed;

    for (int i = 0; i < 100; ++i) {
      c.inject(nonsense(forge, c, 1 + forge.below(3)));
      if (forge.chance(5)) {
        ASSERT_TRUE(c.propose(leader, "kept").has_value()) << "seed " << seed;
      }
      if (forge.chance(3)) c.deliver();
    }
    c.settle();

    EXPECT_EQ(c.leader(), leader) << "seed " << seed;
    EXPECT_TRUE(c.has_converged()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mainstay::core_test
