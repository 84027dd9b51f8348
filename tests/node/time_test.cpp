/// An idle leader tells its state machines, and everybody's, that a moment has come.
#include <chrono>

#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay::testing {
namespace {

using namespace std::chrono_literals;

/// Entries that a node holds beyond the leader's first.
std::uint64_t entries(world& w, std::uint64_t id) { return w.status(id).last_index.value() - 1; }

TEST(LogTime, ComesToEveryReplicaOfAnIdleClusterWhenTheMachineWaitsForIt) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "expire in 200");
  const auto due = *w[leader].machine().expiry;

  w.runtime.run_for(198ms);
  EXPECT_EQ(entries(w, leader), 1U);
  w.runtime.run_for(60ms);

  EXPECT_EQ(entries(w, leader), 2U);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_FALSE(w[id].machine().expiry) << "node " << id;
    EXPECT_GE(w[id].machine().times.back(), due);
    EXPECT_LT(w[id].machine().times.back().microseconds, due.microseconds + 10'000);
  }
}

TEST(LogTime, ComesWithCommandsAndThenNeedsNoEntryOfItsOwn) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "expire in 100");
  for (int i = 0; i < 90; ++i) {
    w.done(leader, "x");
    w.runtime.run_for(1ms);
  }
  w[leader].machine().expiry.reset();  // as a command's time would have done it
  w.done(leader, "x");

  w.runtime.run_for(1s);

  EXPECT_EQ(entries(w, leader), 92U);
}

TEST(LogTime, IsToldAtMostOnceAHeartbeatInterval) {
  world w(3, [](node_options& o) { o.core.heartbeat_interval = 20ms; });
  const auto leader = w.leader();
  for (std::uint64_t id = 1; id <= 3; ++id) w[id].machine().waits_on = true;
  w.done(leader, "expire in 0");
  const auto before = entries(w, leader);

  w.runtime.run_for(200ms);

  EXPECT_GE(entries(w, leader), before + 5);
  EXPECT_LE(entries(w, leader), before + 11);
}

TEST(LogTime, IsNotToldAgainWhileItIsUnderWay) {
  world w(3);
  const auto leader = w.leader();
  w.done(leader, "expire in 10");
  w.storage(leader).answers = world::storage_type::mode::stalled;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    if (id != leader) w.storage(id).answers = world::storage_type::mode::stalled;
  }

  w.runtime.run_for(150ms);

  EXPECT_EQ(entries(w, leader), 2U);
}

TEST(LogTime, IsTheNextLeadersToTellWhenTheFirstIsGone) {
  world w(3);
  const auto first = w.leader();
  w.done(first, "expire in 300");
  w.cut(first);
  const auto second = w.leader(first);

  w.until([&] { return !w[second].machine().expiry; });

  EXPECT_TRUE(w[first].machine().expiry) << "who is cut off is told nothing";
  w.heal();
  w.until([&] { return !w[first].machine().expiry; });
}

TEST(LogTime, WallClockThatLeapsAheadIsSeenWithinAMinute) {
  world w(1);
  const auto leader = w.leader();
  w.done(leader, "expire in 7200000");
  w.runtime.wall_shift = 3h;

  w.runtime.run_for(61s);

  EXPECT_FALSE(w[leader].machine().expiry);
}

}  // namespace
}  // namespace mainstay::testing
