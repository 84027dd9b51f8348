/// Log replication: AppendEntries on both sides, the pipeline to each peer, and the commit rule
/// (paper §5.3, §5.4.2; thesis §10.2 for pipelining and writing to disk in parallel).
#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/quorum.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

// ---- Leader -----------------------------------------------------------------------------------

result<log_index> raft::propose(std::span<const shared_bytes> commands, log_time now,
                                entry_kind kind) {
  MAINSTAY_ASSERT(kind == entry_kind::command || kind == entry_kind::session);
  return append_as_leader(kind, commands, now);
}

result<log_index> raft::propose_time(log_time now) {
  const shared_bytes nothing;
  return append_as_leader(entry_kind::no_op, {&nothing, 1}, now);
}

result<log_index> raft::append_as_leader(entry_kind kind, std::span<const shared_bytes> payloads,
                                         log_time now) {
  if (role_ != role::leader) {
    return fail(error_code::not_leader,
                leader_ ? "node " + std::to_string(leader_.value()) + " leads"
                        : std::string("no leader is known"),
                leader_);
  }
  if (is_fenced()) {
    return fail(error_code::overloaded, "leadership is being handed to node " +
                                            std::to_string(handing_over_.target.value()));
  }
  std::uint64_t bytes = 0;
  for (const auto& payload : payloads) {
    if (payload.size() > config_->max_command_bytes) {
      return fail(error_code::invalid_argument, "a command of " + std::to_string(payload.size()) +
                                                    " bytes exceeds max_command_bytes (" +
                                                    std::to_string(config_->max_command_bytes) +
                                                    ")");
    }
    bytes += payload.size() + entry_allowance;
  }
  if (uncommitted_bytes_ + bytes > config_->max_uncommitted_bytes) {
    return fail(error_code::overloaded, "the leader's uncommitted entries (" +
                                            std::to_string(uncommitted_bytes_) +
                                            " bytes) are at max_uncommitted_bytes");
  }
  const log_index first = log_.last_index().next();
  const log_time time = std::max(now, log_.last_time());
  for (const auto& payload : payloads) {
    log_.append({log_.last_index().next(), current_term(), kind, time, payload});
  }
  uncommitted_bytes_ += bytes;
  return first;
}

void raft::broadcast_append() {
  for (auto& [peer, p] : progress_) {
    replicate_to(peer, p);
    if (p.state == progress_state::snapshot) continue_transfer(peer, p);
    const bool round_unknown = !rounds_.empty() && p.sent_round < rounds_.back().round;
    if (round_unknown) send_confirmation(peer, p);
  }
}

void raft::send_heartbeats() {
  timing_.heartbeat = timing_.now + config_->heartbeat_interval;
  forget_departed();
  begin_lease_round();
  for (auto& [peer, p] : progress_) {
    p.probe_sent = false;  // whatever was lost is tried again
    if (p.transfer) retry_transfer(p);
    // Asks about the newest entry sent, so that one lost on the way shows as a mismatch.
    send_empty_append(peer, p, p.next_index.previous());
  }
}

void raft::send_commit_notices() {
  timing_.commit_notice = no_deadline;
  for (auto& [peer, p] : progress_) {
    if (p.sent_commit < std::min(commit_index_, p.match_index)) send_confirmation(peer, p);
  }
}

void raft::send_empty_append(node_id peer, progress& p, log_index previous) {
  if (previous < log_.base_index()) {
    // Compacted: ask nothing. The peer waits for a snapshot, and no notice tells it of commits.
    previous = log_index{};
    p.sent_commit = std::max(p.sent_commit, std::min(commit_index_, p.match_index));
  }
  const term previous_term = previous ? log_.term_at(previous) : term{};
  p.sent_round = round_;
  p.sent_commit = std::max(p.sent_commit, std::min(commit_index_, previous));
  send_request(peer, append_entries{current_term(), previous, previous_term, commit_index_, round_,
                                    std::vector<entry>{}});
}

bool raft::may_send(const progress& p) const {
  if (p.log_read != 0) return false;
  switch (p.state) {
    case progress_state::probe:
      return !p.probe_sent;
    case progress_state::replicate:
      return p.in_flight.size() < config_->max_inflight_messages &&
             p.in_flight_bytes < config_->max_inflight_bytes;
    case progress_state::snapshot:
      return false;
  }
  return false;
}

