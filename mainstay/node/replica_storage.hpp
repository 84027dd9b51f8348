/// A replica's traffic with its log and its state machine. Included by replica.hpp only.
#pragma once

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

/// Entries that one task of the apply activity applies at most; sockets and timers get their turn
/// before the next when the state machine shares the loop.
inline constexpr std::size_t max_applied_per_task = 1024;
/// Stretches with the apply activity at once: the second keeps it busy while the loop takes back
/// the first.
inline constexpr std::size_t max_stretches_applying = 2;

template <raft_types Types>
void replica<Types>::append(core::persist_batch batch) {
  if (!health_.has(node_health::disk_full)) return write(std::move(batch));
  held_ = std::move(batch);  // the core hands out one at a time; `turn` tries again
  retry_at_ = parts_.runtime.now() + options_.disk_full_retry;
}

template <raft_types Types>
void replica<Types>::write(core::persist_batch batch) {
  append_started_ = parts_.runtime.now();
  const std::uint64_t attempt = ++last_append_;
  const std::uint64_t sequence = batch.sequence;
  parts_.metrics.add_count({"mainstay_persisted_entries_total", {}}, batch.entries.size());
  parts_.storage.append(
      options_.group, std::move(batch),
      [self = this->shared_from_this(), attempt, sequence](result<void> outcome) {
        self->post_to_loop([attempt, sequence, outcome = std::move(outcome)](replica& r) {
          r.on_appended(attempt, sequence, outcome);
        });
      });
}

template <raft_types Types>
void replica<Types>::on_appended(std::uint64_t attempt, std::uint64_t sequence,
                                 const result<void>& outcome) {
  const bool is_over = append_started_ == instant::max();
  if (is_stopped() || is_over || attempt != last_append_) return;  // late, or twice
  advance();
  const instant started = std::exchange(append_started_, instant::max());
  parts_.metrics.add_duration({"mainstay_append_seconds", {}}, parts_.runtime.now() - started);
  if (!outcome && outcome.error().code != error_code::no_space) return fail_stop(outcome.error());
  if (!outcome) {
    on_disk_full(sequence, outcome.error());
  } else {
    if (health_.has(node_health::disk_full)) {
      health_.clear(node_health::disk_full);
      log_.log(log_level::info, "node", "the disk has room again", {{"node", options_.id.value()}});
    }
    core_.persisted(sequence);
  }
  schedule_turn();
}

/// The core hands the batch out again, and `append` holds it until it is time to try.
template <raft_types Types>
void replica<Types>::on_disk_full(std::uint64_t sequence, const error& why) {
  if (!health_.has(node_health::disk_full)) {
    log_.log(log_level::error, "node", "the disk is full: writes are refused until space returns",
             {{"node", options_.id.value()}, {"reason", std::string_view(why.message)}});
  }
  health_.set(node_health::disk_full, why.message);
  core_.not_persisted(sequence);
  hand_over_for_the_disk();
}

/// A leader whose disk does not answer within an election timeout makes way (rule 3 of the
/// architecture); a held batch on a full disk is written again when its time has come.
template <raft_types Types>
void replica<Types>::check_stall() {
  const instant now = parts_.runtime.now();
  if (now >= retry_at_) {
    retry_at_ = instant::max();
    write(std::exchange(held_, {}));
  }
  if (append_started_ == instant::max() || core_.role() != core::role::leader) return;
  if (now - append_started_ < options_.core.election_timeout_max) return;
  events_.publish(disk_stalled{now - append_started_});
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
      [self = this->shared_from_this(), id = request.id,
       first = request.first](result<std::vector<core::entry>> entries) {
        self->post_to_loop([id, first, entries = std::move(entries)](replica& r) mutable {
          if (r.is_stopped()) return;
          // Only what is durable and committed is asked for: it is there, or compacted by now.
          const bool compacted = first <= r.core_.entries().base_index();
          if (!entries && !compacted) return r.fail_stop(entries.error());
          r.advance();
          r.core_.log_read(id, entries ? *std::move(entries) : std::vector<core::entry>{});
          r.schedule_turn();
        });
      });
}

template <raft_types Types>
void replica<Types>::apply(std::vector<core::entry> entries) {
  if (health_.has(node_health::apply_failed)) return;
  std::uint64_t bytes = 0;
  for (const auto& e : entries) bytes += core::size_of(e);
  snapshot_trigger_.applied(entries.size(), bytes);
  auto rest = std::make_move_iterator(entries.begin());
  const auto end = std::make_move_iterator(entries.end());
  if (entries.size() <= max_applied_per_task) {
    to_apply_.push_back(std::move(entries));
    return apply_next();
  }
  while (rest != end) {
    const auto from = rest;
    rest += std::min<std::ptrdiff_t>(max_applied_per_task, end - from);
    to_apply_.emplace_back(from, rest);
  }
  apply_next();
}

template <raft_types Types>
void replica<Types>::apply_next() {
  while (applying_ < max_stretches_applying && !to_apply_.empty()) {
    ++applying_;
    parts_.runtime.apply().post(
        [self = this->shared_from_this(), entries = std::move(to_apply_.front())]() mutable {
          self->post_to_loop([done = self->applier_.apply(std::move(entries))](replica& r) mutable {
            r.on_applied(std::move(done));
          });
        });
    to_apply_.pop_front();
  }
}

template <raft_types Types>
void replica<Types>::on_applied(applied_entries done) {
  --applying_;
  if (is_stopped() || health_.has(node_health::apply_failed)) return;
  cover(done.last);
  complete_writes(done);
  if (is_stopped()) return;
  core_.applied(done.last);
  events_.publish(applied_up_to{done.last});
  next_expiry_ = done.next_expiry;
  if (!done.outcome) on_apply_failed(done);
  release_reads();
  if (is_stopped()) return;
  apply_next();
  consider_snapshot();
  schedule_turn();
}

/// Hands the answers on, run of terms by run of terms.
template <raft_types Types>
void replica<Types>::complete_writes(applied_entries& done) {
  const log_index first = done.terms.front().first;
  const log_index end = done.last.next();
  for (auto run = done.terms.begin(); run != done.terms.end() && run->first < end; ++run) {
    const auto next = std::next(run);
    const log_index run_end = next == done.terms.end() ? end : std::min(next->first, end);
    const auto answers = std::span(done.answers).subspan(run->first - first, run_end - run->first);
    work_.writes.applied(run->first, run->term, answers, done.refusals);
  }
}

/// A replica whose state machine failed applies no further, answers nothing, and never leads: it
/// could commit commands and tell nobody. Its log still counts for others.
template <raft_types Types>
void replica<Types>::on_apply_failed(const applied_entries& done) {
  const std::string problem = "applying index " + std::to_string(done.last.next().value()) +
                              " failed: " + done.outcome.error().message;
  health_.set(node_health::apply_failed, problem);
  log_.log(log_level::critical, "node", "the state machine failed: this replica stops applying",
           {{"node", options_.id.value()}, {"reason", std::string_view(problem)}});
  to_apply_.clear();
  core_.retire();
  work_.writes.fail_all({error_code::apply_failed, problem, {}});
}

}  // namespace mainstay::detail
