/// A replica's snapshots (paper §7): saving its own, sending and receiving images, taking one in.
/// Included by replica.hpp only.
#pragma once

#include <chrono>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

// ---- Saving -----------------------------------------------------------------------------------

template <raft_types Types>
void replica<Types>::save_snapshot(snapshot_handler done) {
  if (is_stopped()) return done(fail(error_code::shutting_down, "the node has stopped"));
  if (health_.has(node_health::apply_failed)) {
    return done(fail(error_code::apply_failed, health_.problem()));
  }
  if (!core_.last_applied()) return done(fail(error_code::invalid_argument, "nothing is applied"));
  snapshot_waiters_.push_back(std::move(done));
  if (!saving_) begin_save();
}

template <raft_types Types>
void replica<Types>::consider_snapshot() {
  if (saving_ || core_.is_installing() || health_.has(node_health::apply_failed)) return;
  if (snapshot_trigger_.is_due(parts_.runtime.now())) begin_save();
}

/// The state is held in the apply activity, behind what was handed to it before, and written in the
/// background while applying goes on.
template <raft_types Types>
void replica<Types>::begin_save() {
  saving_ = true;
  saving_index_ = core::largest_index;  // until it is known
  save_started_ = parts_.runtime.now();
  parts_.runtime.apply().post([self = this->shared_from_this()] {
    self->post_to_loop([frozen = self->applier_.freeze()](replica& r) mutable {
      if (r.is_stopped()) return;
      if (!frozen) return r.on_saved(std::unexpected(frozen.error()));
      r.write_snapshot(*std::move(frozen));
    });
  });
}

template <raft_types Types>
void replica<Types>::write_snapshot(frozen_state frozen) {
  saving_index_ = frozen.index;
  snapshot_trigger_.begin();
  const auto& last = core_.snapshot();
  if (last && frozen.index <= last->id.last_included_index) return on_saved(*last);
  // The image says what the log says at its index: configuration and term as they were there, not
  // as they are now (paper §7).
  core::snapshot_contents contents{frozen.index, core_.entries().term_at(frozen.index), frozen.time,
                                   core_.configuration_at(frozen.index)};
  parts_.runtime.background().post([self = this->shared_from_this(), contents = std::move(contents),
                                    save = std::move(frozen.save)]() mutable {
    auto saved = self->write_image(contents, std::exchange(save, nullptr));
    self->post_to_loop([saved = std::move(saved)](replica& r) mutable {
      if (!r.is_stopped()) r.on_saved(std::move(saved));
    });
  });
}

/// On the background executor.
template <raft_types Types>
result<core::snapshot> replica<Types>::write_image(const core::snapshot_contents& contents,
                                                   state_saver save) {
  auto sink = parts_.storage.begin_snapshot(options_.group, contents);
  if (!sink) return std::unexpected(sink.error());
  const auto saved = contain([&] {
    return save([&](std::span<const std::byte> bytes) -> result<void> {
      if (is_closing_.load(std::memory_order_relaxed)) {
        return fail(error_code::shutting_down, "the node is stopping");
      }
      return (*sink)->write(bytes);
    });
  });
  if (!saved) return std::unexpected(saved.error());
  return (*sink)->commit();
}

template <raft_types Types>
void replica<Types>::on_saved(result<core::snapshot> saved) {
  saving_ = false;
  // One that was installed meanwhile covers as much, and stands for the one that was to be saved.
  // The core has it, and may still wait for the state machine to take it in.
  const auto& newest = core_.snapshot();
  const bool is_overtaken = newest && saving_index_ <= newest->id.last_included_index;
  if (is_overtaken) saved = *newest;
  if (!saved && saved.error().code == error_code::io_failed) return fail_stop(saved.error());
  advance();
  if (saved) {
    snapshot_trigger_.succeeded();
    if (!is_overtaken) core_.snapshot_saved(*saved);
    report_snapshot("snapshot saved", *saved, save_started_);
    events_.publish(snapshot_taken{.image = saved->id});
  } else {
    snapshot_trigger_.failed(parts_.runtime.now());
    parts_.metrics.add_one({"mainstay_snapshot_failures_total", {}});
    log_.log(log_level::error, "node", "a snapshot could not be saved: the log keeps growing",
             {{"node", options_.id.value()},
              {"error", name_of(saved.error().code)},
              {"reason", std::string_view(saved.error().message)}});
  }
  for (auto& done : std::exchange(snapshot_waiters_, {})) done(saved);
  if (!is_stopped()) schedule_turn();
}

template <raft_types Types>
void replica<Types>::report_snapshot(std::string_view event, const core::snapshot& s,
                                     instant since) {
  const duration took = parts_.runtime.now() - since;
  parts_.metrics.set_gauge({"mainstay_snapshot_bytes", {}}, static_cast<double>(s.id.size));
  parts_.metrics.add_one({"mainstay_snapshots_total", {}});
  log_.log(log_level::info, "node", event,
           {{"node", options_.id.value()},
            {"last_included_index", s.id.last_included_index.value()},
            {"bytes", s.id.size},
            {"took_ms",
             std::int64_t{std::chrono::duration_cast<std::chrono::milliseconds>(took).count()}}});
}

// ---- Sending and receiving --------------------------------------------------------------------

template <raft_types Types>
void replica<Types>::carry_out_images(core::ready& work) {
  for (const auto& wanted : work.snapshot_reads) read_image(wanted);
  for (auto& chunk : work.snapshot_chunks) store_chunk(std::move(chunk));
  if (work.install) install(*work.install);
  if (work.restore) restore(*std::move(work.restore));
  if (work.compact_to) compact(work.compact_to);
}

