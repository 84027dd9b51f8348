/// The replica's frame: start, time, dispatch of messages, and what has to be durable before what
/// may be said. The rules of Raft themselves stand in the other files of this folder.
#include "mainstay/core/raft.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::core {

const char* name_of(core::role r) {
  switch (r) {
    case role::follower:
      return "follower";
    case role::pre_candidate:
      return "pre_candidate";
    case role::candidate:
      return "candidate";
    case role::leader:
      return "leader";
  }
  return "unnamed";
}

namespace {

/// No honest cluster gets there; a message that claims more would wedge the term arithmetic.
constexpr term largest_term{std::uint64_t{1} << 62};

}  // namespace

raft::raft(const valid_config& config, node_id id, std::uint64_t seed)
    : config_(config),
      id_(id),
      random_(seed),
      // Answers to calls of an earlier life may still be on their way: they must not fit ours.
      last_call_(random_.next()) {}

namespace {

/// Why these terms are of no log, or none.
const char* problem_of_terms(const initial_state& state) {
  if (state.last_index > largest_index || state.hard_state.current_term > largest_term) {
    return "its numbers are beyond all bounds";
  }
  if (state.last_index < state.base.first) return "it ends before its base";
  const log_index covered = state.snapshot ? state.snapshot->id.last_included_index : log_index{};
  if (state.base.first > covered) return "no snapshot covers what was removed from it";
  if (!state.base.first && state.base.term) return "an empty base has a term";
  if (state.term_runs.empty() != (state.last_index == state.base.first)) {
    return "its terms do not cover it";
  }
  term_run before = state.base;
  for (const auto& run : state.term_runs) {
    const bool rises = run.first > before.first && run.term >= before.term;
    if (!rises || !run.term || run.first > state.last_index) return "its terms are out of order";
    before = run;
  }
  if (!state.term_runs.empty() && state.term_runs.front().first != state.base.first.next()) {
    return "its terms do not start at its base";
  }
  if (before.term > state.hard_state.current_term) {
    return "an entry's term exceeds the stored current term";
  }
  return nullptr;
}

/// True when the log whose terms are sound has such an entry. Precondition: after the base.
bool fits_terms(const initial_state& state, const entry& e) {
  const auto after = std::ranges::upper_bound(state.term_runs, e.index, {}, &term_run::first);
  return after != state.term_runs.begin() && std::prev(after)->term == e.term;
}

/// Why this is the snapshot of no log, or none.
const char* problem_of_snapshot(const core::snapshot& s, term current_term) {
  const auto& [index, last_term, size, digest] = s.id;
  if (!index || index > largest_index || !last_term) return "its snapshot's place cannot be";
  if (last_term > current_term) return "its snapshot's term exceeds the stored current term";
  return check(s.configuration) ? nullptr : "its snapshot's configuration breaks a rule";
}

const char* problem_of_entries(const initial_state& state) {
  log_index expected = state.last_index.next();
  for (auto e = state.tail.rbegin(); e != state.tail.rend(); ++e) {
    expected = expected.previous();
    if (e->index != expected || e->index <= state.base.first) {
      return "its newest entries are not consecutive";
    }
    if (!fits_terms(state, *e)) return "an entry's term is not that of its place";
  }
  log_index before = state.base.first;
  for (const auto& e : state.configurations) {
    if (e.index <= before || e.index > state.last_index) {
      return "its configurations are out of order";
    }
    if (!fits_terms(state, e)) return "a configuration's term is not that of its place";
    before = e.index;
  }
  return nullptr;
}

}  // namespace

result<void> check(const initial_state& state) {
  const char* problem = problem_of_terms(state);
  if (problem == nullptr) problem = problem_of_entries(state);
  if (problem == nullptr && state.snapshot) {
    problem = problem_of_snapshot(*state.snapshot, state.hard_state.current_term);
  }
  if (problem == nullptr) return {};
  return fail(error_code::corrupt, std::string("the recovered log is impossible: ") + problem);
}

