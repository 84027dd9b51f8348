/// What a node shows of itself: metrics, status, the deadlines of its calls; and the corners where
/// an operation could get lost between two steps of a turn.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/node/world.hpp"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using testing::fate;
using testing::world;
using mode = world::storage_type::mode;

// ---- Metrics --------------------------------------------------------------------------------

TEST(NodeMetrics, RolesTermsAndEntriesAreCounted) {
  world w(1);
  const auto leader = w.leader();
  w.done(leader, "a");
  const auto& metrics = w.member(leader).metrics;

  EXPECT_EQ(metrics.count(R"(mainstay_role_changes_total{role="leader"})"), 1u);
  EXPECT_EQ(metrics.gauge("mainstay_term"), static_cast<double>(w.status(leader).term.value()));
  EXPECT_EQ(metrics.count("mainstay_persisted_entries_total"), w.status(leader).last_index.value());
  EXPECT_GE(metrics.durations("mainstay_append_seconds"), 2u);
}

TEST(NodeMetrics, DeadlinesThatPassAreCounted) {
  world w(1);
  const auto leader = w.leader();
  w.storage(leader).answers = mode::stalled;

  w.submit(leader, "a", {.deadline = w.in(30ms)});
  w.submit(leader, "b", {.deadline = w.in(30ms)});
  w.runtime.run_for(31ms);

  EXPECT_EQ(w.member(leader).metrics.count("mainstay_deadlines_passed_total"), 2u);
}

TEST(NodeMetrics, FailedCallsAreCountedByKindAndClass) {
  world w(3);
  const auto leader = w.leader();
  w.cut(w.follower_of(leader));

  w.runtime.run_for(1s);

  EXPECT_GE(w.member(leader).metrics.count(
                R"(mainstay_rpc_failures_total{kind="append_entries",class="unreachable"})"),
            1u);
}

// ---- Status ---------------------------------------------------------------------------------

TEST(NodeStatus, LeaderShowsHowFarEachMemberIs) {
  world w(3);
  const auto leader = w.leader();
  const auto silent = w.follower_of(leader);
  w.done(leader, "a");
  w.runtime.run_for(1s);
  w.cut(silent);
  w.runtime.run_for(2s);

  const auto s = w.status(leader);

  ASSERT_EQ(s.members.size(), 3u);
  for (const auto& m : s.members) {
    EXPECT_TRUE(m.is_voter);
    EXPECT_EQ(m.match_index, s.last_index);
    if (m.member.id == node_id(leader)) continue;
    EXPECT_EQ(m.member.id == node_id(silent), m.silence > 1s);
    // Calls that fail make the leader look for the match again.
    EXPECT_EQ(m.state, m.member.id == node_id(silent) ? core::progress_state::probe
                                                      : core::progress_state::replicate);
  }
}

TEST(NodeStatus, LearnersAreNotShownAsVoters) {
  world w(3, [](node_options& o) {
    o.members.learners.push_back(o.members.voters.back());
    o.members.voters.pop_back();
  });
  const auto leader = w.leader();

  for (const auto& m : w.status(leader).members) {
    EXPECT_EQ(m.is_voter, m.member.id != node_id(3)) << m.member.id.value();
  }
}

// ---- Calls ----------------------------------------------------------------------------------

TEST(Timeouts, EachKindOfCallHasItsOwn) {
  world w(3, [](node_options& o) {
    o.timeouts.request_vote = 301ms;
    o.timeouts.append_entries = 402ms;
    o.timeouts.read_index = 503ms;
    o.timeouts.forward_commands = 1604ms;
  });
  std::map<std::size_t, std::set<duration>> seen;
  w.net.watch = [&](node_id, const rpc_request& request, instant deadline) {
    seen[request.index()].insert(deadline - w.runtime.now());
  };
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  w.finish(w.query(follower));
  w.done(follower, "a");

  const auto kind = [](rpc_request request) { return request.index(); };
  using durations = std::set<duration>;
  EXPECT_EQ(seen[kind(core::request_vote{})], durations{301ms});
  EXPECT_EQ(seen[kind(core::append_entries{})], durations{402ms});
  EXPECT_EQ(seen[kind(core::read_index{})], durations{503ms});
  EXPECT_EQ(seen[kind(forward_commands{})], durations{1604ms});
}

