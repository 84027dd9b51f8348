/// What peers ask of a replica and what it asks of them. Included by replica.hpp only.
#pragma once

#include <array>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

/// Requests that wait for their answer, of all peers together. Far beyond what pipelines need; it
/// is reached when the disk hangs while peers repeat themselves.
inline constexpr std::size_t max_unanswered = 16 * 1024;

template <raft_types Types>
void replica<Types>::on_request(node_id from, rpc_request request, responder respond) {
  if (is_stopped() || from == options_.id) return;  // nobody else is this node
  if (auto* commands = std::get_if<forward_commands>(&request)) {
    return on_forward_request(std::move(*commands), std::move(respond));
  }
  if (unanswered_.size() >= max_unanswered) return;  // the peer's deadline tells it
  advance();
  const std::uint64_t token = ++last_token_;
  unanswered_.emplace(token, std::move(respond));
  core_.step({from, options_.id, token, to_message(std::move(request))});
  schedule_turn();
}

/// A follower's commands are submitted here like anyone's, but never passed on a second time: with
/// two nodes that take each other for the leader, commands would go back and forth.
template <raft_types Types>
void replica<Types>::on_forward_request(forward_commands request, responder respond) {
  const instant deadline = parts_.runtime.now() + options_.timeouts.forward_commands;
  auto op = std::make_unique<operation>(
      operation::kind::write, std::move(request.commands), deadline,
      [respond = std::move(respond), covered = covered_](outcomes all) mutable {
        respond(forward_commands_response{std::move(all), log_index(covered->load())});
      });
  op->forward = false;
  op->entries = request.kind;
  submit(std::move(op));
}

template <raft_types Types>
duration replica<Types>::timeout_of(const core::message& m) const {
  if (std::holds_alternative<core::request_vote>(m)) return options_.timeouts.request_vote;
  if (std::holds_alternative<core::read_index>(m)) return options_.timeouts.read_index;
  if (std::holds_alternative<core::install_snapshot>(m)) return options_.timeouts.install_snapshot;
  return options_.timeouts.append_entries;
}

/// An unreachable peer fails many calls a second: they are counted, and told to who looks closely.
template <raft_types Types>
void replica<Types>::report_failed_call(node_id peer, const char* kind, const error& why) {
  const std::array labels{metric_label{"kind", kind}, metric_label{"class", name_of(why.code)}};
  parts_.metrics.add_one({"mainstay_rpc_failures_total", labels});
  log_.log(log_level::debug, "node", "a call failed",
           {{"node", options_.id.value()},
            {"peer", peer.value()},
            {"kind", std::string_view(kind)},
            {"error", name_of(why.code)},
            {"reason", std::string_view(why.message)}});
}

template <raft_types Types>
void replica<Types>::send(core::envelope e) {
  if (!core::is_request(e.message)) {
    auto node = unanswered_.extract(e.call);
    if (!node.empty()) node.mapped()(to_response(std::move(e.message)));
    return;
  }
  const instant deadline = parts_.runtime.now() + timeout_of(e.message);
  const char* kind = name_of_rpc(e.message);
  const node_id peer = e.to;
  rpc_request request = to_request(std::move(e.message));
  auto done = [self = this->shared_from_this(), peer, call = e.call, kind,
               expected = request.index()](result<rpc_response> response) {
    replica& r = *self;
    if (r.is_stopped()) return;
    r.advance();
    if (response && response->index() == expected) {
      r.core_.step({peer, r.options_.id, call, to_message(*std::move(response))});
    } else {
      const error misfit{error_code::malformed, "the answer is of another kind", {}};
      r.report_failed_call(peer, kind, response ? misfit : response.error());
      r.core_.unreachable(peer, call);
    }
    r.schedule_turn();
  };
  parts_.client.call(peer, options_.group, std::move(request), deadline, std::move(done));
}

}  // namespace mainstay::detail
