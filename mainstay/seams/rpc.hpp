/// What travels between nodes: the messages of the core, and the forwarding of client commands that
/// the node adds. Serializers and transports know these types and nothing else of the node.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/core/messages.hpp"

namespace mainstay {

/// Commands that reached a follower, on their way to the leader. In order, and all of one kind.
struct forward_commands {
  std::vector<shared_bytes> commands;
  core::entry_kind kind = core::entry_kind::command;  ///< or `session`

  friend bool operator==(const forward_commands&, const forward_commands&) = default;
};

/// What became of one forwarded command: the state machine's answer, or why there is none.
using command_outcome = result<shared_bytes>;

/// One outcome per forwarded command, in the same order.
struct forward_commands_response {
  std::vector<command_outcome> outcomes;
  log_index covered_by;  ///< those that are done stand no later in the log; none: it is not told

  friend bool operator==(const forward_commands_response&,
                         const forward_commands_response&) = default;
};

/// A request: asks for exactly one response. The order of alternatives is that of the wire.
using rpc_request = std::variant<core::request_vote, core::append_entries, core::install_snapshot,
                                 core::timeout_now, core::read_index, forward_commands>;

/// A response, at the same position as the request that it answers.
using rpc_response = std::variant<core::request_vote_response, core::append_entries_response,
                                  core::install_snapshot_response, core::timeout_now_response,
                                  core::read_index_response, forward_commands_response>;

}  // namespace mainstay