result<raft> raft::start(const valid_config& config, initial_state state, instant now) {
  if (!state.id) return fail(error_code::invalid_argument, "the node's id must not be 0");
  if (auto ok = check(state.bootstrap); !ok) return std::unexpected(ok.error());
  if (auto ok = check(state); !ok) return std::unexpected(ok.error());

  raft r(config, state.id, state.seed);
  for (const auto& m : state.bootstrap.learners) {
    if (m.id == state.id) r.joined_from_ = m.joined;
  }
  r.configurations_.push_back({state.base.first, std::move(state.bootstrap)});
  for (const auto& e : state.configurations) {
    auto c = decode_configuration(e.payload.span());
    if (!c) return fail(error_code::corrupt, c.error().message);
    r.configurations_.push_back({e.index, *std::move(c)});
  }
  r.hard_state_ = state.hard_state;
  r.log_ =
      core::log(state.base, state.last_index, std::move(state.term_runs), std::move(state.tail));
  r.stable_index_ = state.last_index;
  r.unsaved_from_ = state.last_index.next();
  if (state.snapshot) r.recover_snapshot(*state.snapshot);
  r.timing_.now = now;
  // What it promised before is forgotten, but not undone.
  if (config->lease_reads) r.timing_.no_vote_before = now + config->election_timeout_min;
  r.timing_.restart_election(*r.config_, r.random_);
  r.reported_ = {r.role_, r.current_term(), r.leader_};
  return r;
}

void raft::advance(instant now) {
  MAINSTAY_ASSERT(now >= timing_.now);
  timing_.now = now;
  if (role_ == role::leader) check_quorum_contact();
  if (now >= timing_.heartbeat) send_heartbeats();
  if (now >= timing_.transfer) give_up_transfer(transfer_outcome::timed_out);
  if (now >= timing_.commit_notice) send_commit_notices();
  if (now >= timing_.snapshot_chunk) timing_.snapshot_chunk = no_deadline;  // the ready goes on
  if (now >= timing_.election) campaign();
}

void raft::step(envelope e) {
  const bool misdirected = e.to != id_ || e.from == id_ || !e.from;
  if (misdirected || term_of(e.message) > largest_term) return refuse_misdirected(e);
  std::visit([&](const auto& m) { on(e, m); }, e.message);
}

void raft::refuse_misdirected(const envelope& e) {
  // A transport that mixes up peers must not leave its caller without an answer.
  if (!is_request(e.message) || !e.from || e.from == id_) return;
  const term t = current_term();
  switch (e.message.index()) {
    case 0:
      return send(e.from, e.call, request_vote_response{t, false, false});
    case 2:
      return send(e.from, e.call, append_entries_response{.term = t});
    case 4:
      return send(e.from, e.call, install_snapshot_response{.term = t});
    case 6:
      return send(e.from, e.call, timeout_now_response{.term = t});
    default:
      return send(e.from, e.call, read_index_response{.term = t});
  }
}

// ---- Durability -------------------------------------------------------------------------------

std::uint64_t raft::unsaved_sequence() const {
  const bool unsaved = hard_state_dirty_ || truncate_disk_from_ || reset_disk_to_ ||
                       unsaved_from_ <= log_.last_index();
  return unsaved ? last_sequence_ + 1 : last_sequence_;
}

void raft::hard_state_changed() {
  hard_state_dirty_ = true;
  hard_state_sequence_ = unsaved_sequence();
}

void raft::send(node_id to, std::uint64_t call, message m, std::uint64_t after_sequence) {
  // Whatever names a term promises to remember it (paper, figure 2: updated on stable storage
  // before responding).
  const std::uint64_t needed = std::max(hard_state_sequence_, after_sequence);
  envelope e{id_, to, call, std::move(m)};
  if (needed <= durable_sequence_) {
    out_.messages.push_back(std::move(e));
  } else {
    withheld_.push_back({needed, std::move(e)});
  }
}

void raft::release_withheld() {
  for (auto& w : std::exchange(withheld_, {})) {
    if (w.sequence > durable_sequence_) {
      withheld_.push_back(std::move(w));
      continue;
    }
    const auto* append = std::get_if<append_entries_response>(&w.message.message);
    if (append != nullptr && append->success && append->term != current_term()) {
      // The entries may have been replaced under a newer leader while the flush ran. The leader
      // of the old term must not count them: it learns of the new term instead.
      send(w.message.to, w.message.call,
           append_entries_response{.term = current_term(), .round = append->round});
      continue;
    }
    out_.messages.push_back(std::move(w.message));
  }
}