TEST(Forwarding, EveryCallHasTheWholeLimit) {
  world w(3, [](node_options& o) { o.max_forward_bytes = 1 << 20; });
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);
  std::size_t calls = 0;
  w.net.watch = [&](node_id, const rpc_request& request, instant) {
    if (std::holds_alternative<forward_commands>(request)) ++calls;
  };
  const std::string half(500'000, 'x');

  for (int i = 0; i < 6; ++i) w.submit(follower, half);
  w.runtime.step();

  EXPECT_EQ(calls, 3u);
}

// ---- Corners --------------------------------------------------------------------------------

TEST(Turns, BatchesCountByTheirCommands) {
  world w(1);
  const auto leader = w.leader();
  const auto before = w.status(leader).last_index;
  const std::vector<shared_bytes> batch(3000, shared_bytes::copy_of("x"));
  for (int i = 0; i < 3; ++i) w[leader].submit_batch(batch, {}, [](outcomes) {});

  w.runtime.step();
  EXPECT_EQ(w.status(leader).last_index - before, 6000u);

  w.runtime.run();
  EXPECT_EQ(w.status(leader).last_index - before, 9000u);
}

TEST(Turns, RestOfTheLineWaitsForNothing) {
  world w(1);
  const auto leader = w.leader();
  const auto before = w.status(leader).last_index;
  w.storage(leader).answers = mode::stalled;
  const std::vector<shared_bytes> batch(3000, shared_bytes::copy_of("x"));
  for (int i = 0; i < 3; ++i) w[leader].submit_batch(batch, {}, [](outcomes) {});

  w.runtime.run();

  EXPECT_EQ(w.status(leader).last_index - before, 9000u);
}

TEST(LinearizableReads, OfDifferentTurnsAreAskedApart) {
  world w(3);
  const auto leader = w.leader();

  const auto first = w.query(leader);
  w.runtime.step();
  const auto second = w.query(leader);
  w.runtime.step();

  EXPECT_EQ(w.finish(first).text(), "0");
  EXPECT_EQ(w.finish(second).text(), "0");
}

TEST(Shutdown, InTheMiddleOfATurnEndsWhatTheTurnHadTaken) {
  world w(3);
  const auto leader = w.leader();
  const auto follower = w.follower_of(leader);

  const auto read = w.query(follower);
  const auto forwarded = w.submit(follower, "a");
  // Refused in the same turn; whoever hears of it stops the node.
  w[follower].submit(shared_bytes::copy_of("b"), {.forward = false},
                     [&](command_outcome) { w[follower].stop_on_loop(); });
  w.runtime.run();

  EXPECT_EQ(read->code(), error_code::shutting_down);
  EXPECT_EQ(forwarded->code(), error_code::shutting_down);
  EXPECT_EQ(read->times + forwarded->times, 2);
}

TEST(Shutdown, IsToldOnce) {
  world w(1);
  w.leader();

  w[1].stop_on_loop();
  w[1].stop_on_loop();

  EXPECT_EQ(std::ranges::count(w.member(1).logger.events, "node: stopped node=1"), 1);
}

// Entries of two terms that commit at once are one stretch for the state machine.
TEST(CommitWaiting, CommandBehindEntriesOfAnEarlierTermIsAnswered) {
  world w(3);
  const auto old = w.leader();
  const auto next = w.follower_of(old);
  const std::uint64_t third = 6 - old - next;
  w.cut(third);
  const auto lose_answers = [](node_id, node_id, const rpc_request& request) {
    const bool append = std::holds_alternative<core::append_entries>(request);
    return append ? fate{fate::kind::answer_lost, {error_code::disconnected, "lost", {}}} : fate{};
  };
  w.net.script = lose_answers;
  w.submit(old, "x");
  w.until([&] { return w.status(next).last_index == w.status(old).last_index; });
  w.net.script = {};
  w.heal();
  w.cut(old);
  // Nothing of the new term commits until the command behind the earlier entries is on its disk.
  w.on_leadership = [&](std::uint64_t id, const core::leadership& l) {
    if (id == next && l.role == core::role::leader) w.net.script = lose_answers;
  };
  w.until([&] { return w.status(next).role == core::role::leader; });
  const auto a = w.submit(next, "y");
  w.until([&] { return w.status(next).stable_index == log_index(w.status(old).last_index + 2); });
  EXPECT_FALSE(a->is_there());

  w.net.script = {};

  EXPECT_EQ(w.finish(a).text(), "2");
}

}  // namespace
}  // namespace mainstay
