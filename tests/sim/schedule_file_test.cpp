// Schedules survive being written down, and the swarm keeps to what it was told.
#include "sim/schedule_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>

#include "mainstay/simulation/swarm.hpp"

namespace mainstay::sim {

using simulation::draw_schedule;
using simulation::fault_kind;

TEST(ScheduleFile, EverySchedulesReadsBackAsItWas) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto drawn = draw_schedule(seed);
    if (seed % 2 == 0) drawn.work.most_operations = seed;

    const auto read = read_schedule(write_schedule(drawn));

    ASSERT_TRUE(read.has_value()) << read.error().message;
    ASSERT_EQ(*read, drawn);
  }
}

TEST(ScheduleFile, WhatIsNoScheduleIsRefused) {
  EXPECT_EQ(read_schedule("").error().code, error_code::malformed);
  EXPECT_EQ(read_schedule("{}").error().code, error_code::malformed);
  auto text = write_schedule(draw_schedule(1));
  text.replace(text.find("\"nodes\""), 7, "\"noses\"");
  EXPECT_EQ(read_schedule(text).error().code, error_code::malformed);
}

TEST(Swarm, DrawsOnlySettingsThatAreAllowed) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto checked = core::valid_config::check(draw_schedule(seed).core);

    ASSERT_TRUE(checked.has_value()) << seed << ": " << checked.error().message;
  }
}

TEST(Swarm, DrawsFiftyFaultsOrMoreForAMinute) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto s = draw_schedule(seed);

    ASSERT_GE(s.faults.size(), 50U);
    ASSERT_TRUE(std::ranges::is_sorted(s.faults, {}, &simulation::fault::start));
  }
}

TEST(Swarm, HasEverySizeOfClusterAndEveryKindOfFault) {
  std::set<std::uint64_t> sizes;
  std::set<fault_kind> kinds;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto s = draw_schedule(seed);
    sizes.insert(s.nodes);
    for (const auto& f : s.faults) kinds.insert(f.kind);
  }

  EXPECT_EQ(sizes, (std::set<std::uint64_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(kinds.size(), simulation::fault_kinds);
}

// Whatever is lost for good, a majority of disks was never touched.
TEST(Swarm, LosesNoMoreThanAMinorityForGood) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto s = draw_schedule(seed);
    std::set<node_id> lost;
    for (const auto& f : s.faults) {
      if (simulation::loses_node(f.kind)) lost.insert(f.nodes.begin(), f.nodes.end());
    }

    ASSERT_LE(lost.size(), simulation::spare_nodes(s.nodes)) << seed;
    ASSERT_FALSE(lost.contains(simulation::the_leader)) << seed;
  }
}

// Two clocks may differ by the bound that was declared: each by half of it, all its drifts
// together.
TEST(Swarm, ClocksKeepTheBoundThatLeasesRestOn) {
  std::uint64_t with_leases = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto s = draw_schedule(seed);
    if (!s.core.lease_reads) continue;
    ++with_leases;
    for (const auto& at : s.faults) {
      std::int64_t drift = 0;
      for (const auto& f : s.faults) {
        const bool is_active = f.start <= at.start && at.start <= f.start + f.length;
        if (f.kind == fault_kind::drift && is_active) drift += std::abs(f.strength);
      }
      ASSERT_LE(2 * drift, static_cast<std::int64_t>(s.core.max_clock_drift)) << seed;
      ASSERT_NE(at.kind, fault_kind::clock_leap) << seed;
    }
  }

  EXPECT_GT(with_leases, 50U);
}

TEST(Swarm, KeepsToTheKindsItWasTold) {
  simulation::swarm_limits limits;
  limits.kinds = {fault_kind::pause, fault_kind::crash};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (const auto& f : draw_schedule(seed, limits).faults) {
      ASSERT_TRUE(f.kind == fault_kind::pause || f.kind == fault_kind::crash);
    }
  }
}

TEST(Swarm, NamesOfKindsReadBack) {
  for (std::size_t i = 0; i < simulation::fault_kinds; ++i) {
    const auto kind = static_cast<fault_kind>(i);
    EXPECT_EQ(simulation::fault_kind_of(name_of(kind)), kind);
  }
  EXPECT_FALSE(simulation::fault_kind_of("gremlins").has_value());
}

}  // namespace mainstay::sim
