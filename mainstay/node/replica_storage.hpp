/// A replica's traffic with its log and its state machine. Included by replica.hpp only.
#pragma once

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

template <raft_types Types>
void replica<Types>::append(core::persist_batch batch) {
  if (health_ != node_health::disk_full) return write(std::move(batch));
  held_ = std::move(batch);  // the core hands out one at a time; `turn` tries again
}

template <raft_types Types>
void replica<Types>::write(core::persist_batch batch) {
  append_started_ = parts_.runtime.now();
  const std::uint64_t sequence = batch.sequence;
  parts_.metrics.add_count({"mainstay_persisted_entries_total", {}}, batch.entries.size());
  parts_.storage.append(options_.group, std::move(batch),
                        [self = this->shared_from_this(), sequence](result<void> outcome) {
                          self->post_to_loop([sequence, outcome = std::move(outcome)](replica& r) {
                            r.on_appended(sequence, outcome);
                          });
                        });
}

template <raft_types Types>
void replica<Types>::on_appended(std::uint64_t sequence, result<void> outcome) {
  if (health_ == node_health::stopped) return;
  advance();
  const instant started = std::exchange(append_started_, instant::max());
  parts_.metrics.add_duration({"mainstay_append_seconds", {}}, parts_.runtime.now() - started);
  if (outcome) {
    if (health_ == node_health::disk_full) {
      health_ = node_health::sound;
      problem_.clear();
      log_.log(log_level::info, "node", "the disk has room again", {{"node", options_.id.value()}});
    }
    core_.persisted(sequence);
  } else if (outcome.error().code == error_code::no_space) {
    if (health_ != node_health::disk_full) {
      log_.log(
          log_level::error, "node", "the disk is full: writes are refused until space returns",
          {{"node", options_.id.value()}, {"reason", std::string_view(outcome.error().message)}});
    }
    health_ = node_health::disk_full;
    problem_ = outcome.error().message;
    retry_at_ = parts_.runtime.now() + options_.disk_full_retry;
    core_.not_persisted(sequence);
  } else {
    return fail_stop(outcome.error());
  }
  schedule_turn();
}

/// A leader whose disk does not answer within an election timeout makes way (rule 3 of the
/// architecture); a held batch on a full disk is written again when its time has come.
template <raft_types Types>
void replica<Types>::check_stall() {
  const instant now = parts_.runtime.now();
  if (now >= retry_at_) {
    retry_at_ = instant::max();
    if (!held_.empty()) write(std::exchange(held_, {}));
  }
  if (append_started_ == instant::max() || core_.role() != core::role::leader) return;
  if (now - append_started_ < options_.core.election_timeout_max) return;
  log_.log(
      log_level::warning, "node", "the disk stalls: giving up leadership",
      {{"node", options_.id.value()},
       {"stalled_ms",
        std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(now - append_started_)
                         .count()}}});
  core_.step_down();
}

template <raft_types Types>
void replica<Types>::read_log(const core::log_read_request& request) {
  parts_.storage.read(
      options_.group, request.first, request.last, request.max_bytes,
      [self = this->shared_from_this(), id = request.id](result<std::vector<core::entry>> entries) {
        self->post_to_loop([id, entries = std::move(entries)](replica& r) mutable {
          if (r.health_ == node_health::stopped) return;
          const bool lost = !entries && entries.error().code != error_code::invalid_argument;
          if (lost) return r.fail_stop(entries.error());
          r.advance();
          r.core_.log_read(id, entries ? *std::move(entries) : std::vector<core::entry>{});
          r.schedule_turn();
        });
      });
}

template <raft_types Types>
void replica<Types>::apply(std::vector<core::entry> entries) {
  if (health_ == node_health::apply_failed) return;
  parts_.runtime.apply().post(
      [self = this->shared_from_this(), entries = std::move(entries)]() mutable {
        self->post_to_loop([done = self->applier_.apply(std::move(entries))](replica& r) mutable {
          r.on_applied(std::move(done));
        });
      });
}

template <raft_types Types>
void replica<Types>::on_applied(applied_entries done) {
  if (health_ == node_health::stopped || health_ == node_health::apply_failed) return;
  const log_index first = done.terms.front().first;
  for (std::size_t i = 0; i < done.terms.size(); ++i) {
    const log_index from = done.terms[i].first;
    if (from > done.last) break;
    const log_index end = i + 1 < done.terms.size()
                              ? std::min(done.terms[i + 1].first, done.last.next())
                              : done.last.next();
    const auto answers = std::span(done.answers).subspan(from - first, end - from);
    work_.writes.applied(from, done.terms[i].term, answers);
  }
  core_.applied(done.last);
  release_reads();
  if (!done.outcome) {
    health_ = node_health::apply_failed;
    problem_ = "applying index " + std::to_string(done.last.next().value()) +
               " failed: " + done.outcome.error().message;
    log_.log(log_level::critical, "node", "the state machine failed: this replica stops applying",
             {{"node", options_.id.value()}, {"reason", std::string_view(problem_)}});
    const error why{error_code::apply_failed, problem_, {}};
    work_.writes.fail_all(why);
    for (auto& [index, batch] : std::exchange(work_.granted, {})) {
      for (auto& op : batch) op->fail_all(why);
    }
    core_.step_down();
  }
  schedule_turn();
}

}  // namespace mainstay::detail