void raft::replicate_to(node_id peer, progress& p) {
  while (p.next_index <= log_.last_index() && may_send(p)) {
    if (p.next_index <= log_.base_index()) return p.become_snapshot();
    if (p.next_index < log_.window_first()) {
      p.log_read = ++last_log_read_;
      out_.log_reads.push_back(
          {p.log_read, p.next_index, log_.window_first().previous(), config_->max_append_bytes});
      return;
    }
    send_entries(peer, p, log_.copy(p.next_index, log_.last_index(), config_->max_append_bytes));
  }
}

void raft::send_entries(node_id peer, progress& p, std::vector<entry> entries) {
  const log_index previous = entries.front().index.previous();
  const log_index last = entries.back().index;
  std::uint64_t bytes = 0;
  for (const auto& e : entries) bytes += size_of(e);
  p.sent(last, bytes);
  p.sent_round = round_;
  p.sent_commit = std::max(p.sent_commit, std::min(commit_index_, last));
  send_request(peer, append_entries{current_term(), previous, log_.term_at(previous), commit_index_,
                                    round_, std::move(entries)});
}

void raft::on(const envelope& e, const append_entries_response& m) {
  if (m.term > current_term()) return become_follower(m.term, node_id{});
  const auto found = progress_.find(e.from);
  if (found == progress_.end() || m.term != current_term()) return;  // not leader, or of old
  progress& p = found->second;
  if (!p.counts(e.call)) return;
  p.last_response = timing_.now;
  p.acked_round = std::max(p.acked_round, std::min(m.round, p.sent_round));
  note_promise(p, m);
  confirm_reads();
  if (!m.success) return on_mismatch(p, m);
  if (m.match_index > log_.last_index()) return;  // it claims what we never sent

  const bool news = p.acknowledge(m.match_index);
  if (p.state != progress_state::replicate && p.next_index > log_.base_index()) {
    p.become_replicate();
  }
  if (news) advance_commit_index();
  if (role_ != role::leader) return;  // what has committed left it out
  if (p.sent_commit < std::min(commit_index_, p.match_index)) {
    timing_.commit_notice =
        std::min(timing_.commit_notice, timing_.now + config_->commit_notice_delay);
  }
  on_acknowledged(e.from, p, e.call);
}

// Paper §5.3: decrement nextIndex and retry, but by whole terms.
void raft::on_mismatch(progress& p, const append_entries_response& m) {
  if (m.rejected_index <= p.match_index) return;  // overtaken by a later success
  p.sent_commit = std::min(p.sent_commit, p.match_index);
  if (p.state == progress_state::replicate) return p.become_probe();
  const bool answers_probe = m.rejected_index == p.next_index.previous();
  if (p.state != progress_state::probe || !answers_probe) return;  // late, or twice

  log_index next = m.conflict_index;
  if (m.conflict_term) {
    // Our entries of later terms cannot match a follower whose log ends in conflict_term there.
    const log_index possible =
        log_.last_index_with_term_at_most(m.conflict_term, m.rejected_index.previous());
    const bool have_term = log_.term_at(possible) == m.conflict_term;
    next = have_term ? possible.next() : std::min(possible.next(), m.conflict_index);
  }
  p.next_index = std::clamp(next, p.match_index.next(), m.rejected_index);
  p.probe_sent = false;
}

void raft::unreachable(node_id peer, std::uint64_t call) {
  if (const auto asked = asked_reads_.find(call); asked != asked_reads_.end()) {
    for (const auto context : asked->second) {
      fail_read({context, node_id{}}, error_code::not_leader, "the leader did not answer");
    }
    asked_reads_.erase(asked);
  }
  // A request of an earlier role, such as for a vote, says nothing of what was sent since.
  const bool sent_as_leader = call - calls_before_leading_ - 1 < last_call_ - calls_before_leading_;
  const auto found = progress_.find(peer);
  if (found == progress_.end() || !sent_as_leader || !found->second.counts(call)) return;
  const bool is_word_to_stand = is_fenced() && call == handing_over_.call;
  if (found->second.state == progress_state::replicate) found->second.become_probe();
  // Another peer that waits for a snapshot gets its turn.
  if (found->second.transfer && found->second.transfer->call == call) {
    found->second.transfer.reset();
  }
  found->second.probe_sent = true;  // tried again at the next heartbeat, not at once
  found->second.sent_commit = log_index{};
  if (is_word_to_stand) give_up_transfer(transfer_outcome::unreachable);
}

