/// What a simulated cluster stands on, whatever its state machine: virtual time, the network, and
/// for each node a computer with clock and disk.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/random.hpp"
#include "mainstay/node/membership.hpp"
#include "mainstay/node/options.hpp"
#include "mainstay/simulation/event_queue.hpp"
#include "mainstay/simulation/simulated_clock.hpp"
#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/simulation/simulated_logger.hpp"
#include "mainstay/simulation/simulated_network.hpp"
#include "mainstay/simulation/simulated_runtime.hpp"

namespace mainstay::simulation {

/// Everything that a simulated cluster is made from. The same settings give the same run.
struct cluster_settings {
  std::uint64_t seed = 1;
  std::uint64_t nodes = 3;   ///< their ids are 1, 2, …
  std::uint64_t voters = 0;  ///< the first so many are the first members; 0: all
  /// Of every node; `id` and `members` are filled in, and `max_command_bytes` is lowered to what a
  /// segment takes.
  node_options options;
  std::uint64_t segment_bytes = 64 * 1024;  ///< of the log; small, so that segments change often
  std::uint32_t recycled_segments = 2;
  pace how;                                        ///< how promptly every node runs
  link_settings links;                             ///< the weather on every link at first
  disk_settings disks;                             ///< how every disk does at first
  duration clock_offset = std::chrono::hours(1);   ///< how far apart monotonic clocks may stand
  duration wall_offset = std::chrono::seconds(1);  ///< how far apart wall clocks may stand
  core_observer* observer = nullptr;               ///< watches every core; must outlive the cluster
  log_sink log;                                    ///< takes what nodes log; empty: nobody does
  /// Decides who may come and go, at every node.
  membership_manager manages_members = allow_distinct_addresses;
};

/// What a node of a simulated cluster is at the moment.
enum class node_presence : std::uint8_t {
  down,    ///< not started, crashed, or not able to start
  up,      ///< its process runs; the node in it may have stopped on a failure
  paused,  ///< its process stands still
  wiped    ///< its disk is gone: it comes back with another, if at all
};

/// The name of a presence, as traces write it: "up".
std::string_view name_of(node_presence presence);

/// A node that had to stop, or that could not start.
struct node_failure {
  node_id node;
  instant at;
  error why;
};

/// One computer: what survives a crash of the node on it.
struct computer {
  computer(event_queue& events, node_id self, simulated_clock c, std::unique_ptr<simulated_disk> d)
      : id(self), execution(events), clock(c), disk(std::move(d)) {}

  node_id id;
  core::configuration members;  ///< that it starts from when its disk is empty
  process execution;
  simulated_clock clock;
  std::unique_ptr<simulated_disk> disk;
  node_presence presence = node_presence::down;
  std::uint64_t lives = 0;         ///< how often a node was started here
  std::optional<error> problem{};  ///< why the node stopped, or could not start
};

/// What a node starts from that is to join these members: it knows itself as a learner, and votes
/// only once the cluster has made it a voter, at `joined` or later.
core::configuration joining(core::configuration members, node_id self, log_index joined = {});

/// Time, network and computers. Not copyable; everything in it holds on to it.
class simulated_world {
 public:
  explicit simulated_world(cluster_settings settings);
  simulated_world(const simulated_world&) = delete;
  simulated_world& operator=(const simulated_world&) = delete;

  const cluster_settings& settings() const { return settings_; }
  event_queue& events() { return events_; }
  simulated_network& network() { return network_; }
  /// The computer of a node. Precondition: the id is of one.
  computer& at(node_id id);
  const computer& at(node_id id) const;
  const std::vector<std::unique_ptr<computer>>& computers() const { return computers_; }
  std::uint64_t draw() { return random_.next(); }
  /// The options of one node.
  node_options options_of(node_id id) const;

  /// An empty disk, with the weather of the first.
  std::unique_ptr<simulated_disk> make_disk();

  void note_failure(node_id id, const error& why);
  const std::vector<node_failure>& failures() const { return failures_; }

 private:
  cluster_settings settings_;
  random_generator random_;
  event_queue events_;
  simulated_network network_;
  std::vector<std::unique_ptr<computer>> computers_;
  std::vector<node_failure> failures_;
};

}  // namespace mainstay::simulation
