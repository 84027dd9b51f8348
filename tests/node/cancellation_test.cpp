/// R22: shutdown, step-down and timeout complete every pending operation exactly once; nothing is
/// called back after that, and nothing is left over.
#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::answer_handle;
using testing::fate;
using testing::world;
using mode = world::storage_type::mode;

/// Operations at every stage that a leader or a follower knows.
struct stages {
  std::vector<answer_handle> refused;  ///< those that must be told "certainly not"
  std::vector<answer_handle> unknown;  ///< those of which nobody can know

  std::vector<answer_handle> all() const {
    auto both = refused;
    both.insert(both.end(), unknown.begin(), unknown.end());
    return both;
  }
};

/// On a leader whose disk hangs and whose peers and state machine are silent.
stages fill_leader(world& w, std::uint64_t leader) {
  stages s;
  w.runtime.apply_is_held = true;
  s.unknown.push_back(w.submit(leader, "committed, not applied"));
  w.runtime.run_for(5ms);
  s.refused.push_back(w.query(leader));  // granted, waits for the state machine
  s.refused.push_back(w.query(leader, {.level = read_level::stale}));  // with the apply activity
  w.runtime.run_for(5ms);
  w.net.script = [](node_id, node_id, const rpc_request&) { return fate{fate::kind::held}; };
  w.storage(leader).answers = mode::stalled;
  s.unknown.push_back(w.submit(leader, "proposed"));
  s.refused.push_back(w.query(leader));  // asked
  w.runtime.run_for(5ms);
  for (const auto& a : s.all()) EXPECT_FALSE(a->is_there());
  return s;
}

void expect_ended(const stages& s) {
  for (const auto& a : s.refused) EXPECT_EQ(outcome_of(a->code()), outcome::refused);
  for (const auto& a : s.unknown) EXPECT_EQ(outcome_of(a->code()), outcome::unknown);
  for (const auto& a : s.all()) EXPECT_EQ(a->times, 1);
}

/// Everything that was held back comes after all.
void let_everything_come_late(world& w, std::uint64_t id) {
  w.runtime.apply_is_held = false;
  w.storage(id).answers = mode::durable;
  w.storage(id).release();
  for (auto& done : std::exchange(w.net.held, {})) {
    done(fail(error_code::shutting_down, "the client stopped"));
  }
  w.net.script = {};
  w.runtime.run_for(1s);
}

TEST(Shutdown, CompletesEveryStageOnceAndNothingComesLater) {
  world w(3);
  const auto leader = w.leader();
  auto s = fill_leader(w, leader);
  s.refused.push_back(w.submit(leader, "not yet seen by the loop"));
  s.refused.push_back(w.query(leader));

  w[leader].stop_on_loop();
  expect_ended(s);
  let_everything_come_late(w, leader);

  expect_ended(s);
}

TEST(Shutdown, CommandsOnTheirWayToTheLeaderAreUnknown) {
  world w(3);
  const auto follower = w.follower_of(w.leader());
  w.net.script = [](node_id, node_id, const rpc_request& r) {
    return fate{std::holds_alternative<forward_commands>(r) ? fate::kind::held : fate::kind::pass};
  };
  const auto a = w.submit(follower, "a");
  w.runtime.run();

  w[follower].stop_on_loop();
  EXPECT_EQ(outcome_of(a->code()), outcome::unknown);
  let_everything_come_late(w, follower);

  EXPECT_EQ(a->times, 1);
}

TEST(Shutdown, AnswersForwardedCommandsOfOthers) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.storage(leader).answers = mode::stalled;
  const auto a = w.submit(follower, "a");
  w.runtime.run_for(5ms);

  w[leader].stop_on_loop();
  w.runtime.run();

  EXPECT_EQ(outcome_of(a->code()), outcome::unknown);
}

TEST(Shutdown, LateSubmissionsAreRefused) {
  world w(1);
  const auto leader = w.leader();
  w[leader].stop_on_loop();
  w[leader].stop_on_loop();  // idempotent

  const auto write = w.submit(leader, "late");
  const auto read = w.query(leader);
  w.runtime.run();

  EXPECT_EQ(write->code(), error_code::shutting_down);
  EXPECT_EQ(read->code(), error_code::shutting_down);
}

TEST(Shutdown, StateMachineGetsNothingMore) {
  world w(1);
  const auto leader = w.leader();
  w.runtime.apply_is_held = true;
  for (int i = 0; i < 4000; ++i) w.submit(leader, "x");
  w.runtime.run();

  w[leader].stop_on_loop();
  w.runtime.apply_is_held = false;
  w.runtime.run();

  EXPECT_LE(w.items(leader).size(), 2048u);  // what it had been given before
}

