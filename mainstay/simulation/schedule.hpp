/// What happens to a simulated cluster, as plain data: how big it is, how it is set up, what its
/// clients do, and every fault with its time. A schedule can be drawn from a seed (swarm.hpp),
/// changed, compared, and run again; it runs nothing itself.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/config.hpp"

namespace mainstay::simulation {

/// What can go wrong. The comment says what `strength` means; without one it means nothing.
enum class fault_kind : std::uint8_t {
  // On links.
  loss,               ///< messages lost, in a million
  duplication,        ///< requests that arrive twice, in a million
  reordering,         ///< messages that others overtake, in a million
  delay,              ///< microseconds more on the way, evenly drawn up to twice that
  spikes,             ///< messages that take 20 ms longer, in a million
  slow_link,          ///< bytes a second
  stalled_link,       ///< nothing arrives until it ends
  partition,          ///< two parts that do not hear each other
  one_way_partition,  ///< one part hears the other, but not the reverse
  partial_partition,  ///< some pairs do not hear each other, though others hear both
  reset,              ///< connections break, once
  // On processes.
  crash,               ///< the power fails, and is back when the fault ends
  crash_in_disk_work,  ///< the same in the middle of the next disk operation
  crash_in_recovery,   ///< the same, and again this far into the recovery, in a million
  kill,                ///< the process ends at once
  restart,             ///< the process shuts down in order
  pause,               ///< the process stands still
  wipe,                ///< the disk is gone, and the node with it, for good
  // On clocks.
  drift,       ///< parts per million; negative: too slow
  clock_leap,  ///< microseconds forward, once
  wall_leap,   ///< microseconds, once
  // On disks.
  slow_disk,     ///< so many times as slow
  stalled_disk,  ///< no operation is done until it ends
  full_disk,     ///< bytes that are left
  flush_error,   ///< of a million flushes
  write_error,   ///< of a million writes
  read_error,    ///< of a million reads
  // On disks, and beyond what a node can be asked to bear: it counts as lost.
  bit_rot,            ///< bits, once
  lost_write,         ///< writes
  misdirected_write,  ///< writes
};
inline constexpr std::size_t fault_kinds = 30;

/// The name of a kind: "one_way_partition".
std::string_view name_of(fault_kind kind);
/// The kind of a name.
std::optional<fault_kind> fault_kind_of(std::string_view name);
/// "network", "process", "clock" or "disk".
std::string_view group_of(fault_kind kind);
/// Whether it strikes links; else it strikes nodes.
bool is_on_links(fault_kind kind);
/// Whether a node that it strikes counts as lost from then on.
bool loses_node(fault_kind kind);

/// Stands for whoever leads when the fault begins; nobody when nobody does.
inline constexpr node_id the_leader{};

/// One direction between two nodes.
using edge = std::pair<node_id, node_id>;

/// One fault. It begins so long after the cluster's start and ends after `length`.
struct fault {
  fault_kind kind = fault_kind::loss;
  duration start{};
  duration length{};
  std::vector<node_id> nodes;  ///< whom it strikes, `the_leader` among them
  std::vector<edge> edges;     ///< of a fault on links
  std::int64_t strength = 0;

  friend bool operator==(const fault&, const fault&) = default;
};

/// What clients do to a key-value machine. Each has one operation under way at a time.
struct workload {
  std::uint32_t clients = 4;
  duration pause = std::chrono::milliseconds(50);  ///< the mean between two operations of a client
  duration timeout = std::chrono::seconds(2);      ///< of an operation
  std::uint32_t keys = 6;                          ///< over all
  std::uint32_t value_bytes = 16;                  ///< at most
  std::uint32_t reads = 30;                        ///< in a hundred operations
  std::uint32_t stale_reads = 5;                   ///< in a hundred, beside those
  std::uint32_t lease_reads = 0;                   ///< in a hundred of the others
  std::uint32_t conditions = 30;                   ///< in a hundred writes to plain keys
  std::uint32_t only_leader = 20;                  ///< in a hundred that are not forwarded
  /// Keys beside those, large and set now and then, so that snapshots are; 0: none.
  std::uint32_t ballast_keys = 0;
  std::uint32_t ballast_bytes = 1024;  ///< of each
  /// Clients in a hundred that work in sessions: they try again until an outcome is certain.
  std::uint32_t sessions = 0;
  /// No more operations than this are begun; none: as many as there is time for.
  std::optional<std::uint64_t> most_operations;

  friend bool operator==(const workload&, const workload&) = default;
};

/// How the world is before any fault.
struct surroundings {
  duration link_latency = std::chrono::microseconds(60);
  duration link_jitter = std::chrono::microseconds(40);
  duration write_latency = std::chrono::microseconds(10);
  duration flush_latency = std::chrono::microseconds(100);
  std::uint32_t hiccups_per_million = 100;  ///< of tasks, that wait up to two milliseconds
  std::uint64_t segment_bytes = 64 * 1024;
  std::uint32_t recycled_segments = 2;

  friend bool operator==(const surroundings&, const surroundings&) = default;
};

/// When nodes save snapshots.
struct snapshot_plan {
  std::uint64_t after_entries = 0;           ///< applied since the last; 0: however many
  std::uint64_t after_bytes = 0;             ///< of those entries; 0: however many
  duration retry = std::chrono::seconds(1);  ///< after one that could not be saved
  duration on_command{};  ///< the mean between two that a node is told to save; 0: none are

  friend bool operator==(const snapshot_plan&, const snapshot_plan&) = default;
};

/// What every session of a run is opened with; see `session_limits`.
struct session_plan {
  duration time_to_live = std::chrono::hours(1);
  std::uint32_t window = 256;
  std::uint32_t answer_bytes = 64 * 1024;
  std::uint32_t sessions = 4096;

  friend bool operator==(const session_plan&, const session_plan&) = default;
};

/// How members come and go, and leadership with them.
struct churn_plan {
  std::uint64_t voters = 0;  ///< at first, those with the lowest ids; 0: all nodes
  duration changes{};        ///< the mean between two changes of members; 0: none
  duration transfers{};      ///< the mean between two transfers of leadership; 0: none

  friend bool operator==(const churn_plan&, const churn_plan&) = default;
};

/// Everything about one run.
struct schedule {
  std::uint64_t seed = 1;  ///< of everything that is drawn while it runs
  std::uint64_t nodes = 3;
  duration length = std::chrono::seconds(60);  ///< of the phase with faults
  core::config core;
  surroundings world;
  workload work;
  snapshot_plan snapshots;
  session_plan sessions;
  churn_plan churn;
  std::vector<fault> faults;  ///< in the order of their beginnings

  friend bool operator==(const schedule&, const schedule&) = default;
};

/// How many nodes can be lost for good so that a majority stays.
constexpr std::uint64_t spare_nodes(std::uint64_t nodes) { return (nodes - 1) / 2; }

/// How many nodes vote at first.
constexpr std::uint64_t first_voters(const schedule& s) {
  return s.churn.voters == 0 ? s.nodes : std::min(s.churn.voters, s.nodes);
}
/// The nodes that faults of the schedule may lose for good.
std::set<node_id> doomed_nodes(const schedule& s);

}  // namespace mainstay::simulation
