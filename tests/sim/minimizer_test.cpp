// Schedules that show a finding become small, and go on showing it.
#include "sim/minimizer.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "mainstay/simulation/swarm.hpp"

namespace mainstay::sim {

namespace {

using simulation::fault_kind;
using simulation::schedule;

bool has(const schedule& s, fault_kind kind) {
  return std::ranges::any_of(s.faults, [kind](const auto& f) { return f.kind == kind; });
}

/// A schedule with all kinds of fault.
schedule whole_swarm() {
  simulation::swarm_limits limits;
  limits.nodes = 5;
  auto s = simulation::draw_schedule(1, limits);
  s.faults.clear();
  for (std::size_t i = 0; i < 60; ++i) {
    s.faults.push_back({.kind = static_cast<fault_kind>(i % simulation::fault_kinds),
                        .start = std::chrono::milliseconds(500 * i)});
  }
  return s;
}

}  // namespace

TEST(Minimizer, KeepsTheTwoFaultsThatItTakes) {
  const auto shows = [](const schedule& s) {
    return has(s, fault_kind::crash) && has(s, fault_kind::partition);
  };

  const auto small = minimize(whole_swarm(), shows, 1000);

  EXPECT_TRUE(shows(small));
  EXPECT_EQ(small.faults.size(), 2U);
  EXPECT_EQ(small.nodes, 1U);
  EXPECT_EQ(small.work.clients, 1U);
  EXPECT_LT(small.length, std::chrono::seconds(15));
}

TEST(Minimizer, NeverRunsMoreThanItMay) {
  std::uint64_t runs = 0;

  const auto small = minimize(whole_swarm(), [&](const schedule&) { return ++runs, true; }, 7);

  EXPECT_EQ(runs, 7U);
  EXPECT_LT(small.faults.size(), 60U);
}

TEST(Minimizer, GivesBackWhatCannotBecomeSmaller) {
  const auto whole = whole_swarm();

  EXPECT_EQ(minimize(whole, [](const schedule&) { return false; }, 500), whole);
}

}  // namespace mainstay::sim