void raft::persisted(std::uint64_t sequence) {
  if (pending_.sequence == 0 || sequence != pending_.sequence) return;  // late, or twice
  durable_sequence_ = sequence;
  stable_index_ = std::max(stable_index_, pending_.last_index);
  pending_ = {};
  release_withheld();
  if (role_ == role::candidate && hard_state_sequence_ <= durable_sequence_) {
    votes_[id_] = true;  // the own vote counts once it is on disk
    count_votes();
  }
  if (role_ == role::leader) advance_commit_index();
}

void raft::not_persisted(std::uint64_t sequence) {
  if (pending_.sequence == 0 || sequence != pending_.sequence) return;
  hard_state_dirty_ = hard_state_dirty_ || pending_.has_hard_state;
  unsaved_from_ = std::min(unsaved_from_, pending_.first_index);
  const log_index truncate = pending_.truncate_from;
  if (truncate) {
    truncate_disk_from_ = truncate_disk_from_ ? std::min(truncate_disk_from_, truncate) : truncate;
  }
  if (pending_.reset_to && !reset_disk_to_) {
    // The whole log comes again behind the reset, and nothing of the old one has to be cut off.
    reset_disk_to_ = pending_.reset_to;
    truncate_disk_from_ = log_index{};
    unsaved_from_ = reset_disk_to_->first.next();
  }
  pending_ = {};
}

void raft::truncate_log(log_index from) {
  MAINSTAY_ASSERT(role_ != role::leader);  // Leader Append-Only (paper, figure 3)
  MAINSTAY_ASSERT(from > commit_index_);
  log_.truncate_from(from);
  roll_back_configurations(from);
  stable_index_ = std::min(stable_index_, from.previous());
  pending_.first_index = std::min(pending_.first_index, from);
  pending_.last_index = std::min(pending_.last_index, from.previous());
  if (from < unsaved_from_) {
    truncate_disk_from_ = truncate_disk_from_ ? std::min(truncate_disk_from_, from) : from;
    unsaved_from_ = from;
  }
}

// ---- Output -----------------------------------------------------------------------------------

ready raft::take_ready() {
  if (role_ == role::leader) {
    start_read_round();
    broadcast_append();
    continue_transfer();
  } else {
    ask_leader_for_reads();
  }
  collect_persist(out_);
  collect_committed(out_);
  collect_install(out_);
  log_.trim_window(config_->log_window_bytes, std::min(stable_index_, commit_index_));

  const leadership now{role_, current_term(), leader_};
  if (now != reported_) out_.changed = reported_ = now;
  assert_invariants();
  return std::exchange(out_, {});
}

void raft::collect_persist(ready& out) {
  if (pending_.sequence != 0) return;  // what gathers meanwhile shares the next flush
  const bool has_entries = unsaved_from_ <= log_.last_index();
  if (!hard_state_dirty_ && !truncate_disk_from_ && !reset_disk_to_ && !has_entries) return;

  pending_ = {++last_sequence_,
              unsaved_from_,
              log_.last_index(),
              std::exchange(truncate_disk_from_, log_index{}),
              std::exchange(hard_state_dirty_, false),
              std::exchange(reset_disk_to_, std::nullopt)};
  out.persist.sequence = pending_.sequence;
  out.persist.has_hard_state = pending_.has_hard_state;
  out.persist.state = hard_state_;
  out.persist.truncate_from = pending_.truncate_from;
  out.persist.reset_to = pending_.reset_to;
  if (has_entries) {
    constexpr auto everything = ~std::uint64_t{0};
    out.persist.entries = log_.copy(unsaved_from_, log_.last_index(), everything);
  }
  unsaved_from_ = log_.last_index().next();
}

