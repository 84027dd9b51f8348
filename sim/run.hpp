/// Runs one schedule on whole nodes with every checker attached, and says what came of it. The
/// same schedule gives the same report.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "mainstay/simulation/schedule.hpp"

#include "sim/clients.hpp"
#include "sim/cluster_operator.hpp"
#include "sim/position_watch.hpp"

namespace mainstay::sim {

/// What is wrong. `kind` is what two findings of one cause share: "election safety".
struct finding {
  std::string kind;
  std::string text;
  duration at{};  ///< since the start
};

/// What came of a run.
struct run_report {
  std::optional<finding> found;
  std::uint64_t hash = 0;  ///< of everything that happened
  std::uint64_t events = 0;
  duration simulated{};
  std::array<std::uint64_t, simulation::fault_kinds> faults{};  ///< that struck somebody
  operation_counters operations;
  std::uint64_t elections = 0;  ///< that were won
  snapshot_counters snapshots;
  operator_counters operated;
  std::uint64_t lost_nodes = 0;
  std::uint64_t node_failures = 0;  ///< nodes that stopped by themselves, or did not start
  bool undecided = false;           ///< the search for a linearization was given up
};

/// Where a run is written down; null: nowhere.
struct run_outputs {
  std::ostream* trace = nullptr;
  std::ostream* history = nullptr;
};

/// Runs a schedule. Never throws.
run_report run_schedule(const simulation::schedule& what, const run_outputs& outputs = {});

}  // namespace mainstay::sim
