#include "mainstay/simulation/schedule.hpp"

#include <algorithm>

namespace mainstay::simulation {

namespace {

constexpr std::array<std::string_view, fault_kinds> names{"loss",
                                                          "duplication",
                                                          "reordering",
                                                          "delay",
                                                          "spikes",
                                                          "slow_link",
                                                          "stalled_link",
                                                          "partition",
                                                          "one_way_partition",
                                                          "partial_partition",
                                                          "reset",
                                                          "crash",
                                                          "crash_in_disk_work",
                                                          "crash_in_recovery",
                                                          "kill",
                                                          "restart",
                                                          "pause",
                                                          "wipe",
                                                          "drift",
                                                          "clock_leap",
                                                          "wall_leap",
                                                          "slow_disk",
                                                          "stalled_disk",
                                                          "full_disk",
                                                          "flush_error",
                                                          "write_error",
                                                          "read_error",
                                                          "bit_rot",
                                                          "lost_write",
                                                          "misdirected_write"};
static_assert(names.back() == "misdirected_write" &&
              static_cast<std::size_t>(fault_kind::misdirected_write) + 1 == fault_kinds);

}  // namespace

std::string_view name_of(fault_kind kind) { return names[static_cast<std::size_t>(kind)]; }

std::optional<fault_kind> fault_kind_of(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return {};
  return static_cast<fault_kind>(found - names.begin());
}

std::string_view group_of(fault_kind kind) {
  if (kind <= fault_kind::reset) return "network";
  if (kind <= fault_kind::wipe) return "process";
  if (kind <= fault_kind::wall_leap) return "clock";
  return "disk";
}

bool is_on_links(fault_kind kind) { return kind <= fault_kind::reset; }

std::set<node_id> doomed_nodes(const schedule& s) {
  std::set<node_id> doomed;
  for (const auto& f : s.faults) {
    if (loses_node(f.kind)) doomed.insert(f.nodes.begin(), f.nodes.end());
  }
  return doomed;
}

bool loses_node(fault_kind kind) { return kind == fault_kind::wipe || kind >= fault_kind::bit_rot; }

}  // namespace mainstay::simulation
