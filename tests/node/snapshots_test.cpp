/// Snapshots of whole nodes (R10, R31): saved when they are due or asked for, sent to whom the log
/// no longer helps, taken in, and found again at a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay::testing {
namespace {

using ::testing::HasSubstr;

/// Nothing stays of the log behind a snapshot.
void without_tail(node_options& o) { o.core.compaction_tail_bytes = 0; }

/// What came of a snapshot that was asked for.
struct saved_snapshot {
  int times = 0;
  result<core::snapshot> value = fail(error_code::timed_out, "not yet");
};

std::shared_ptr<saved_snapshot> save(world& w, std::uint64_t id) {
  auto saved = std::make_shared<saved_snapshot>();
  w[id].save_snapshot([saved](result<core::snapshot> s) {
    ++saved->times;
    saved->value = std::move(s);
  });
  return saved;
}

/// Commits so many commands at the leader.
void write(world& w, std::uint64_t leader, int count) {
  for (int i = 0; i < count; ++i) w.done(leader, "x" + std::to_string(i));
}

std::shared_ptr<saved_snapshot> save_and_wait(world& w, std::uint64_t id) {
  auto saved = save(w, id);
  w.until([&] { return saved->times > 0; });
  return saved;
}

/// Who leads, and a follower that was cut off before 20 commands which only a snapshot holds now.
struct laggard {
  std::uint64_t leader;
  std::uint64_t behind;
};

laggard leave_behind(world& w) {
  const auto leader = w.leader();
  const auto behind = w.follower_of(leader);
  w.cut(behind);
  write(w, leader, 20);
  save_and_wait(w, leader);
  return {leader, behind};
}

TEST(Snapshots, ANodeSavesOneOnCommandAndCompactsItsLog) {
  world w(1, without_tail);
  const auto leader = w.leader();
  write(w, leader, 5);

  const auto saved = save_and_wait(w, leader);

  ASSERT_TRUE(saved->value) << saved->value.error().message;
  EXPECT_EQ(saved->times, 1);
  EXPECT_EQ(saved->value->id.last_included_index, w.status(leader).applied_index);
  w.until([&] { return w.storage(leader).base.first == saved->value->id.last_included_index; });
  EXPECT_EQ(w.status(leader).snapshot_index, saved->value->id.last_included_index);
  EXPECT_EQ(w.status(leader).snapshot_bytes, saved->value->id.size);
}

TEST(Snapshots, AreSavedWhenSoManyEntriesWereApplied) {
  world w(1, [](node_options& o) {
    without_tail(o);
    o.snapshots.after_entries = 10;
  });
  const auto leader = w.leader();

  write(w, leader, 25);
  w.runtime.run_for(std::chrono::milliseconds(10));

  EXPECT_GE(w.status(leader).snapshot_index, log_index(20));
  EXPECT_LT(w.storage(leader).entries.size(), 10U);
}

TEST(Snapshots, AreSavedWhenSoManyBytesWereApplied) {
  world w(1, [](node_options& o) { o.snapshots.after_bytes = 1000; });
  const auto leader = w.leader();  // its no-op counts 64, and each command its payload and 64

  w.done(leader, std::string(850, 'x'));
  w.runtime.run_for(std::chrono::milliseconds(10));
  const auto before = w.status(leader).snapshot_index;
  w.done(leader, "y");
  w.runtime.run_for(std::chrono::milliseconds(10));

  EXPECT_FALSE(before);
  EXPECT_TRUE(w.status(leader).snapshot_index);
}

TEST(Snapshots, WhoAsksWhileOneIsBeingSavedGetsThatOne) {
  world w(1);
  const auto leader = w.leader();
  write(w, leader, 3);
  w.runtime.background_is_held = true;

  const auto first = save(w, leader);
  const auto second = save(w, leader);
  w.runtime.run_for(std::chrono::milliseconds(5));
  const int early = first->times + second->times;
  w.runtime.background_is_held = false;
  w.runtime.run_for(std::chrono::milliseconds(5));

  EXPECT_EQ(early, 0);
  ASSERT_TRUE(first->value);
  EXPECT_EQ(first->value, second->value);
}

TEST(Snapshots, ApplyingGoesOnWhileOneIsWritten) {
  world w(1);
  const auto leader = w.leader();
  write(w, leader, 3);
  w.runtime.background_is_held = true;
  const auto saved = save(w, leader);
  w.runtime.run_for(std::chrono::milliseconds(5));
  const auto held_at = w.status(leader).applied_index;

  EXPECT_EQ(w.done(leader, "later").text(), "4");
  w.runtime.background_is_held = false;
  w.runtime.run_for(std::chrono::milliseconds(5));

  ASSERT_TRUE(saved->value);
  EXPECT_EQ(saved->value->id.last_included_index, held_at);
}

TEST(Snapshots, ARestartGoesOnFromTheNewest) {
  world w(1, without_tail);
  auto leader = w.leader();
  write(w, leader, 5);
  save_and_wait(w, leader);
  w.done(leader, "behind");

  w.restart(leader);
  leader = w.leader();

  EXPECT_EQ(w.items(leader).size(), 6U);
  EXPECT_EQ(w.items(leader).back(), "behind");
  EXPECT_EQ(w.done(leader, "next").text(), "7");
}

// Paper §7: what the leader has compacted away comes as a snapshot; what follows it, as entries.
TEST(Snapshots, AFollowerThatTheLogNoLongerHelpsGetsOne) {
  world w(3, without_tail);
  const auto [leader, behind] = leave_behind(w);
  write(w, leader, 2);

  w.heal();
  w.until([&] { return w.items(behind).size() == 22; });

  EXPECT_EQ(w.items(behind), w.items(leader));
  EXPECT_TRUE(w.status(behind).snapshot_index);
  EXPECT_EQ(w.storage(behind).base.first, w.status(behind).snapshot_index);
  EXPECT_TRUE(w.member(behind).logger.has("snapshot installed"));
}

// Hazard 71: what the snapshot replaced does not come back with a restart.
TEST(Snapshots, AFollowerThatTookOneInRestartsFromIt) {
  world w(3, without_tail);
  const auto [leader, behind] = leave_behind(w);
  w.heal();
  w.until([&] { return w.items(behind).size() == 20; });

  w.restart(behind);
  w.until([&] { return w.status(behind).last_index == w.status(w.leader()).last_index; });

  EXPECT_EQ(w.items(behind).size(), 20U);
}

TEST(Snapshots, AFollowerThatTakesOneInRefusesReads) {
  world w(3, without_tail);
  const auto [leader, behind] = leave_behind(w);
  w.runtime.apply_is_held = true;  // the state machine gets no time to take it
  w.heal();
  w.until([&] { return w.status(behind).is_installing; });

  const auto linearizable = w.query(behind);
  const auto stale = w.query(behind, {.level = read_level::stale});
  w.runtime.run();
  const auto code = linearizable->code();
  const auto stale_code = stale->code();
  w.runtime.apply_is_held = false;
  w.until([&] { return w.items(behind).size() == 20; });

  EXPECT_EQ(code, error_code::not_leader);
  EXPECT_EQ(stale_code, error_code::not_leader);
  EXPECT_EQ(w.finish(w.query(behind)).text(), "20");
}

// The leader's image covers what was being saved, before the state machine has taken it in.
TEST(Snapshots, OneThatIsTakenInStandsForTheOneBeingSaved) {
  world w(3, without_tail);
  write(w, w.leader(), 1);
  w.until([&] { return w.items(w.follower_of(w.leader())).size() == 1; });
  const auto [leader, behind] = leave_behind(w);
  w.runtime.background_is_held = true;
  const auto saved = save(w, behind);
  w.runtime.run();
  w.runtime.apply_is_held = true;
  w.heal();
  w.until([&] { return w.status(behind).snapshot_index == w.status(leader).snapshot_index; });

  w.runtime.background_is_held = false;
  w.runtime.run();
  const bool was_installing = w.status(behind).is_installing;
  w.runtime.apply_is_held = false;
  w.until([&] { return w.items(behind).size() == 21; });

  EXPECT_TRUE(was_installing);
  EXPECT_EQ(saved->times, 1);
  ASSERT_TRUE(saved->value);
  EXPECT_EQ(saved->value->id.last_included_index, w.status(leader).snapshot_index);
  EXPECT_EQ(w.status(behind).health, node_health::sound);
}

TEST(Snapshots, AFullDiskLeavesTheLogAndIsTriedAgain) {
  world w(1, [](node_options& o) {
    without_tail(o);
    o.snapshots = {.after_entries = 10, .retry = std::chrono::seconds(1)};
  });
  const auto leader = w.leader();
  w.storage(leader).image_failure = error{error_code::no_space, "no space left", {}};

  write(w, leader, 15);
  const auto none = w.status(leader).snapshot_index;
  w.storage(leader).image_failure.reset();
  w.runtime.run_for(std::chrono::seconds(2));
  w.done(leader, "more");
  w.until([&] { return static_cast<bool>(w.status(leader).snapshot_index); });

  EXPECT_FALSE(none);
  EXPECT_TRUE(w.stopped.empty());
  EXPECT_TRUE(w.member(leader).logger.has("the log keeps growing"));
}

TEST(Snapshots, AFollowersFullDiskDelaysTheTransferAndNothingElse) {
  world w(3, without_tail);
  const auto [leader, behind] = leave_behind(w);
  w.storage(behind).image_failure = error{error_code::no_space, "no space left", {}};
  w.heal();
  w.runtime.run_for(std::chrono::seconds(1));
  const auto attempts = w.storage(behind).chunks;
  const auto while_full = w.status(behind);

  w.storage(behind).image_failure.reset();
  w.until([&] { return w.items(behind).size() == 20; });

  EXPECT_LT(attempts, 60U);  // a heartbeat each, and no storm
  EXPECT_EQ(while_full.leader, node_id(leader));
  EXPECT_TRUE(w.stopped.empty());
}

TEST(Snapshots, ADiskThatFailsWhileSavingStopsTheNode) {
  world w(1);
  const auto leader = w.leader();
  write(w, leader, 3);
  w.storage(leader).image_failure = error{error_code::io_failed, "write failed: EIO", {}};

  const auto saved = save(w, leader);
  w.runtime.run();

  EXPECT_EQ(saved->times, 1);
  ASSERT_EQ(w.stopped.size(), 1U);
  EXPECT_THAT(w.stopped[0].message, HasSubstr("EIO"));
}

TEST(Snapshots, StoppingEndsTheOneBeingSaved) {
  world w(1);
  const auto leader = w.leader();
  write(w, leader, 3);
  w.runtime.background_is_held = true;
  const auto saved = save(w, leader);
  w.runtime.run_for(std::chrono::milliseconds(1));

  w[leader].stop_on_loop();
  w.runtime.background_is_held = false;
  w.runtime.run();

  EXPECT_EQ(saved->times, 1);
  EXPECT_EQ(saved->value.error().code, error_code::shutting_down);
  EXPECT_FALSE(w.storage(leader).snapshot);
}

TEST(Snapshots, WithNothingAppliedThereIsNothingToSave) {
  world w(3);

  const auto saved = save(w, 1);
  w.runtime.run();

  EXPECT_EQ(saved->value.error().code, error_code::invalid_argument);
}

}  // namespace
}  // namespace mainstay::testing
