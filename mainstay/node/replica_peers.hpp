/// What peers ask of a replica and what it asks of them. Included by replica.hpp only.
#pragma once

#include <array>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

template <raft_types Types>
void replica<Types>::on_request(node_id from, rpc_request request, responder respond) {
  if (health_ == node_health::stopped) return;
  if (auto* commands = std::get_if<forward_commands>(&request)) {
    return on_forward_request(std::move(*commands), std::move(respond));
  }
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
  auto op =
      std::make_unique<operation>(operation::kind::write, std::move(request.commands), deadline,
                                  [respond = std::move(respond)](outcomes all) mutable {
                                    respond(forward_commands_response{std::move(all)});
                                  });
  op->forward = false;
  submit(std::move(op));
}

template <raft_types Types>
duration replica<Types>::timeout_of(const core::message& m) const {
  if (std::holds_alternative<core::request_vote>(m)) return options_.timeouts.request_vote;
  if (std::holds_alternative<core::read_index>(m)) return options_.timeouts.read_index;
  return options_.timeouts.append_entries;
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
  auto done = [self = this->shared_from_this(), peer = e.to, call = e.call,
               kind](result<rpc_response> response) {
    replica& r = *self;
    if (r.health_ == node_health::stopped) return;
    r.advance();
    const bool usable = response && !std::holds_alternative<forward_commands_response>(*response);
    if (usable) {
      r.core_.step({peer, r.options_.id, call, to_message(*std::move(response))});
    } else {
      const auto why = response ? error_code::malformed : response.error().code;
      const std::array labels{metric_label{"kind", kind}, metric_label{"class", name_of(why)}};
      r.parts_.metrics.add_one({"mainstay_rpc_failures_total", labels});
      r.core_.unreachable(peer, call);
    }
    r.schedule_turn();
  };
  parts_.client.call(e.to, options_.group, to_request(std::move(e.message)), deadline,
                     std::move(done));
}

}  // namespace mainstay::detail