template <raft_types Types>
void replica<Types>::read_image(const core::snapshot_read_request& wanted) {
  parts_.storage.read_snapshot(
      options_.group, wanted.image, wanted.offset, wanted.max_bytes,
      [self = this->shared_from_this(), id = wanted.id](result<shared_bytes> data) {
        self->post_to_loop([id, data = std::move(data)](replica& r) {
          if (r.is_stopped()) return;
          r.advance();
          if (!data) r.report_failed_transfer("an image could not be read", data.error());
          r.core_.snapshot_read(id, data ? *data : shared_bytes{});
          r.schedule_turn();
        });
      });
}

template <raft_types Types>
void replica<Types>::store_chunk(core::snapshot_chunk chunk) {
  parts_.metrics.add_count({"mainstay_snapshot_received_bytes_total", {}}, chunk.data.size());
  parts_.storage.receive_snapshot(
      options_.group, chunk.image, chunk.offset, std::move(chunk.data),
      [self = this->shared_from_this(), id = chunk.id](result<received_snapshot> stored) {
        self->post_to_loop([id, stored = std::move(stored)](replica& r) {
          if (r.is_stopped()) return;
          r.advance();
          if (stored) {
            r.core_.snapshot_chunk_stored(id, stored->next_offset, stored->complete);
          } else {
            if (stored.error().code == error_code::io_failed) return r.fail_stop(stored.error());
            r.report_failed_transfer("a chunk of an image could not be stored", stored.error());
            r.core_.snapshot_chunk_stored(id, std::nullopt, false);
          }
          r.schedule_turn();
        });
      });
}

/// Full disks and damaged images: the leader tries again with its next heartbeat.
template <raft_types Types>
void replica<Types>::report_failed_transfer(std::string_view event, const error& why) {
  parts_.metrics.add_one({"mainstay_snapshot_failures_total", {}});
  log_.log(log_level::warning, "node", event,
           {{"node", options_.id.value()},
            {"error", name_of(why.code)},
            {"reason", std::string_view(why.message)}});
}

template <raft_types Types>
void replica<Types>::compact(log_index index) {
  parts_.storage.compact(
      options_.group, index, [self = this->shared_from_this()](result<void> outcome) {
        if (outcome || outcome.error().code == error_code::no_space) return;  // the next does it
        self->post_to_loop([why = outcome.error()](replica& r) { r.fail_stop(why); });
      });
}

// ---- Taking one in ----------------------------------------------------------------------------

template <raft_types Types>
void replica<Types>::install(const core::snapshot_id& image) {
  log_.log(log_level::info, "node", "taking a leader's snapshot in",
           {{"node", options_.id.value()},
            {"last_included_index", image.last_included_index.value()},
            {"bytes", image.size}});
  install_started_ = parts_.runtime.now();
  refuse_granted_reads();
  parts_.storage.install_snapshot(
      options_.group, image,
      [self = this->shared_from_this(), image](result<core::snapshot> installed) {
        self->post_to_loop([image, installed = std::move(installed)](replica& r) {
          if (!r.is_stopped()) r.on_installed(image, installed);
        });
      });
}

template <raft_types Types>
void replica<Types>::on_installed(const core::snapshot_id& image,
                                  const result<core::snapshot>& installed) {
  advance();
  if (installed) {
    core_.snapshot_installed(*installed);
  } else {
    if (installed.error().code != error_code::no_space) return fail_stop(installed.error());
    report_failed_transfer("a snapshot could not be installed", installed.error());
    core_.snapshot_not_installed(image);
  }
  schedule_turn();
}

/// What waits for the state machine would see it leap.
template <raft_types Types>
void replica<Types>::refuse_granted_reads() {
  const error why = taking_a_snapshot_in();
  for (auto& [index, waiting] : std::exchange(work_.granted, {})) {
    for (auto& op : waiting) op->fail_rest(why);
  }
}

/// Behind what the state machine was given before, and before what follows the snapshot.
template <raft_types Types>
void replica<Types>::restore(core::snapshot from) {
  to_apply_.clear();  // the snapshot includes it
  parts_.runtime.apply().post([self = this->shared_from_this(), from = std::move(from)] {
    auto restored = self->restore_machine(from);
    self->post_to_loop([from, restored = std::move(restored)](replica& r) {
      if (r.is_stopped()) return;
      if (!restored) return r.fail_stop(restored.error());
      r.advance();
      r.snapshot_trigger_.restored();
      r.cover(from.id.last_included_index);
      r.core_.applied(from.id.last_included_index);
      r.report_snapshot("snapshot installed", from, r.install_started_);
      r.events_.publish(snapshot_taken{.image = from.id, .from_leader = true});
      r.events_.publish(applied_up_to{from.id.last_included_index});
      r.release_reads();
      if (!r.is_stopped()) r.schedule_turn();
    });
  });
}

/// The state machine takes the state of an image; in the apply activity, or before the start.
template <raft_types Types>
result<void> replica<Types>::restore_machine(const core::snapshot& from) {
  auto source = parts_.storage.open_snapshot(options_.group, from.id);
  if (!source) return std::unexpected(source.error());
  return applier_.restore([&](std::span<std::byte> room) { return (*source)->read(room); },
                          from.id.last_included_index, from.time);
}

}  // namespace mainstay::detail
