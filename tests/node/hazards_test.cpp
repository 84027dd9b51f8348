/// How other implementations broke, tried on whole nodes: what docs/hazards.md lists and the other
/// tests of nodes do not cover.
#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::world;
using mode = world::storage_type::mode;

// Hazard 2: the vote could not be written, and is given all the same.
TEST(FailedFlush, NoVoteLeaves) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  const auto candidate = 6 - leader - follower;
  w.storage(follower).answers = mode::failing;
  const core::request_vote question{.term = w.status(leader).term.next(),
                                    .last_log_index = log_index(1000),
                                    .last_log_term = w.status(leader).term,
                                    .leadership_transfer = true};  // past the living leader
  bool granted = false;

  (*w.net.listening.at(node_id(follower)))(
      node_id(candidate), group_id(1), question, [&](rpc_response response) {
        granted = std::get<core::request_vote_response>(response).vote_granted;
      });
  w.runtime.run_for(1s);

  EXPECT_FALSE(granted);
  EXPECT_EQ(w.status(follower).health, node_health::stopped);
}

// Hazard 119: the wall clock is set forward and back; elections, deadlines and the order of entry
// times do not follow it.
TEST(WallClock, SettingItMovesNoTimerAndTurnsNoTimeBack) {
  world w(3);
  const auto leader = w.leader();
  const auto t = w.status(leader).term;
  constexpr duration shifts[] = {-24h, 24h * 365, -1h, 0h};

  for (const duration shift : shifts) {
    w.runtime.wall_shift = shift;
    w.runtime.run_for(1s);
    EXPECT_FALSE(w.done(leader, "x").text().starts_with("failed"));
  }

  EXPECT_EQ(w.status(leader).term, t);
  EXPECT_EQ(w.status(leader).role, core::role::leader);
  const auto& entries = w.storage(leader).entries;
  EXPECT_TRUE(std::ranges::is_sorted(entries, {}, &core::entry::time));
}

// Hazard 118: a leader is to step down while its state machine is busy, and must not wait for it.
TEST(SlowApply, StepDownDoesNotWaitForTheMachine) {
  world w(3);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  const auto a = w.submit(leader, "a");
  w.runtime.run_for(20ms);
  w.cut(leader);
  const auto b = w.submit(leader, "b");

  w.runtime.run_for(1s);

  EXPECT_NE(w.status(leader).role, core::role::leader);
  EXPECT_EQ(b->code(), error_code::leadership_lost);
  EXPECT_FALSE(a->is_there());  // committed: it is answered once it is applied
  w.runtime.apply_is_held = false;
  w.runtime.run();
  EXPECT_EQ(a->text(), "1");
}

}  // namespace
}  // namespace mainstay