void raft::collect_committed(ready& out) {
  // Only what is on the own disk is applied, so that no state machine is ever ahead of its log.
  const log_index last = std::min(commit_index_, stable_index_);
  if (apply_read_ != 0 || applying_index_ >= last) return;
  if (applying_bytes_ >= config_->max_applying_bytes) return;

  const log_index first = applying_index_.next();
  const std::uint64_t budget = config_->max_applying_bytes - applying_bytes_;
  if (!apply_from_storage_.empty()) {
    out.committed = std::exchange(apply_from_storage_, {});
  } else if (first >= log_.window_first()) {
    out.committed = log_.copy(first, last, budget);
  } else {
    apply_read_ = ++last_log_read_;
    const log_index stored_last = std::min(last, log_.window_first().previous());
    out.log_reads.push_back({apply_read_, first, stored_last, budget});
    return;
  }
  std::uint64_t bytes = 0;
  for (const auto& e : out.committed) bytes += size_of(e);
  applying_index_ = out.committed.back().index;
  applying_bytes_ += bytes;
  applying_.emplace_back(applying_index_, bytes);
}

void raft::applied(log_index index) {
  MAINSTAY_ASSERT(index <= applying_index_);
  last_applied_ = std::max(last_applied_, index);
  if (restoring_ && last_applied_ >= snapshot_->id.last_included_index) restoring_ = false;
  while (!applying_.empty() && applying_.front().first <= last_applied_) {
    applying_bytes_ -= applying_.front().second;
    applying_.pop_front();
  }
}

void raft::log_read(std::uint64_t id, std::vector<entry> entries) {
  if (id == apply_read_ && id != 0) {
    apply_read_ = 0;
    const bool fits = !entries.empty() && entries.front().index == applying_index_.next() &&
                      entries.back().index <= std::min(commit_index_, stable_index_);
    if (fits) apply_from_storage_ = std::move(entries);
    return;
  }
  for (auto& [peer, p] : progress_) {
    if (p.log_read != id || id == 0) continue;
    // The log may have been compacted past the entries meanwhile.
    p.log_read = 0;
    const bool fits = !entries.empty() && entries.front().index == p.next_index &&
                      p.next_index > log_.base_index() &&
                      log_.matches(entries.back().index, entries.back().term) && may_send(p);
    if (fits) send_entries(peer, p, std::move(entries));
    return;
  }
}

std::vector<peer_status> raft::peers() const {
  std::vector<peer_status> all;
  for (const auto& [id, p] : progress_) {
    peer_status one{id, p.match_index, p.next_index, p.state, timing_.now - p.last_response};
    if (p.transfer) {
      one.snapshot_sent = p.transfer->next_offset;
      one.snapshot_size = p.transfer->image.size;
    }
    one.is_leaving = p.leaving_since.has_value();
    one.slow_rounds = p.catching_up.slow_rounds;
    all.push_back(one);
  }
  return all;
}

void raft::assert_invariants() const {
  MAINSTAY_ASSERT(last_applied_ <= applying_index_);
  MAINSTAY_ASSERT(applying_index_ <= commit_index_);
  MAINSTAY_ASSERT(applying_index_ <= stable_index_);
  MAINSTAY_ASSERT(commit_index_ <= log_.last_index());
  MAINSTAY_ASSERT(stable_index_ <= log_.last_index());
  MAINSTAY_ASSERT(stable_index_ < unsaved_from_);
  MAINSTAY_ASSERT(log_.base_index() <= commit_index_);
  MAINSTAY_ASSERT(!log_.base_index() || snapshot_);
  MAINSTAY_ASSERT(!snapshot_ || log_.base_index() <= snapshot_->id.last_included_index);
  MAINSTAY_ASSERT(!is_installing() || role_ != role::leader);
  MAINSTAY_ASSERT(log_.last_term() <= current_term());
  MAINSTAY_ASSERT((role_ == role::leader) == (leader_ == id_));
  MAINSTAY_ASSERT(role_ == role::leader || progress_.empty());
  MAINSTAY_ASSERT(role_ == role::leader || handing_over_.phase == transfer_phase::none);
  MAINSTAY_ASSERT(configuration_index() <= log_.last_index());
}

}  // namespace mainstay::core
