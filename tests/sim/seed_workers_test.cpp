// Runs in processes of their own: a broken assertion is a finding, and loses nothing of the trace.
#include "sim/seed_workers.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/simulation/swarm.hpp"

namespace mainstay::sim {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Three seconds in, a clock is told to leap backwards, which a broken precondition answers.
simulation::schedule that_breaks_an_assertion() {
  simulation::swarm_limits limits;
  limits.length = std::chrono::seconds(5);
  limits.nodes = 3;
  auto schedule = simulation::draw_schedule(1, limits);
  schedule.faults = {{.kind = simulation::fault_kind::clock_leap,
                      .start = std::chrono::seconds(3),
                      .length = std::chrono::seconds(1),
                      .nodes = {node_id(1)},
                      .strength = -1000}};
  return schedule;
}

TEST(SeedWorkers, ABrokenAssertionIsAFindingWithATraceUpToIt) {
  const auto trace = testing::TempDir() + "seed_workers_test.trace";

  const auto found = run_alone(that_breaks_an_assertion(), trace);

  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, "assertion");
  const auto text = contents_of(trace);
  EXPECT_THAT(text, HasSubstr("\"kind\":\"role\""));
  EXPECT_THAT(text.substr(text.rfind('{', text.size() - 2)), HasSubstr("\"fault\":\"clock_leap\""));
  EXPECT_THAT(text, EndsWith("}\n"));
}

TEST(SeedWorkers, ARunWithoutAFindingHasNone) {
  auto schedule = that_breaks_an_assertion();
  schedule.faults.front().strength = 1000;

  EXPECT_FALSE(run_alone(schedule));
}

}  // namespace
}  // namespace mainstay::sim