// Paper §5.4.2, figure 8: counting replicas commits only entries of the current term; older ones
// follow by Log Matching. Every replica counts durable entries only, this one included.
void raft::advance_commit_index() {
  const log_index candidate = quorum_value(configuration(), [this](node_id id) {
    if (id == id_) return stable_index_;
    const auto p = progress_.find(id);
    return p == progress_.end() ? log_index{} : p->second.match_index;
  });
  if (candidate <= commit_index_) return;
  if (log_.term_at(candidate) != current_term()) return;
  set_commit_index(candidate);
  go_on_with_change();
}

void raft::set_commit_index(log_index index) {
  MAINSTAY_ASSERT(index >= commit_index_ && index <= log_.last_index());
  if (role_ == role::leader) {
    for (log_index i = std::max(commit_index_.next(), term_start_); i <= index; i = i.next()) {
      uncommitted_bytes_ -= size_of(log_.at(i));
    }
    timing_.commit_notice =
        std::min(timing_.commit_notice, timing_.now + config_->commit_notice_delay);
  }
  commit_index_ = index;
}

// ---- Follower ---------------------------------------------------------------------------------

void raft::on(const envelope& e, const append_entries& m) {
  if (const auto refused = examine(e, m)) return send(e.from, e.call, *refused);

  const log_index matched = accept_entries(m);
  set_commit_index(std::max(commit_index_, std::min(m.leader_commit, matched)));

  append_entries_response response{
      .term = current_term(), .success = true, .round = m.round, .lease_promise = promise()};
  if (m.entries.empty() || matched <= stable_index_) {
    // A heartbeat waits for no flush: it reports what is on disk already.
    response.match_index = std::min(matched, stable_index_);
    return send(e.from, e.call, response);
  }
  response.match_index = matched;
  send(e.from, e.call, response, unsaved_sequence());
}

/// The rejection that a request earns, or none when its entries may be taken.
std::optional<append_entries_response> raft::examine(const envelope& e, const append_entries& m) {
  append_entries_response refusal{.term = current_term(), .round = 0};
  if (!heed_leader(e.from, m.term, is_well_formed(m))) return refusal;

  if (m.prev_log_index >= log_.base_index() && !log_.matches(m.prev_log_index, m.prev_log_term)) {
    return reject_append(m);
  }
  refusal.term = current_term();
  for (const auto& entry : m.entries) {
    if (entry.index > commit_index_) break;
    const bool known = entry.index >= log_.base_index();
    if (known && !log_.matches(entry.index, entry.term)) return refusal;  // never undo a commit
  }
  return std::nullopt;
}

append_entries_response raft::reject_append(const append_entries& m) const {
  append_entries_response r{.term = current_term(),
                            .rejected_index = m.prev_log_index,
                            .round = m.round,
                            .lease_promise = promise()};
  if (m.prev_log_index > log_.last_index()) {
    r.conflict_index = log_.last_index().next();
  } else {
    r.conflict_term = log_.term_at(m.prev_log_index);
    r.conflict_index = m.prev_log_index == log_.base_index()
                           ? m.prev_log_index
                           : log_.first_index_of_term_at(m.prev_log_index);
  }
  return r;
}

bool raft::is_well_formed(const append_entries& m) const {
  if (m.prev_log_index > largest_index) return false;
  if (m.prev_log_term > m.term) return false;
  if ((m.prev_log_index == log_index{}) != (m.prev_log_term == term{})) return false;
  log_index index = m.prev_log_index;
  term last_term = m.prev_log_term;
  for (const auto& e : m.entries) {
    index = index.next();
    if (e.index != index || e.term < last_term || e.term > m.term || !e.term) return false;
    last_term = e.term;
    if (e.kind > last_entry_kind) return false;
    if (e.kind == entry_kind::configuration && !decode_configuration(e.payload.span())) {
      return false;
    }
  }
  return true;
}

// Paper, figure 2, AppendEntries rules 3 and 4: a conflicting entry goes with all that follow it,
// but entries that match stay, for the request may be old. Gives the last index that matches.
log_index raft::accept_entries(const append_entries& m) {
  log_index matched = std::max(m.prev_log_index, log_.base_index());
  for (const auto& e : m.entries) {
    if (e.index <= log_.base_index()) continue;  // compacted, hence committed and the same
    matched = e.index;
    if (e.index <= log_.last_index()) {
      if (log_.matches(e.index, e.term)) continue;
      truncate_log(e.index);
    }
    log_.append(e);
    if (e.kind == entry_kind::configuration) {
      configuration_appended(e.index, *decode_configuration(e.payload.span()));
    }
  }
  return matched;
}

}  // namespace mainstay::core
