// Whole runs: the same seed does the same, faults strike, operations are done, traces are told.
#include "sim/run.hpp"

#include <numeric>
#include <sstream>

#include <gtest/gtest.h>
#include <malloc.h>

#include "mainstay/simulation/swarm.hpp"

namespace mainstay::sim {

namespace {

simulation::schedule short_schedule(std::uint64_t seed) {
  simulation::swarm_limits limits;
  limits.length = std::chrono::seconds(10);
  limits.nodes = 3;
  return simulation::draw_schedule(seed, limits);
}

/// Whoever leads is cut off again and again, with a clock that goes at half the others' rate, while
/// everybody reads on leases.
simulation::schedule slow_leaders(std::uint64_t declared_drift) {
  using std::chrono::milliseconds;
  simulation::schedule s{.seed = 7, .nodes = 3, .length = std::chrono::seconds(20)};
  s.core.lease_reads = true;
  s.core.max_clock_drift = declared_drift;
  s.work = {.clients = 12, .pause = milliseconds(5), .timeout = milliseconds(40), .keys = 2};
  s.work.reads = 80;
  s.work.stale_reads = 0;
  s.work.lease_reads = 100;
  for (auto at = milliseconds(1000); at < milliseconds(19'000); at += milliseconds(1500)) {
    std::vector<simulation::edge> cut;
    for (std::uint64_t other = 1; other <= s.nodes; ++other) {
      cut.emplace_back(simulation::the_leader, node_id(other));
      cut.emplace_back(node_id(other), simulation::the_leader);
    }
    s.faults.push_back({.kind = simulation::fault_kind::drift,
                        .start = at,
                        .length = milliseconds(800),
                        .nodes = {simulation::the_leader},
                        .strength = -500'000});
    s.faults.push_back({.kind = simulation::fault_kind::partition,
                        .start = at + milliseconds(120),
                        .length = milliseconds(600),
                        .edges = cut});
  }
  return s;
}

}  // namespace

TEST(SimulatedRun, LeasesHoldWhileClocksKeepTheDeclaredBound) {
  const auto report = run_schedule(slow_leaders(500'000));

  EXPECT_FALSE(report.found) << report.found->text;
  EXPECT_GT(report.elections, 5U);
  EXPECT_GT(report.operations.done, 1000U);
}

// What leases declare, they need: with clocks beyond it, a deposed leader serves what is old.
TEST(SimulatedRun, LeasesAreCaughtWhenClocksLeaveTheDeclaredBound) {
  const auto report = run_schedule(slow_leaders(10'000));

  ASSERT_TRUE(report.found);
  EXPECT_EQ(report.found->kind, "read freshness") << report.found->text;
}

TEST(SimulatedRun, TheSameScheduleDoesTheSame) {
  const auto first = run_schedule(short_schedule(1));
  const auto second = run_schedule(short_schedule(1));
  const auto other = run_schedule(short_schedule(2));

  EXPECT_EQ(first.hash, second.hash);
  EXPECT_EQ(first.events, second.events);
  EXPECT_NE(first.hash, other.hash);
}

TEST(SimulatedRun, FaultsStrikeAndOperationsAreDoneAllTheSame) {
  const auto report = run_schedule(short_schedule(3));

  EXPECT_FALSE(report.found) << report.found->text;
  EXPECT_GT(std::accumulate(report.faults.begin(), report.faults.end(), std::uint64_t{0}), 4U);
  EXPECT_GT(report.operations.done, 10U);
  EXPECT_GE(report.elections, 1U);
}

TEST(SimulatedRun, NodesThatWereAwayTakeSnapshotsIn) {
  snapshot_counters all;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    const auto report = run_schedule(short_schedule(seed));
    ASSERT_FALSE(report.found) << report.found->text;
    all.saved += report.snapshots.saved;
    all.installed += report.snapshots.installed;
  }

  EXPECT_GT(all.saved, 100U);
  EXPECT_GT(all.installed, 1U);
}

TEST(SimulatedRun, MembersComeAndGo) {
  operator_counters all;
  std::uint64_t retried = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    auto plan = short_schedule(seed);
    plan.churn = {.voters = 2, .changes = std::chrono::milliseconds(300)};
    plan.work.sessions = 100;
    const auto report = run_schedule(plan);
    ASSERT_FALSE(report.found) << report.found->text;
    all.changes += report.operated.changes;
    all.rejoined += report.operated.rejoined;
    retried += report.operations.retried;
  }

  EXPECT_GT(all.changes, 20U);
  EXPECT_GT(all.rejoined, 2U);
  EXPECT_GT(retried, 2U);
}

TEST(SimulatedRun, ATraceTellsItWithoutChangingIt) {
  std::ostringstream trace;
  std::ostringstream history;

  const auto told = run_schedule(short_schedule(4), {&trace, &history});

  EXPECT_EQ(told.hash, run_schedule(short_schedule(4)).hash);
  EXPECT_TRUE(trace.str().starts_with("{\"format\":\"mainstay-trace\",\"version\":1,\"seed\":"));
  for (const auto* kind : {"role", "sent", "delivered", "disk", "client_begins", "client_ends"}) {
    EXPECT_NE(trace.str().find("\"kind\":\"" + std::string(kind) + "\""), std::string::npos)
        << kind;
  }
  EXPECT_NE(history.str().find("\"outcome\":\"done\""), std::string::npos);
}

TEST(SimulatedRun, MemoryDoesNotGrowFromRunToRun) {
  const auto run_all = [] {
    for (std::uint64_t seed = 5; seed < 8; ++seed) run_schedule(short_schedule(seed));
  };
  for (int i = 0; i < 5; ++i) run_all();  // what is made once stays
  const auto before = mallinfo2();

  for (int i = 0; i < 20; ++i) run_all();

  const auto after = mallinfo2();
  // Pieces that the allocator keeps at hand count as used; that is no more than this.
  EXPECT_LE(after.uordblks, before.uordblks + 20'000);
  EXPECT_LE(after.hblkhd, before.hblkhd);
}

}  // namespace mainstay::sim
