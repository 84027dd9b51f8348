/// A world under faults of all kinds at once, with every checker watching; then it heals.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "mainstay/simulation/checkers/invariants.hpp"

#include "tests/simulation/world_of_lists.hpp"

namespace mainstay::simulation {
namespace {

/// A cluster that is treated badly, and what its clients were told.
class bad_day {
 public:
  explicit bad_day(std::uint64_t seed)
      : random_(seed),
        cluster_({.seed = seed, .nodes = 1 + random_.below(5), .observer = &checks_}) {
    cluster_.start();
  }

  void run(int faults) {
    for (int i = 0; i < faults; ++i) {
      do_harm(node_id(1 + random_.below(cluster_.ids().size())));
      for (int n = 0; n < 5; ++n) {
        submit_one();
        cluster_.run_for(duration(static_cast<std::int64_t>(random_.below(60'000'000))));
      }
    }
  }
  void heal() {
    cluster_.network().heal();
    cluster_.network().set_all({});
    for (const node_id id : cluster_.ids()) {
      cluster_.resume(id);
      cluster_.set_drift(id, 0);
      if (cluster_.problem(id)) cluster_.crash(id);
    }
    cluster_.start();
  }
  list_cluster& cluster() { return cluster_; }
  const std::vector<std::string>& acknowledged() const { return acknowledged_; }
  std::size_t unanswered() const { return submitted_ - answered_; }

 private:
  void submit_one() {
    ++submitted_;
    const node_id through(1 + random_.below(cluster_.ids().size()));
    std::string text = std::to_string(submitted_);
    const auto command = shared_bytes::copy_of(text);
    cluster_.submit(through, command, [this, text](const command_outcome& outcome) {
      ++answered_;
      if (!outcome) return;
      checks_.acknowledged(text);
      acknowledged_.push_back(text);
    });
  }
  void do_harm(node_id id) {
    switch (random_.below(11)) {
      case 0:
        return cluster_.crash(id);
      case 1:
        return cluster_.kill(id);
      case 2:
        return cluster_.pause(id);
      case 3:
        return cluster_.network().isolate(id);
      case 4:
        cluster_.network().set_all({.lost_per_million = 50'000,
                                    .duplicated_per_million = 50'000,
                                    .reordered_per_million = 50'000});
        return;
      case 5:
        return cluster_.network().reset(id, node_id(1 + id.value() % cluster_.ids().size()));
      case 6:
        cluster_.set_drift(id, static_cast<std::int64_t>(random_.below(20'000)) - 10'000);
        return cluster_.leap_wall_clock(id, -5s);
      case 7:
        return cluster_.stop(id);
      case 8:
        cluster_.crash(id);
        ASSERT_TRUE(
            cluster_.crash_in_recovery(id, static_cast<std::uint32_t>(random_.below(1'000'000))));
        return;
      default:
        return heal();
    }
  }

  random_generator random_;
  invariants checks_{{.has_unique_commands = true}};
  list_cluster cluster_;
  std::vector<std::string> acknowledged_;
  std::size_t submitted_ = 0;
  std::size_t answered_ = 0;
};

TEST(SimulatedFaults, NothingAcknowledgedIsLostAndEverythingHeals) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    bad_day day(seed);

    day.run(60);
    day.heal();

    auto& cluster = day.cluster();
    const auto settled = [&] { return day.unanswered() == 0 && cluster.has_converged(); };
    ASSERT_TRUE(cluster.run_until(settled, 60s));
    const auto& items = cluster.machine(cluster.leader())->items;
    for (const auto& text : day.acknowledged()) {
      ASSERT_NE(std::ranges::find(items, text), items.end()) << text;
    }
    for (const node_id id : cluster.ids()) ASSERT_EQ(cluster.machine(id)->items, items);
  }
}

}  // namespace
}  // namespace mainstay::simulation