// Hazard 121: whoever completes a call may be the one that ends the node.
TEST(Shutdown, MaySpringFromAnyCompletion) {
  // The i-th completion stops the node, whatever it is the completion of.
  for (int stopper = 1; stopper <= 12; ++stopper) {
    world w(3);
    const auto leader = w.leader();
    int completed = 0, submitted = 0;
    const auto done = [&](const command_outcome&) {
      if (++completed == stopper) w[leader].stop_on_loop();
    };
    for (int i = 0; i < 4; ++i) {
      submitted += 3;
      w[leader].submit(shared_bytes::copy_of("x"), {}, done);
      w[leader].submit(shared_bytes::copy_of(i == 2 ? "fail" : "y"), {}, done);
      w[leader].query({}, {}, done);
    }
    w.runtime.run_for(1s);
    w[leader].stop_on_loop();

    EXPECT_EQ(completed, submitted) << stopper;
  }
}

TEST(Shutdown, MaySpringFromADeadline) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  int completed = 0;
  for (int i = 0; i < 3; ++i) {
    w[leader].submit(shared_bytes::copy_of("x"), {.deadline = w.in(5ms)}, [&](command_outcome) {
      ++completed;
      w[leader].stop_on_loop();
    });
  }

  w.runtime.run_for(1s);

  EXPECT_EQ(completed, 3);
  EXPECT_EQ(w.status(leader).health, node_health::stopped);
}

TEST(Shutdown, MaySpringFromARefusal) {
  world w(3);
  w.cut(1);
  w.until([&] { return !w.status(1).leader; });
  int completed = 0;
  for (int i = 0; i < 3; ++i) {
    const auto done = [&](const command_outcome&) {
      ++completed;
      w[1].stop_on_loop();
    };
    w[1].submit(shared_bytes::copy_of("x"), {}, done);
    w[1].query({}, {}, done);
  }

  w.runtime.run_for(1s);

  EXPECT_EQ(completed, 6);
}

TEST(Shutdown, MaySpringFromTheListener) {
  world w(3);
  const auto leader = w.leader();
  const auto s = fill_leader(w, leader);
  w.on_leadership = [&](std::uint64_t id, const core::leadership& l) {
    if (id == leader && l.role != core::role::leader) w[leader].stop_on_loop();
  };

  w.until([&] { return w.status(leader).health == node_health::stopped; });
  let_everything_come_late(w, leader);

  for (const auto& a : s.all()) EXPECT_EQ(a->times, 1);
}

TEST(StepDown, CompletesWhatCannotGoOnAndKeepsWhatCan) {
  world w(3);
  const auto leader = w.leader();
  const auto s = fill_leader(w, leader);
  const auto& committed = s.unknown[0];
  const auto& proposed = s.unknown[1];

  w.until([&] { return w.status(leader).role != core::role::leader; });
  EXPECT_EQ(proposed->code(), error_code::leadership_lost);
  EXPECT_FALSE(committed->is_there());
  let_everything_come_late(w, leader);

  EXPECT_EQ(committed->text(), "1");
  for (const auto& a : s.all()) EXPECT_EQ(a->times, 1);
}

TEST(Timeout, CompletesEveryStageOnceAndNothingComesLater) {
  world w(3);
  const auto leader = w.leader();
  std::vector<answer_handle> all;
  w.runtime.apply_is_held = true;
  all.push_back(w.submit(leader, "a", {.deadline = w.in(30ms)}));
  w.runtime.run_for(5ms);
  all.push_back(w.query(leader, {.deadline = w.in(30ms)}));
  all.push_back(w.query(leader, {.deadline = w.in(30ms), .level = read_level::stale}));
  w.net.script = [](node_id, node_id, const rpc_request&) { return fate{fate::kind::held}; };
  all.push_back(w.submit(leader, "b", {.deadline = w.in(30ms)}));
  all.push_back(w.query(leader, {.deadline = w.in(30ms)}));

  w.runtime.run_for(31ms);
  for (const auto& a : all) EXPECT_EQ(a->code(), error_code::timed_out);
  let_everything_come_late(w, leader);

  for (const auto& a : all) EXPECT_EQ(a->times, 1);
}

// No leak: a stopped node lets go of callers, peers and itself.
TEST(Shutdown, LeavesNothingBehind) {
  const auto alive = std::make_shared<int>();
  world w(3);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;
  for (int i = 0; i < 10; ++i) {
    w[leader].submit(shared_bytes::copy_of("x"), {}, [alive](command_outcome) {});
    w[leader].query({}, {}, [alive](command_outcome) {});
  }
  w.runtime.run_for(5ms);
  (*w.net.listening.at(node_id(leader)))(node_id(leader % 3 + 1), group_id(1),
                                         core::append_entries{.term = term(1000)},
                                         [alive](rpc_response) {});
  EXPECT_GT(alive.use_count(), 11);

  w[leader].stop_on_loop();

  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace mainstay
