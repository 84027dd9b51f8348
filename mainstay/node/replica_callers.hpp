/// What callers ask of a replica: commands, here or through the leader. Included by
/// replica.hpp only.
#pragma once

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

template <raft_types Types>
void replica<Types>::submit(std::unique_ptr<operation> op) {
  const auto refuse = [this](std::unique_ptr<operation> refused, error why) {
    refused->payloads().clear();  // no budget holds what waits for its refusal
    post_to_loop([o = std::move(refused), e = std::move(why)](replica&) { o->fail_rest(e); });
  };
  if (!op->charge(pending_bytes_, options_.max_pending_bytes)) {
    return refuse(
        std::move(op),
        {error_code::overloaded, "commands and reads under way are at max_pending_bytes", {}});
  }
  switch (submissions_.push(op)) {
    case submission_queue::pushed::first:
      return post_to_loop([](replica& r) { r.turn(); });
    case submission_queue::pushed::more:
      return;
    case submission_queue::pushed::closed:
      return refuse(std::move(op), {error_code::shutting_down, "the node has stopped", {}});
  }
}

template <raft_types Types>
void replica<Types>::accept(operation_handle op) {
  if (op->count() == 0) return op->complete({});
  if (op->what() == operation::kind::read) return accept_read(std::move(op));
  accept_write(std::move(op));
}

template <raft_types Types>
void replica<Types>::accept_write(operation_handle op) {
  if (holds_writes()) return work_.fenced.push_back(std::move(op));
  if (core_.role() != core::role::leader) {
    if (op->forward && core_.leader()) return forwards_now_.push_back(std::move(op));
    const std::string who = core_.leader() ? "another node leads" : "no leader is known";
    return op->fail_rest({error_code::not_leader, who, core_.leader()});
  }
  if (health_.has(node_health::disk_full)) {
    return op->fail_rest({error_code::no_space, "the leader's disk is full", {}});
  }
  const auto first = core_.propose(op->payloads(), parts_.runtime.wall_now(), op->entries);
  if (!first) return op->fail_rest(first.error());
  work_.writes.await(*first, core_.current_term(), std::move(op));
}

/// Commands of one turn travel together, in order, in calls of limited size and of one kind each.
template <raft_types Types>
void replica<Types>::send_forwards() {
  operations batch;
  std::vector<shared_bytes> commands;
  std::uint64_t bytes = 0;
  for (auto& op : std::exchange(forwards_now_, {})) {
    const bool fits = batch.empty() || (batch.back()->entries == op->entries &&
                                        bytes + op->bytes() <= options_.max_forward_bytes);
    if (!fits) {
      forward(std::exchange(batch, {}), std::exchange(commands, {}));
      bytes = 0;
    }
    bytes += op->bytes();
    commands.insert(commands.end(), op->payloads().begin(), op->payloads().end());
    batch.push_back(std::move(op));
  }
  if (!batch.empty()) forward(std::move(batch), std::move(commands));
}

template <raft_types Types>
void replica<Types>::forward(operations batch, std::vector<shared_bytes> commands) {
  if (!core_.leader() || core_.role() == core::role::leader) {
    for (auto& op : batch) {
      op->fail_rest({error_code::not_leader, "the leader changed meanwhile", core_.leader()});
    }
    return;
  }
  const core::entry_kind kind = batch.front()->entries;
  const std::uint64_t ticket = work_.send_away(std::move(batch));
  const instant deadline = parts_.runtime.now() + options_.timeouts.forward_commands;
  const node_id leader = core_.leader();
  parts_.client.call(
      leader, options_.group, forward_commands{std::move(commands), kind}, deadline,
      [self = this->shared_from_this(), leader, ticket](result<rpc_response> response) {
        self->on_forwarded(leader, ticket, std::move(response));
      });
}

template <raft_types Types>
void replica<Types>::on_forwarded(node_id leader, std::uint64_t ticket,
                                  result<rpc_response> response) {
  const operations batch = work_.bring_back(ticket);
  std::size_t expected = 0;
  for (const auto& op : batch) expected += op->count();
  auto* answer = response ? std::get_if<forward_commands_response>(&*response) : nullptr;
  if (answer == nullptr || answer->outcomes.size() != expected) {
    const error misfit{error_code::malformed, "the leader's answer does not fit the question", {}};
    const error& why = response ? misfit : response.error();
    if (!is_stopped()) report_failed_call(leader, "forward_commands", why);
    for (auto& op : batch) op->fail_rest(forwarding_failure(why));
    return;
  }
  cover(answer->covered_by);
  auto next = std::make_move_iterator(answer->outcomes.begin());
  for (auto& op : batch) {
    const auto end = next + static_cast<std::ptrdiff_t>(op->count());
    if (!op->is_done()) op->complete(outcomes(next, end));
    next = end;
  }
}

}  // namespace mainstay::detail
