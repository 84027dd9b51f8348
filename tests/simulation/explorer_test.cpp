/// The explorer finds nothing in the core as it is, and finds what a world does that breaks its
/// promises.
#include "mainstay/simulation/explorer.hpp"

#include <algorithm>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstay::simulation::exploration {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint32_t>::max();

scope named(std::string_view name) {
  const auto all = named_scopes();
  return *std::ranges::find(all, name, &scope::name);
}

/// What the explorer finds within two million states.
std::optional<finding> explore(scope s) {
  explorer e(std::move(s));
  e.run(2'000'000, {});
  return e.found();
}

TEST(Explorer, FindsNothingInTheFirstStatesOfAnyScope) {
  for (const auto& s : named_scopes()) {
    explorer e(s);
    e.run(50'000, {});
    EXPECT_FALSE(e.found()) << s.name << ": " << e.found()->wrong.what;
  }
}

TEST(Explorer, ExhaustsAScopeWithTheSameCountsEachTime) {
  scope small = named("crashes");
  small.max_messages = 2;
  explorer first(small);
  explorer second(small);

  first.run(no_limit, {});
  second.run(no_limit, {});

  EXPECT_TRUE(first.counts().complete);
  EXPECT_GT(first.counts().states, 10'000U);
  EXPECT_EQ(first.counts().states, second.counts().states);
  EXPECT_EQ(first.counts().transitions, second.counts().transitions);
}

TEST(Explorer, StopsWhenItIsTold) {
  explorer e(named("elections"));

  e.run(no_limit, [](const exploration_counts& now) { return now.states < 1000; });

  EXPECT_FALSE(e.counts().complete);
  EXPECT_LT(e.counts().states, 200'000U);
}

TEST(Explorer, NodesHaveNoNamesInFingerprints) {
  // From the empty start, each of three nodes may be the first to campaign: one state, not three.
  scope s{.name = "first step"};
  s.max_term = 1;
  s.max_log = 1;
  s.max_messages = 2;
  explorer e(s);

  e.run(no_limit, [](const exploration_counts& now) { return now.depth == 0; });

  EXPECT_EQ(e.counts().states, 2U);
}

TEST(Explorer, FollowersTakeSnapshotsIn) {
  // Somebody's log must give way to a snapshot somewhere; where it does not on the disk, what
  // follows lands in the wrong place.
  scope s = named("snapshots");
  s.broken.write = [](core::persist_batch& batch) { batch.reset_to.reset(); };

  EXPECT_TRUE(explore(s));
}

TEST(Explorer, ADiskThatForgetsVotesElectsTwoLeaders) {
  scope s = named("elections");
  s.broken.recover = [](core::initial_state& found) { found.hard_state.voted_for = {}; };
  s.unchecked = {property::vote_once, property::promise_after_durability};

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::election_safety) << found->wrong.what;
  EXPECT_LE(found->trace.size(), 16U);
}

TEST(Explorer, ADiskThatWritesNoHardStateIsNoticedAtTheFirstPromise) {
  scope s = named("elections");
  s.broken.write = [](core::persist_batch& batch) { batch.has_hard_state = false; };

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::promise_after_durability) << found->wrong.what;
  EXPECT_LE(found->trace.size(), 3U);
}

TEST(Explorer, ADiskThatDropsEntriesLosesWhatWasCommitted) {
  scope s = named("crashes");
  s.broken.write = [](core::persist_batch& batch) { batch.entries.clear(); };
  s.starts_with_leader = false;
  s.unchecked = {property::promise_after_durability, property::stable_is_durable,
                 property::match_is_durable};

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::durable_quorum) << found->wrong.what;
}

TEST(Explorer, AnAcknowledgementOfMoreThanThereIsIsNoticed) {
  scope s = named("replication");
  s.unchecked = {property::durable_quorum};  // the leader commits by it at once
  s.broken.deliver = [](core::envelope& e) {
    auto* m = std::get_if<core::append_entries_response>(&e.message);
    if (m != nullptr && !m->success && m->rejected_index) {
      m->success = true, m->match_index = m->rejected_index;
    }
  };

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::match_is_durable) << found->wrong.what;
}

TEST(Explorer, AForgedVoteIsNoticed) {
  scope s = named("elections");
  s.broken.deliver = [](core::envelope& e) {
    if (auto* m = std::get_if<core::request_vote_response>(&e.message)) m->vote_granted = true;
  };

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::election_safety) << found->wrong.what;
}

