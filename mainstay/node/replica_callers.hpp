/// What callers ask of a replica: commands, here or through the leader, and reads. Included by
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

template <raft_types Types>
void replica<Types>::accept_read(operation_handle op) {
  if (health_.has(node_health::apply_failed)) {
    return op->fail_rest({error_code::apply_failed, health_.problem(), {}});
  }
  if (core_.is_installing()) return op->fail_rest(taking_a_snapshot_in());
  if (op->level == read_level::stale) return run_queries({std::move(op)});
  reads_now_.push_back(std::move(op));
}

/// All reads of one turn share one question.
template <raft_types Types>
void replica<Types>::ask_reads() {
  if (reads_now_.empty()) return;
  work_.asked.emplace(++last_read_context_, std::exchange(reads_now_, {}));
  core_.read(last_read_context_);
}

template <raft_types Types>
void replica<Types>::on_reads(core::ready& work) {
  for (const auto& grant : work.granted_reads) {
    auto node = work_.asked.extract(grant.context);
    if (!node.empty()) work_.granted.emplace(grant.index, std::move(node.mapped()));
  }
  for (const auto& failure : work.failed_reads) {
    auto node = work_.asked.extract(failure.context);
    if (node.empty()) continue;
    for (auto& op : node.mapped()) op->fail_rest(failure.why);
  }
  release_reads();
}

/// Thesis §6.4, step 4: wait until the state machine has reached the read's index.
template <raft_types Types>
void replica<Types>::release_reads() {
  if (health_.has(node_health::apply_failed)) {
    // Granted or not: the state machine will not get there.
    const error why{error_code::apply_failed, health_.problem(), {}};
    for (auto& [index, waiting] : std::exchange(work_.granted, {})) {
      for (auto& op : waiting) op->fail_rest(why);
    }
    return;
  }
  operations batch;
  const auto end = work_.granted.upper_bound(core_.last_applied());
  for (auto it = work_.granted.begin(); it != end; ++it) {
    for (auto& op : it->second) batch.push_back(std::move(op));
  }
  work_.granted.erase(work_.granted.begin(), end);
  if (!batch.empty()) run_queries(std::move(batch));
}

template <raft_types Types>
void replica<Types>::run_queries(operations batch) {
  std::vector<std::vector<shared_bytes>> requests;
  requests.reserve(batch.size());
  for (auto& op : batch) requests.push_back(std::move(op->payloads()));
  // The operations stay here, where their deadlines are kept; only the requests travel. An
  // operation that is done has given up on its answer, but still stands in its place.
  const std::uint64_t ticket = work_.send_away(std::move(batch));
  parts_.runtime.apply().post(
      [self = this->shared_from_this(), ticket, requests = std::move(requests)] {
        std::vector<outcomes> answers(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
          answers[i].reserve(requests[i].size());
          for (const auto& request : requests[i]) {
            answers[i].push_back(self->applier_.query(request));
          }
        }
        self->post_to_loop([ticket, answers = std::move(answers)](replica& r) mutable {
          const operations asked = r.work_.bring_back(ticket);
          for (std::size_t i = 0; i < asked.size(); ++i) {
            if (!asked[i]->is_done()) asked[i]->complete(std::move(answers[i]));
          }
        });
      });
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
  auto next = std::make_move_iterator(answer->outcomes.begin());
  for (auto& op : batch) {
    const auto end = next + static_cast<std::ptrdiff_t>(op->count());
    if (!op->is_done()) op->complete(outcomes(next, end));
    next = end;
  }
}

}  // namespace mainstay::detail
