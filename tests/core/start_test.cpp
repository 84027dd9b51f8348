/// What a replica refuses to start from: no recovered log, however damaged, may trip an assertion
/// later (hazards 103, 124).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/core/raft.hpp"

#include "tests/core/cluster.hpp"
#include "tests/core/lone_replica.hpp"

namespace mainstay::core_test {
namespace {

using testing::HasSubstr;

/// Entries 1 to 5 with terms 1, 1, 2, 4, 4, the third a configuration.
core::initial_state sound_state() {
  core::initial_state s{
      .id = node_id(1),
      .bootstrap = voters(3),
      .hard_state = {term(4), node_id(2)},
      .last_index = log_index(5),
      .term_runs = {{log_index(1), term(1)}, {log_index(3), term(2)}, {log_index(4), term(4)}},
      .tail = entries_of(1, {1, 1, 2, 4, 4})};
  s.tail[2].kind = core::entry_kind::configuration;
  s.tail[2].payload = core::encode(voters(5));
  s.configurations = {s.tail[2]};
  return s;
}

core::snapshot snapshot_at(std::uint64_t index, std::uint64_t t) {
  return {{log_index(index), term(t), 1, 1}, {}, voters(3)};
}

/// The message with which a state is refused; empty when it is taken.
std::string refusal(core::initial_state s) {
  const auto settings = core::valid_config::check({}).value();
  const auto started = core::raft::start(settings, std::move(s), instant{});
  return started ? "" : started.error().message;
}

TEST(Start, TakesASoundLogAndItsNewestConfiguration) {
  const auto settings = core::valid_config::check({}).value();

  auto started = core::raft::start(settings, sound_state(), instant{}).value();

  EXPECT_EQ(started.current_term(), term(4));
  EXPECT_EQ(started.voted_for(), node_id(2));
  EXPECT_EQ(started.last_index(), log_index(5));
  EXPECT_EQ(started.stable_index(), log_index(5));
  EXPECT_EQ(started.commit_index(), log_index(0));
  EXPECT_EQ(started.configuration(), voters(5));
  EXPECT_EQ(started.configuration_index(), log_index(3));
  EXPECT_TRUE(started.take_ready().empty());
}

TEST(Start, NeedsAnIdAndVoters) {
  auto nameless = sound_state();
  nameless.id = node_id{};
  auto empty = sound_state();
  empty.bootstrap.voters.clear();

  EXPECT_THAT(refusal(nameless), HasSubstr("id must not be 0"));
  EXPECT_THAT(refusal(empty), HasSubstr("voters must not be empty"));
}

// Hazard 124: numbers from a disk are checked before anything is computed from them.
TEST(Start, RefusesNumbersBeyondAllBounds) {
  auto long_log = sound_state();
  long_log.last_index = log_index(~std::uint64_t{0});
  auto late_term = sound_state();
  late_term.hard_state.current_term = term(~std::uint64_t{0});

  EXPECT_THAT(refusal(long_log), HasSubstr("beyond all bounds"));
  EXPECT_THAT(refusal(late_term), HasSubstr("beyond all bounds"));
}

TEST(Start, RefusesABaseThatCannotBe) {
  auto behind = sound_state();
  behind.base = {log_index(6), term(1)};
  auto with_term = sound_state();
  with_term.base = {log_index{}, term(1)};
  auto uncovered = sound_state();
  uncovered.base = {log_index(5), term(4)};
  uncovered.snapshot = snapshot_at(5, 4);

  EXPECT_THAT(refusal(behind), HasSubstr("ends before its base"));
  EXPECT_THAT(refusal(with_term), HasSubstr("empty base"));
  EXPECT_THAT(refusal(uncovered), HasSubstr("do not cover"));
}

// Hazard 101: what compaction removed must be in a snapshot, or it is lost.
TEST(Start, RefusesALogWhoseBeginningNoSnapshotCovers) {
  auto without = sound_state();
  without.base = {log_index(2), term(1)};
  auto older = without;
  older.snapshot = snapshot_at(1, 1);

  EXPECT_THAT(refusal(without), HasSubstr("no snapshot covers"));
  EXPECT_THAT(refusal(older), HasSubstr("no snapshot covers"));
}

TEST(Start, RefusesASnapshotThatCannotBe) {
  auto nowhere = sound_state();
  nowhere.snapshot = snapshot_at(0, 1);
  auto ahead = sound_state();
  ahead.snapshot = snapshot_at(9, 5);
  auto voterless = sound_state();
  voterless.snapshot = snapshot_at(2, 1);
  voterless.snapshot->configuration.voters.clear();

  EXPECT_THAT(refusal(nowhere), HasSubstr("snapshot's place"));
  EXPECT_THAT(refusal(ahead), HasSubstr("snapshot's term exceeds"));
  EXPECT_THAT(refusal(voterless), HasSubstr("configuration breaks a rule"));
}

// Paper §7: everything up to the snapshot is committed and applied, and its configuration in force,
// also where the log on the disk still has the entries.
TEST(Start, TakesASnapshotThatTheLogHolds) {
  auto state = sound_state();
  state.snapshot = snapshot_at(2, 1);
  const auto settings = core::valid_config::check({}).value();

  auto started = core::raft::start(settings, std::move(state), instant{}).value();

  EXPECT_EQ(started.commit_index(), log_index(2));
  EXPECT_EQ(started.last_applied(), log_index(2));
  EXPECT_EQ(started.last_index(), log_index(5));
  EXPECT_EQ(started.configuration(), voters(5));
  EXPECT_EQ(started.configuration_at(log_index(2)), voters(3));
  EXPECT_TRUE(started.take_ready().empty());
}

// Hazards 59, 61: configurations before the snapshot are part of it; those behind it still count.
TEST(Start, ASnapshotsConfigurationTakesThePlaceOfOlderOnes) {
  auto state = sound_state();
  state.snapshot = snapshot_at(4, 4);
  const auto settings = core::valid_config::check({}).value();

  auto started = core::raft::start(settings, std::move(state), instant{}).value();

  EXPECT_EQ(started.configuration(), voters(3));
  EXPECT_EQ(started.configuration_index(), log_index(4));
}

// Hazards 71, 79: the power went between the image's installation and the log's reset.
TEST(Start, ALogThatDoesNotHoldTheSnapshotGivesWayToIt) {
  for (const auto& s : {snapshot_at(9, 4), snapshot_at(5, 3)}) {
    auto state = sound_state();
    state.snapshot = s;
    const auto settings = core::valid_config::check({}).value();

    auto started = core::raft::start(settings, std::move(state), instant{}).value();
    const auto work = started.take_ready();

    EXPECT_EQ(started.last_index(), s.id.last_included_index);
    EXPECT_EQ(started.entries().last_term(), s.id.last_included_term);
    EXPECT_EQ(started.configuration(), voters(3));
    EXPECT_EQ(work.persist.reset_to,
              (core::term_run{s.id.last_included_index, s.id.last_included_term}));
    EXPECT_TRUE(work.persist.entries.empty());
  }
}

TEST(Start, RefusesTermsThatCannotBe) {
  auto falling = sound_state();
  falling.term_runs[2].term = term(1);
  auto zero = sound_state();
  zero.term_runs[0].term = term{};
  auto beyond = sound_state();
  beyond.term_runs[2].first = log_index(6);
  auto late = sound_state();
  late.term_runs[0].first = log_index(2);
  auto unknown = sound_state();
  unknown.hard_state.current_term = term(3);

  EXPECT_THAT(refusal(falling), HasSubstr("out of order"));
  EXPECT_THAT(refusal(zero), HasSubstr("out of order"));
  EXPECT_THAT(refusal(beyond), HasSubstr("out of order"));
  EXPECT_THAT(refusal(late), HasSubstr("start at its base"));
  EXPECT_THAT(refusal(unknown), HasSubstr("exceeds the stored current term"));
}

TEST(Start, RefusesATailThatDoesNotFit) {
  auto gap = sound_state();
  gap.tail.erase(gap.tail.begin() + 1);
  auto other_term = sound_state();
  other_term.tail[4].term = term(3);
  auto too_long = sound_state();
  too_long.tail.insert(too_long.tail.begin(), command(0, 1));

  EXPECT_THAT(refusal(gap), HasSubstr("not consecutive"));
  EXPECT_THAT(refusal(other_term), HasSubstr("not that of its place"));
  EXPECT_THAT(refusal(too_long), HasSubstr("not consecutive"));
}

TEST(Start, RefusesConfigurationsThatDoNotFit) {
  auto outside = sound_state();
  outside.configurations[0].index = log_index(6);
  auto twice = sound_state();
  twice.configurations.push_back(twice.configurations[0]);
  auto other_term = sound_state();
  other_term.configurations[0].term = term(4);
  auto garbled = sound_state();
  garbled.configurations[0].payload = shared_bytes::copy_of("?");

  EXPECT_THAT(refusal(outside), HasSubstr("configurations are out of order"));
  EXPECT_THAT(refusal(twice), HasSubstr("configurations are out of order"));
  EXPECT_THAT(refusal(other_term), HasSubstr("configuration's term"));
  EXPECT_THAT(refusal(garbled), HasSubstr("unknown format version"));
}

}  // namespace
}  // namespace mainstay::core_test
