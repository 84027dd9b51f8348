/// Snapshots and log compaction (paper §7, thesis §5): what a leader sends to a peer that needs
/// what was compacted away, what a follower takes in, and what of the log may go. The images
/// themselves are storage's; here only their names and offsets pass.
#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

namespace {

bool is_well_formed(const install_snapshot& m) {
  const auto& image = m.image;
  return image.last_included_index && image.last_included_term &&
         image.last_included_index <= largest_index && image.last_included_term <= m.term &&
         m.offset <= image.size && m.data.size() <= image.size - m.offset;
}

}  // namespace

// ---- This replica's own -----------------------------------------------------------------------

/// At the start: the state machine has the snapshot's state, so everything up to it is committed
/// and applied, whatever the log has or lacks.
void raft::recover_snapshot(const core::snapshot& found) {
  const auto& [index, last_term, size, digest] = found.id;
  snapshot_ = found;
  if (log_.matches(index, last_term)) {
    // What the log says behind the snapshot stays in force; what it says before is included.
    std::erase_if(configurations_, [&](const auto& c) { return c.index <= index; });
    configurations_.insert(configurations_.begin(), {index, found.configuration});
    log_.note_time(found.time);
  } else {
    reset_log(found);  // the crash came between the image's installation and the log's reset
  }
  commit_index_ = applying_index_ = last_applied_ = index;
}

const core::configuration& raft::configuration_at(log_index index) const {
  MAINSTAY_ASSERT(index >= configurations_.front().index && index <= log_.last_index());
  const auto after =
      std::ranges::upper_bound(configurations_, index, {}, &appended_configuration::index);
  return std::prev(after)->value;
}

void raft::snapshot_saved(const core::snapshot& saved) {
  MAINSTAY_ASSERT(saved.id.last_included_index <= last_applied_);
  // A newer one may have been installed while this one was written.
  if (snapshot_ && saved.id.last_included_index <= snapshot_->id.last_included_index) return;
  snapshot_ = saved;
  compact_log();
}

/// Paper §7: what a durable snapshot covers may go. A tail stays for followers that are a little
/// behind, and what a peer needs that is being sent an older image.
void raft::compact_log() {
  log_index point = snapshot_->id.last_included_index;
  std::uint64_t tail = 0;
  while (point >= log_.window_first() && point <= log_.last_index()) {
    tail += size_of(log_.at(point));
    if (tail > config_->compaction_tail_bytes) break;
    point = point.previous();
  }
  constexpr std::uint64_t patience = 2;  // a transfer without end must not keep the log for ever
  for (auto& [peer, p] : progress_) {
    if (!p.transfer || p.transfer->held_back >= patience) continue;
    const log_index needed = p.transfer->image.last_included_index;
    if (needed >= point) continue;
    ++p.transfer->held_back;
    point = needed;
  }
  if (point <= log_.base_index()) return;

  log_.compact_to(point);
  // The one in force at the base stays, as what a later rollback ends at.
  while (configurations_.size() > 1 && configurations_[1].index <= point) {
    configurations_.erase(configurations_.begin());
  }
  out_.compact_to = point;
}

// ---- Leader -----------------------------------------------------------------------------------

void raft::continue_transfer(node_id peer, progress& p) {
  if (!p.transfer && !begin_transfer(p)) return;
  auto& t = *p.transfer;
  if (t.read != 0 || t.call != 0 || t.refused) return;
  if (timing_.now < t.not_before) {
    timing_.snapshot_chunk = std::min(timing_.snapshot_chunk, t.not_before);
    return;
  }
  // The first chunk is empty, and so is one behind the end: the answer tells how far the peer is.
  if (!t.offset_known || t.next_offset == t.image.size) return send_chunk(peer, p, {});
  t.read = ++last_log_read_;
  const std::uint64_t wanted = std::min(t.chunk_bytes, t.image.size - t.next_offset);
  out_.snapshot_reads.push_back({t.read, t.image, t.next_offset, wanted});
}

bool raft::begin_transfer(progress& p) {
  if (p.leaving_since) return false;  // it needs nothing any more
  if (p.probe_sent) return false;     // it failed a moment ago: not before the next heartbeat
  if (is_silent(p)) return false;
  const auto under_way = std::ranges::count_if(
      progress_, [](const auto& one) { return one.second.transfer.has_value(); });
  if (static_cast<std::uint64_t>(under_way) >= config_->max_snapshot_transfers) return false;
  MAINSTAY_ASSERT(snapshot_);
  constexpr std::uint64_t first_chunk = 256 << 10;
  p.transfer.emplace();
  p.transfer->image = snapshot_->id;
  p.transfer->chunk_bytes = std::min(first_chunk, config_->snapshot_chunk_bytes);
  return true;
}

