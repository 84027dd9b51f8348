#include "mainstay/seams/metric_descriptions.hpp"

#include <algorithm>
#include <array>

namespace mainstay {

namespace {

struct description {
  std::string_view name;
  std::string_view text;
};

constexpr std::array descriptions = {
    // The node.
    description{"mainstay_term", "Current term of this node."},
    description{"mainstay_is_leader", "1 while this node leads."},
    description{"mainstay_has_leader", "1 while this node knows a leader."},
    description{"mainstay_sound", "1 while the node takes part; 0 when it stalls or has stopped."},
    description{"mainstay_commit_index", "Last entry that this node knows to be committed."},
    description{"mainstay_applied_index", "Last entry that the state machine has applied."},
    description{"mainstay_last_index", "Last entry of this node's log."},
    description{"mainstay_peer_match_index",
                "Last entry that a peer is known to hold on disk; told by the leader."},
    description{"mainstay_role_changes_total", "Changes of role, term or leader, by the new role."},
    description{"mainstay_deadlines_passed_total",
                "Commands and reads that were not answered before their deadline."},
    description{"mainstay_rpc_failures_total",
                "Calls to peers that failed, by kind of message and class of failure."},
    // Storage.
    description{"mainstay_persisted_entries_total", "Entries that were made durable."},
    description{"mainstay_append_seconds",
                "Time from handing a batch to storage until it was durable."},
    // Snapshots.
    description{"mainstay_snapshot_index", "Last entry that the newest snapshot includes."},
    description{"mainstay_snapshot_bytes", "Size of the newest snapshot's image, in bytes."},
    description{"mainstay_snapshots_total", "Snapshots that were saved."},
    description{"mainstay_snapshot_failures_total", "Snapshots that could not be saved or taken."},
    description{"mainstay_snapshot_received_bytes_total",
                "Bytes of snapshot images that were received from a leader."},
    // The server.
    description{"mainstayd_connections", "Clients that are connected."},
    description{"mainstayd_connections_accepted_total", "Clients that were let in."},
    description{"mainstayd_connections_refused_total",
                "Clients that were turned away because too many are connected."},
    description{"mainstayd_commands_total", "Commands that clients have sent."},
    description{"mainstayd_error_replies_total", "Commands that were answered with an error."},
    description{"mainstayd_protocol_errors_total",
                "Clients that were closed because what they sent is no RESP."},
    description{"mainstayd_commands_unavailable_total",
                "Commands that were refused: certainly not carried out."},
    description{"mainstayd_commands_unknown_total",
                "Commands of which it is not known whether they were carried out."},
};

}  // namespace

std::string_view description_of(std::string_view name) {
  const auto* found = std::ranges::find(descriptions, name, &description::name);
  return found == descriptions.end() ? name : found->text;
}

}  // namespace mainstay
