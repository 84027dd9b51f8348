/// Linearizable reads without writing the log (thesis §6.4): a read is as fresh as the commit index
/// of a leader that a quorum still followed after the read arrived. Rounds are numbered, and every
/// AppendEntries carries the newest number, so writes confirm reads too.
#include <algorithm>
#include <utility>

#include "mainstay/core/quorum.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

void raft::read(std::uint64_t context, read_basis basis) {
  if (basis == read_basis::lease && has_lease()) {
    out_.granted_reads.push_back({context, commit_index_, true});
    return;
  }
  const read_waiter waiter{context, node_id{}};
  if (!leader_) return fail_read(waiter, error_code::not_leader, "no leader is known");
  if (is_installing()) {
    return fail_read(waiter, error_code::not_leader, "this node is taking a snapshot in");
  }
  if (waiting_reads_.size() >= config_->max_waiting_reads) {
    return fail_read(waiter, error_code::overloaded, "max_waiting_reads reads are waiting");
  }
  waiting_reads_.push_back(waiter);
}

void raft::on(const envelope& e, const read_index& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
  const read_waiter waiter{e.call, e.from};
  if (role_ != role::leader) return fail_read(waiter, error_code::not_leader, "");
  if (waiting_reads_.size() >= config_->max_waiting_reads) {
    return fail_read(waiter, error_code::overloaded, "");
  }
  waiting_reads_.push_back(waiter);
}

void raft::on(const envelope& e, const read_index_response& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
  const auto asked = asked_reads_.find(e.call);
  if (asked == asked_reads_.end() || e.from != leader_) return;
  for (const auto context : asked->second) {
    const read_waiter waiter{context, node_id{}};
    if (m.success) {
      grant(waiter, m.index);
    } else {
      fail_read(waiter, error_code::not_leader, "the node that was asked does not lead");
    }
  }
  asked_reads_.erase(asked);
}

// Thesis §6.4, step 1: until an entry of its own term is committed, a leader does not know how far
// its predecessors committed.
bool raft::has_committed_in_term() const { return commit_index_ >= term_start_; }

// Steps 2 and 3: note the commit index, then hear from a quorum. Reads that arrive while rounds are
// under way share the next one.
void raft::start_read_round() {
  if (waiting_reads_.empty() || !has_committed_in_term()) return;
  if (rounds_.size() >= config_->max_read_rounds) return;
  ++round_;
  rounds_.push_back({round_, commit_index_, std::exchange(waiting_reads_, {})});
  confirm_reads();  // a single voter is its own quorum
}

void raft::confirm_reads() {
  if (rounds_.empty()) return;
  const std::uint64_t confirmed = quorum_value(configuration(), [this](node_id id) {
    if (id == id_) return round_;
    const auto p = progress_.find(id);
    return p == progress_.end() ? std::uint64_t{0} : p->second.acked_round;
  });
  while (!rounds_.empty() && rounds_.front().round <= confirmed) {
    const read_round round = std::move(rounds_.front());
    rounds_.pop_front();
    for (const auto& waiter : round.waiters) grant(waiter, round.index);
  }
}

// ---- Leases (thesis §6.4.1) -------------------------------------------------------------------

namespace {

/// Rounds that are remembered: one a heartbeat, so an answer may be this many heartbeats late.
constexpr std::size_t most_lease_rounds = 256;

}  // namespace

/// Begins a round for what is sent from now on: whoever answers it got it later than now.
void raft::begin_lease_round() {
  if (!config_->lease_reads) return;
  lease_rounds_.push_back({++round_, timing_.now});
  if (lease_rounds_.size() > most_lease_rounds) lease_rounds_.pop_front();
}

/// What an answer to the leader promises, in microseconds: `on` of request_vote keeps it.
std::uint64_t raft::promise() const {
  if (!config_->lease_reads) return 0;
  using std::chrono::microseconds;
  const auto span = std::chrono::floor<microseconds>(config_->election_timeout_min);
  return static_cast<std::uint64_t>(span.count());
}

/// The peer's promise runs from the request's arrival, by its clock; here it counts from the
/// beginning of the round that the request carried, and less by what the clocks may differ.
void raft::note_promise(progress& p, const append_entries_response& m) const {
  const std::uint64_t round = std::min(m.round, p.sent_round);
  const auto later = std::ranges::upper_bound(lease_rounds_, round, {}, &lease_round::round);
  if (later == lease_rounds_.begin() || m.lease_promise == 0) return;
  constexpr std::int64_t million = 1'000'000;
  const auto longest = std::chrono::floor<std::chrono::microseconds>(config_->election_timeout_max);
  const auto promised = static_cast<std::int64_t>(
      std::min(m.lease_promise, static_cast<std::uint64_t>(longest.count())));
  const auto kept = million - static_cast<std::int64_t>(config_->max_clock_drift);
  const duration span{promised * 1000 / million * kept +
                      promised * 1000 % million * kept / million};
  p.promised_until = std::max(p.promised_until, std::prev(later)->began + span);
}

// Whoever wants to lead needs a vote of every quorum, hence of somebody who has promised none yet.
// Hazard 16: the promises do not bind whom this leader itself has told to stand.
bool raft::has_lease() const {
  if (!config_->lease_reads || role_ != role::leader) return false;
  if (has_handed_over_ || !has_committed_in_term()) return false;
  const instant until = quorum_value(configuration(), [this](node_id id) {
    if (id == id_) return instant::max();
    const auto p = progress_.find(id);
    return p == progress_.end() ? instant::min() : p->second.promised_until;
  });
  return timing_.now < until;
}

// ---- Answers ----------------------------------------------------------------------------------

void raft::grant(const read_waiter& waiter, log_index index) {
  if (!waiter.from) {
    out_.granted_reads.push_back({waiter.context, index});
    return;
  }
  // The follower can answer only once it knows that much committed: tell it first.
  if (const auto p = progress_.find(waiter.from); p != progress_.end()) {
    if (p->second.sent_commit < std::min(index, p->second.match_index)) {
      send_confirmation(p->first, p->second);
    }
  }
  send(waiter.from, waiter.context, read_index_response{current_term(), true, index});
}

void raft::ask_leader_for_reads() {
  if (waiting_reads_.empty() || !leader_) return;
  if (asked_reads_.size() >= config_->max_read_rounds) return;
  std::vector<std::uint64_t> contexts;
  contexts.reserve(waiting_reads_.size());
  for (const auto& waiter : std::exchange(waiting_reads_, {})) contexts.push_back(waiter.context);
  send_request(leader_, read_index{current_term()});
  asked_reads_.emplace(last_call_, std::move(contexts));
}

void raft::fail_reads(error_code code, const char* why) {
  for (const auto& waiter : std::exchange(waiting_reads_, {})) fail_read(waiter, code, why);
  for (const auto& round : std::exchange(rounds_, {})) {
    for (const auto& waiter : round.waiters) fail_read(waiter, code, why);
  }
  for (const auto& [call, contexts] : std::exchange(asked_reads_, {})) {
    for (const auto context : contexts) fail_read({context, node_id{}}, code, why);
  }
}

void raft::fail_read(const read_waiter& waiter, error_code code, const char* why) {
  if (!waiter.from) {
    const node_id hint = leader_ == id_ ? node_id{} : leader_;
    out_.failed_reads.push_back({waiter.context, error{code, why, hint}});
  } else {
    send(waiter.from, waiter.context, read_index_response{.term = current_term()});
  }
}

}  // namespace mainstay::core