void raft::snapshot_read(std::uint64_t id, shared_bytes data) {
  for (auto& [peer, p] : progress_) {
    if (!p.transfer || p.transfer->read != id || id == 0) continue;
    auto& t = *p.transfer;
    t.read = 0;
    if (data.empty() || data.size() > t.image.size - t.next_offset) {
      p.transfer.reset();  // the image is gone: the newest snapshot is sent instead
      p.probe_sent = true;
      return;
    }
    return send_chunk(peer, p, std::move(data));
  }
}

void raft::send_chunk(node_id peer, progress& p, shared_bytes data) {
  auto& t = *p.transfer;
  if (config_->snapshot_bytes_per_second != 0) {
    const auto seconds =
        static_cast<double>(data.size()) / static_cast<double>(config_->snapshot_bytes_per_second);
    t.not_before =
        timing_.now + std::chrono::duration_cast<duration>(std::chrono::duration<double>(seconds));
  }
  send_request(peer, install_snapshot{current_term(), t.image, t.next_offset, std::move(data)});
  t.call = last_call_;
  t.sent_at = timing_.now;
}

void raft::on(const envelope& e, const install_snapshot_response& m) {
  if (m.term > current_term()) return become_follower(m.term, node_id{});
  const auto found = progress_.find(e.from);
  if (found == progress_.end() || m.term != current_term()) return;  // not leader, or of old
  progress& p = found->second;
  if (!p.counts(e.call)) return;
  p.last_response = timing_.now;
  if (m.match_index > log_.last_index()) return;  // it claims what we never sent
  if (m.success && m.match_index) {
    const bool news = p.acknowledge(m.match_index);
    if (p.state == progress_state::snapshot && p.next_index > log_.base_index()) {
      p.become_replicate();
    }
    if (news) advance_commit_index();
    if (role_ != role::leader) return;  // what has committed left it out
  }
  if (!p.transfer || p.transfer->call != e.call || e.call == 0) return;  // late, or twice
  auto& t = *p.transfer;
  t.call = 0;
  adapt_to_link(t);
  const bool covered = m.success && m.match_index >= t.image.last_included_index;
  if (covered) return p.transfer.reset();  // it has the image, and still needs a newer one
  if (m.success && m.next_offset <= t.image.size) {
    // At the end it is taking the image in, and tells when it is asked again. A peer whose storage
    // makes no headway, or begins anew, is not hammered either.
    t.refused = t.offset_known && m.next_offset <= t.next_offset;
    t.next_offset = m.next_offset;
    t.offset_known = true;
  } else {
    t.refused = true;
  }
}

/// A chunk that takes longer than a heartbeat may delay one on the same link.
void raft::adapt_to_link(image_transfer& t) const {
  const duration took = timing_.now - t.sent_at;
  if (took > config_->heartbeat_interval) {
    t.chunk_bytes = std::max(t.chunk_bytes / 2, smallest_snapshot_chunk);
  } else if (took < config_->heartbeat_interval / 4) {
    t.chunk_bytes = std::min(t.chunk_bytes * 2, config_->snapshot_chunk_bytes);
  }
}

/// Who does not even answer heartbeats must not hold a turn that another peer could use.
bool raft::is_silent(const progress& p) const {
  return timing_.now - p.last_response > config_->election_timeout_max;
}

/// With a heartbeat: what was refused, or lost without a word, is tried again.
void raft::retry_transfer(progress& p) const {
  if (is_silent(p)) return p.transfer.reset();
  auto& t = *p.transfer;
  t.refused = false;
  if (t.call != 0 && timing_.now - t.sent_at > config_->election_timeout_max) {
    t.call = 0;
    t.offset_known = false;
    t.chunk_bytes = std::max(t.chunk_bytes / 2, smallest_snapshot_chunk);
  }
}

// ---- Follower ---------------------------------------------------------------------------------

