/// The reads of a replica, at every level of freshness, and the token that tells how far a reader
/// has to wait to see what was answered before. Included by replica.hpp only.
#pragma once

#include <algorithm>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

template <raft_types Types>
void replica<Types>::accept_read(operation_handle op) {
  if (health_.has(node_health::apply_failed)) {
    return op->fail_rest({error_code::apply_failed, health_.problem(), {}});
  }
  if (core_.is_installing()) return op->fail_rest(taking_a_snapshot_in());
  switch (op->reading.level) {
    case read_level::stale:
      return run_queries({std::move(op)});
    case read_level::at_least: {
      const log_index least = op->reading.least;
      return release_at(least, {std::move(op)});
    }
    case read_level::bounded:
      // What was asked lately enough tells how far to wait; else it is asked anew.
      if (known_fresh_at_ && parts_.runtime.now() - *known_fresh_at_ <= op->reading.max_age) {
        return release_at(known_index_, {std::move(op)});
      }
      return reads_now_.push_back(std::move(op));
    case read_level::lease:
      return lease_reads_now_.push_back(std::move(op));
    case read_level::linearizable:
      return reads_now_.push_back(std::move(op));
  }
}

/// All reads of one turn and level share one question.
template <raft_types Types>
void replica<Types>::ask_reads() {
  if (!lease_reads_now_.empty()) {
    // The clock must be read after the reads came: this thread may have slept since the last time.
    advance();
    ask(std::exchange(lease_reads_now_, {}), core::read_basis::lease);
  }
  if (!reads_now_.empty()) ask(std::exchange(reads_now_, {}), core::read_basis::round);
}

template <raft_types Types>
void replica<Types>::ask(operations batch, core::read_basis basis) {
  for (auto& op : batch) op->asked_at = core_.now();
  work_.asked.emplace(++last_read_context_, std::move(batch));
  core_.read(last_read_context_, basis);
}

template <raft_types Types>
void replica<Types>::on_reads(core::ready& work) {
  for (const auto& grant : work.granted_reads) {
    auto node = work_.asked.extract(grant.context);
    if (node.empty()) continue;
    known_index_ = grant.index;
    known_fresh_at_ = node.mapped().front()->asked_at;
    for (auto& op : node.mapped()) {
      op->lease_of = grant.by_lease ? std::optional(core_.current_term()) : std::nullopt;
    }
    work_.granted.emplace(grant.index, std::move(node.mapped()));
  }
  for (const auto& failure : work.failed_reads) {
    auto node = work_.asked.extract(failure.context);
    if (node.empty()) continue;
    for (auto& op : node.mapped()) op->fail_rest(failure.why);
  }
  release_reads();
}

/// The reads may be carried out once `index` is applied.
template <raft_types Types>
void replica<Types>::release_at(log_index index, operations batch) {
  if (index <= core_.last_applied()) return run_queries(std::move(batch));
  work_.granted.emplace(index, std::move(batch));
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
  for (auto& op : batch) {
    // A lease may be over when the answer is there: then the question is asked again.
    requests.push_back(op->lease_of ? op->payloads() : std::move(op->payloads()));
  }
  // The operations stay here, where their deadlines are kept; only the requests travel. An
  // operation that is done has given up on its answer, but still stands in its place.
  std::vector<bool> only_wait;
  only_wait.reserve(batch.size());
  for (const auto& op : batch) only_wait.push_back(op->only_wait);
  const std::uint64_t ticket = work_.send_away(std::move(batch));
  parts_.runtime.apply().post([self = this->shared_from_this(), ticket,
                               requests = std::move(requests), only_wait = std::move(only_wait)] {
    std::vector<outcomes> answers(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      answers[i].reserve(requests[i].size());
      for (const auto& request : requests[i]) {
        answers[i].push_back(only_wait[i] ? shared_bytes{} : self->applier_.query(request));
      }
    }
    self->post_to_loop([ticket, answers = std::move(answers)](replica& r) mutable {
      r.answer_reads(r.work_.bring_back(ticket), std::move(answers));
    });
  });
}

/// Hazards 46, 47: an answer that rests on a lease counts only if the lease still holds now that
/// the answer is there, by a clock that is read now; else the read goes by a round.
template <raft_types Types>
void replica<Types>::answer_reads(const operations& asked, std::vector<outcomes> answers) {
  const bool by_lease = std::ranges::any_of(
      asked, [](const operation_handle& op) { return op->lease_of.has_value(); });
  if (by_lease && !is_stopped()) advance();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const operation_handle& op = asked[i];
    if (op->is_done()) continue;
    const auto lease_of = std::exchange(op->lease_of, std::nullopt);
    const bool holds = !lease_of || (core_.has_lease() && *lease_of == core_.current_term());
    if (holds || is_stopped()) {
      op->complete(std::move(answers[i]));
      continue;
    }
    op->reading.level = read_level::linearizable;
    reads_now_.push_back(op);
  }
  if (by_lease && !is_stopped()) schedule_turn();
}

/// Whatever was answered up to now is seen by whoever waits for `index`.
template <raft_types Types>
void replica<Types>::cover(log_index index) {
  auto& covered = *covered_;
  if (index.value() > covered.load(std::memory_order_relaxed)) {
    covered.store(index.value(), std::memory_order_release);
  }
}

}  // namespace mainstay::detail
