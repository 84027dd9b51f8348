/// Ten thousand random schedules of small clusters, and what they must have reached to count. A
/// failure prints the one line that replays it.
#include "tests/core/random_cluster.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace mainstay::core_test {
namespace {

#ifdef NDEBUG
constexpr std::uint64_t usual_schedules = 10'000;
#else
constexpr std::uint64_t usual_schedules = 1'000;  // without optimization, under sanitizers
#endif
constexpr std::uint64_t blocks = 4;

std::atomic<std::uint64_t> running_seed;

/// The line that replays a schedule, also when an assertion of the core ends the program.
void print_replay(int) {
  std::fprintf(stderr, "replay: MAINSTAY_SEED=%llu random_cluster_test\n",
               static_cast<unsigned long long>(running_seed.load()));
}

std::uint64_t number_from(const char* variable, std::uint64_t usual) {
  const char* text = std::getenv(variable);
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

/// Runs one seed; false, with the failure recorded, when it breaks a property.
bool runs(std::uint64_t seed, coverage* total = nullptr) {
  running_seed = seed;
  random_cluster schedule(seed);
  try {
    schedule.run();
  } catch (const std::exception& broken) {
    ADD_FAILURE() << broken.what() << "\nreplay: MAINSTAY_SEED=" << seed << " random_cluster_test";
    return false;
  }
  if (total == nullptr) return true;
  const coverage& c = schedule.covered();
  total->leaders += c.leaders;
  total->truncations += c.truncations;
  total->torn_batches += c.torn_batches;
  total->refused_batches += c.refused_batches;
  total->log_reads += c.log_reads;
  total->committed += c.committed;
  total->granted_reads += c.granted_reads;
  total->granted_reads_of_followers += c.granted_reads_of_followers;
  total->failed_reads += c.failed_reads;
  total->overloaded += c.overloaded;
  total->snapshots_saved += c.snapshots_saved;
  total->compactions += c.compactions;
  total->chunks += c.chunks;
  total->installs += c.installs;
  total->log_resets += c.log_resets;
  total->restores += c.restores;
  total->transfers_won += c.transfers_won;
  total->transfers_failed += c.transfers_failed;
  total->crashes += c.crashes;
  total->changes += c.changes;
  total->joint_leaders += c.joint_leaders;
  total->leaders_left_out += c.leaders_left_out;
  total->steps += c.steps;
  return true;
}

class RandomCluster : public testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override { before_ = std::signal(SIGABRT, print_replay); }
  void TearDown() override { std::signal(SIGABRT, before_); }

 private:
  void (*before_)(int) = SIG_DFL;
};

TEST_P(RandomCluster, KeepsThePropertiesAndAgreesAfterHealing) {
  if (std::getenv("MAINSTAY_SEED") != nullptr) {
    if (GetParam() == 0) runs(number_from("MAINSTAY_SEED", 0));
    return;
  }
  const std::uint64_t count = number_from("MAINSTAY_SCHEDULES", usual_schedules) / blocks;
  const std::uint64_t first = number_from("MAINSTAY_FIRST_SEED", 1) + GetParam() * count;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    if (!runs(seed)) return;
  }
}
INSTANTIATE_TEST_SUITE_P(Block, RandomCluster, testing::Range(std::uint64_t{0}, blocks));

TEST(RandomCampaign, ReachesEveryKindOfTrouble) {
  coverage total;

  for (std::uint64_t seed = 1; seed <= 600; ++seed) ASSERT_TRUE(runs(seed, &total));

  EXPECT_GT(total.leaders, 350U);
  EXPECT_GT(total.committed, 4'000U);
  EXPECT_GT(total.truncations, 20U);
  EXPECT_GT(total.torn_batches, 20U);
  EXPECT_GT(total.refused_batches, 100U);
  EXPECT_GT(total.log_reads, 100U);
  EXPECT_GT(total.granted_reads, 200U);
  EXPECT_GT(total.granted_reads_of_followers, 50U);
  EXPECT_GT(total.failed_reads, 100U);
  EXPECT_GT(total.overloaded, 20U);
  EXPECT_GT(total.snapshots_saved, 100U);
  EXPECT_GT(total.compactions, 100U);
  EXPECT_GT(total.chunks, 30U);
  EXPECT_GT(total.installs, 5U);
  EXPECT_GT(total.log_resets, 5U);
  EXPECT_GT(total.restores, 5U);
  EXPECT_GT(total.transfers_won, 50U);
  EXPECT_GT(total.transfers_failed, 50U);
  EXPECT_GT(total.crashes, 200U);
  EXPECT_GT(total.changes, 100U);
  EXPECT_GT(total.joint_leaders, 10U);
  EXPECT_GT(total.leaders_left_out, 20U);
}

TEST(RandomCampaign, OneSeedGivesOneStory) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    random_cluster first(seed);
    random_cluster second(seed);

    first.run();
    second.run();

    ASSERT_EQ(first.nodes().size(), second.nodes().size());
    for (std::uint64_t n = 1; n <= first.nodes().size(); ++n) {
      EXPECT_TRUE(first.nodes().core(n) == second.nodes().core(n)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace mainstay::core_test
