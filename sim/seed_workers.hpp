/// Runs schedules in processes of their own: several at a time, and so that an assertion that fails
/// in one is a finding and not the end of everything.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mainstay/simulation/swarm.hpp"

#include "sim/run.hpp"

namespace mainstay::sim {

/// What many runs came to together.
struct run_totals {
  std::uint64_t seeds = 0;
  std::uint64_t run_twice = 0;           ///< to compare their hashes
  std::vector<std::uint64_t> undecided;  ///< seeds whose histories are
  std::uint64_t events = 0;
  std::uint64_t elections = 0;
  snapshot_counters snapshots;
  operator_counters operated;
  std::uint64_t lost_nodes = 0;
  std::uint64_t node_failures = 0;
  std::uint64_t largest_memory_kib = 0;  ///< of a worker
  duration simulated{};
  operation_counters operations;
  std::array<std::uint64_t, simulation::fault_kinds> faults{};
};

/// Which seeds to run, and how.
struct seed_plan {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  std::optional<duration> most_time;  ///< of a wall clock; then `count` does not matter
  std::uint64_t jobs = 1;
  simulation::swarm_limits limits;
};

/// A seed whose run shows something wrong.
struct failed_seed {
  std::uint64_t seed = 0;
  finding what;
};

/// Runs seeds until all are done, time is up, or one shows something wrong. One in a hundred is run
/// twice, and the hashes must agree. `progress` is called about once a second.
std::optional<failed_seed> run_seeds(const seed_plan& plan, run_totals& totals,
                                     const std::function<void(const run_totals&)>& progress);

/// Runs one schedule in a process of its own. A process that dies, or takes more than five minutes,
/// has a finding. Files are written if a path is given.
std::optional<finding> run_alone(const simulation::schedule& what, const std::string& trace = "",
                                 const std::string& history = "");

}  // namespace mainstay::sim
