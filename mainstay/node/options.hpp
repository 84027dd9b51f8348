/// The settings of a node: who it is, whom it knows at first, and how long it waits for what.
#pragma once

#include <cstdint>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/config.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/node/session_request.hpp"

namespace mainstay {

/// How long a call to a peer may take, by kind (R30). Each is validated against the core's timing.
struct rpc_timeouts {
  duration request_vote = std::chrono::milliseconds(300);
  /// Covers a flush on the peer's disk. A call past it makes the leader probe the peer again.
  duration append_entries = std::chrono::seconds(1);
  duration read_index = std::chrono::milliseconds(500);
  /// Covers a chunk's way and its writing; it is sent again by the next heartbeats.
  duration install_snapshot = std::chrono::seconds(5);
  /// Bounds what the leader spends on a forwarded command, beside the submitter's own deadline.
  duration forward_commands = std::chrono::seconds(30);
};

/// When a node saves a snapshot by itself (paper §7), by what was applied since the last one:
/// whichever comes first. Earlier: less log to keep and to replay at a restart; later: less writing
/// of states that are large.
struct snapshot_policy {
  std::uint64_t after_entries = 1'000'000;  ///< 0: however many
  /// Payloads and 64 bytes an entry. 0: however large.
  std::uint64_t after_bytes = 256 << 20;
  /// How long it waits after a snapshot that could not be saved.
  duration retry = std::chrono::seconds(10);
};

/// Everything that a node is told at its start.
struct node_options {
  node_id id;
  group_id group{1};
  /// The first configuration of the cluster; the same list on every node.
  core::configuration members;
  core::config core;
  rpc_timeouts timeouts;
  /// Commands and reads accepted and not yet answered, in bytes; each counts its payload and 128
  /// bytes, each batch another 128. More is refused as overloaded. At least one command of
  /// `core.max_command_bytes`.
  std::uint64_t max_pending_bytes = 256 << 20;
  /// Commands of one forwarding call to the leader, in bytes; one command may exceed it.
  std::uint64_t max_forward_bytes = 1 << 20;
  /// How often a full disk is asked whether there is room again.
  duration disk_full_retry = std::chrono::milliseconds(200);
  /// A leader hands over by its own will at most so often: when its disk is full, or when a voter
  /// of higher priority has caught up and it has led for so long.
  duration own_transfer_interval = std::chrono::seconds(10);
  snapshot_policy snapshots;
  /// Of the sessions that are opened through this node.
  session_limits sessions;
};

/// Reads "1=host:port,2=host:port,…" as a configuration of voters, in any order.
/// Errors: `invalid_argument`, with the part that cannot be read and how it should look.
result<core::configuration> parse_members(std::string_view text);

/// Checks everything together. Errors: `invalid_argument`, with field, value and rule.
result<core::valid_config> check(const node_options& options);

}  // namespace mainstay