TEST(Explorer, AForgedEntryIsNoticed) {
  scope s = named("replication");
  s.unchecked = {property::promise_after_durability};  // the follower acknowledges it at once
  s.broken.deliver = [](core::envelope& e) {
    auto* m = std::get_if<core::append_entries>(&e.message);
    if (m == nullptr || m->entries.empty()) return;
    m->entries.front().payload = shared_bytes::copy_of("forged");
  };

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::log_matching) << found->wrong.what;
}

TEST(Explorer, AForgedCommitIndexIsNoticed) {
  scope s = named("crashes");
  s.broken.deliver = [](core::envelope& e) {
    auto* m = std::get_if<core::append_entries>(&e.message);
    if (m != nullptr) m->leader_commit = log_index(9);
  };

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::durable_quorum) << found->wrong.what;
}

TEST(Explorer, AReadGrantedTooLowIsNoticed) {
  scope s = named("reads");
  s.broken.grant = [](std::vector<core::read_grant>& grants) {
    for (auto& grant : grants) grant.index = log_index{};
  };

  const auto found = explore(s);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->wrong.broken, property::linearizable_reads) << found->wrong.what;
  EXPECT_FALSE(found->trace.back().what.empty());
}

// ---- What is left out of the hashes -------------------------------------------------------------

/// An input that a replica may be given, drawn at random; messages come from `heard`.
input draw(const replica& r, std::vector<core::envelope>& heard, std::mt19937_64& random) {
  const auto below = [&random](std::size_t n) { return random() % n; };
  if (!heard.empty() && below(3) != 0) {
    return {input_kind::deliver, &heard[below(heard.size())], 0};
  }
  switch (below(5)) {
    case 0:
      if (r.disk.pending) return {input_kind::persist};
      return {input_kind::alarm};
    case 1:
      if (r.core.role() == core::role::leader) return {input_kind::propose};
      return {input_kind::alarm};
    case 2:
      return {input_kind::read, nullptr, 1 + below(most_reads)};
    case 3:
      if (r.disk.pending) return {input_kind::crash, nullptr, below(r.disk.steps() + 1)};
      return {input_kind::step_down};
    default:
      return {input_kind::alarm};
  }
}

/// Two clusters that differ only in what the hashes leave out: random numbers, calls and instants.
class two_alike {
 public:
  explicit two_alike(const scope& s)
      : first_(s, 1), second_(s, 77, instant{duration(123'456'789)}) {
    for (std::uint64_t i = 1; i <= node_count; ++i) {
      ones_.push_back(first_.start(i));
      others_.push_back(second_.start(i));
    }
  }

  void step(std::mt19937_64& random) {
    const std::size_t node = random() % node_count;
    replica& one = ones_[node];
    std::vector<core::envelope> heard;
    for (const auto& e : network_) {
      if (e.to == one.core.id()) heard.push_back(e);
    }
    const bool lapses = first_.can_lapse(one);
    ASSERT_EQ(lapses, second_.can_lapse(others_[node]));
    const input in =
        lapses && random() % 4 == 0 ? input{input_kind::lapse} : draw(one, heard, random);

    const effects a = first_.give(one, in);
    const effects b = second_.give(others_[node], in);

    ASSERT_EQ(a.sent, b.sent);
    ASSERT_EQ(a.granted, b.granted);
    ASSERT_EQ(a.failed_reads, b.failed_reads);
    ASSERT_EQ(first_.hashes_of(one), second_.hashes_of(others_[node]));
    for (const auto& e : a.sent) network_.push_back(e);
    while (network_.size() > 12) network_.erase(network_.begin());
  }

 private:
  replica_runner first_;
  replica_runner second_;
  std::vector<replica> ones_;
  std::vector<replica> others_;
  std::vector<core::envelope> network_;
};

TEST(ExplorerAbstraction, WhatHashesLeaveOutNeverShows) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    scope s{.name = "any"};
    s.pre_vote = seed % 2 == 0;
    s.check_quorum = seed % 3 == 0;
    s.slow_disks = seed % 5 != 0;
    std::mt19937_64 random(seed);
    two_alike pair(s);
    for (int i = 0; i < 300 && !::testing::Test::HasFatalFailure(); ++i) pair.step(random);
  }
}

}  // namespace
}  // namespace mainstay::simulation::exploration