void raft::on(const envelope& e, const install_snapshot& m) {
  if (!heed_leader(e.from, m.term, core::is_well_formed(m)))
    return decline_snapshot(e.from, e.call);
  if (m.image.last_included_index <= commit_index_) {
    // Whatever the image holds is here already, and newer state must not be undone by it.
    return answer_with_snapshot(e.from, e.call, m.image);
  }
  if (installing_) {
    if (installing_->image != m.image) return decline_snapshot(e.from, e.call);
    return send(e.from, e.call,
                install_snapshot_response{
                    .term = current_term(), .success = true, .next_offset = m.image.size});
  }
  if (receiving_) return decline_snapshot(e.from, e.call);  // one chunk after the other
  receiving_ = {++last_log_read_, m.image, e.from, e.call};
  out_.snapshot_chunks.push_back({receiving_->id, m.image, m.offset, m.data});
}

/// Tells the leader that everything up to the image is here; or, where the disk is still at it,
/// that the image's bytes are not wanted.
void raft::answer_with_snapshot(node_id to, std::uint64_t call, const snapshot_id& image) {
  install_snapshot_response response{
      .term = current_term(), .success = true, .next_offset = image.size};
  if (image.last_included_index <= stable_index_) response.match_index = image.last_included_index;
  send(to, call, response);
}

void raft::decline_snapshot(node_id to, std::uint64_t call) {
  send(to, call, install_snapshot_response{.term = current_term()});
}

void raft::snapshot_chunk_stored(std::uint64_t id, std::optional<std::uint64_t> next_offset,
                                 bool is_whole) {
  if (!receiving_ || receiving_->id != id) return;  // late, or twice
  const incoming_image chunk = *std::exchange(receiving_, std::nullopt);
  if (!next_offset) return decline_snapshot(chunk.from, chunk.call);
  if (chunk.image.last_included_index <= commit_index_) {
    return answer_with_snapshot(chunk.from, chunk.call, chunk.image);  // appends came first
  }
  // A leader has all that is committed, and the image is of that.
  if (role_ == role::leader) return decline_snapshot(chunk.from, chunk.call);
  if (!is_whole) {
    return send(chunk.from, chunk.call,
                install_snapshot_response{
                    .term = current_term(), .success = true, .next_offset = *next_offset});
  }
  installing_ = chunk;
  install_is_handed_out_ = false;
  fail_reads(error_code::not_leader, "this node is taking a snapshot in");
  if (role_ != role::follower) become_follower(current_term(), node_id{});
}

/// Not before the own term is on the disk, which must not be below the snapshot's.
void raft::collect_install(ready& out) {
  if (!installing_ || install_is_handed_out_ || hard_state_sequence_ > durable_sequence_) return;
  install_is_handed_out_ = true;
  out.install = installing_->image;
}

// Paper §7, figure 13, rules 6 to 8: a log that holds the snapshot's last entry keeps what follows
// it; any other gives way to the snapshot, with its configuration. The image is durable by now, and
// a restart would decide the same, so that the answer need not wait for the log's own reset.
void raft::snapshot_installed(const core::snapshot& installed) {
  if (!installing_ || installing_->image != installed.id) return;  // late, or twice
  const incoming_image done = *std::exchange(installing_, std::nullopt);
  const log_index index = installed.id.last_included_index;
  // Appends may have come first, and even a newer snapshot of the own state.
  if (!snapshot_ || snapshot_->id.last_included_index < index) snapshot_ = installed;
  if (index > commit_index_ && !log_.matches(index, installed.id.last_included_term)) {
    reset_log(installed);
    applying_index_ = index;
    apply_read_ = 0;
    apply_from_storage_.clear();
    restoring_ = true;
    out_.restore = installed;
  }
  set_commit_index(std::max(commit_index_, index));
  answer_with_snapshot(done.from, done.call, installed.id);
}

void raft::snapshot_not_installed(const snapshot_id& image) {
  if (!installing_ || installing_->image != image) return;
  const incoming_image failed = *std::exchange(installing_, std::nullopt);
  decline_snapshot(failed.from, failed.call);
}

/// The log goes on behind the snapshot, and nothing of the old one counts any more, in memory or on
/// the disk; what storage has under way of it is worth nothing.
void raft::reset_log(const core::snapshot& from) {
  const term_run base{from.id.last_included_index, from.id.last_included_term};
  log_.reset(base, from.time);
  configurations_ = {{base.first, from.configuration}};
  stable_index_ = base.first;  // the snapshot stands for it
  unsaved_from_ = base.first.next();
  truncate_disk_from_ = log_index{};
  reset_disk_to_ = base;
  pending_.first_index = base.first.next();
  pending_.last_index = base.first;
  pending_.truncate_from = log_index{};
  pending_.reset_to.reset();
}

}  // namespace mainstay::core
