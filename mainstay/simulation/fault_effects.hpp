/// What faults that last do to links and disks: each adds its part to the weather that would be
/// there without it. Whom they strike, and when, is for fault_injector.hpp.
#pragma once

#include <vector>

#include "mainstay/simulation/schedule.hpp"
#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/simulation/simulated_network.hpp"

namespace mainstay::simulation {

/// A fault that has begun and not ended, with `the_leader` replaced by who led then.
struct active_fault {
  const fault* what = nullptr;
  instant ends;
  std::vector<node_id> nodes;
  std::vector<edge> edges;
};

/// Every link as it is before any fault.
link_settings links_of(const surroundings& world);
/// Every disk as it is before any fault.
disk_settings disks_of(const surroundings& world);

/// Adds what a fault does to a link that it strikes; nothing for a fault of another kind.
void strike(link_settings& weather, const active_fault& one);
/// Adds what a fault does to a disk that it strikes; nothing for a fault of another kind.
void strike(disk_settings& settings, const active_fault& one);

/// Replaces `the_leader` in a fault's nodes and edges, and drops those that are not of the cluster.
active_fault resolve(const fault& what, node_id leader, std::uint64_t nodes);

}  // namespace mainstay::simulation
