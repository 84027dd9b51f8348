/// Leader election: terms, votes, pre-vote, check-quorum and stickiness (paper §5.2, §5.4.1;
/// thesis §4.2.3, §6.2, §9.6).
#include <algorithm>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/quorum.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

// Paper §5.1: whoever learns of a newer term becomes a follower in it.
void raft::become_follower(term t, node_id leader) {
  MAINSTAY_ASSERT(t >= current_term());
  if (t > current_term()) {
    hard_state_ = {t, node_id{}};
    hard_state_changed();
  }
  if (role_ == role::leader) leave_leadership();
  if (leader_ != leader) fail_reads(error_code::not_leader, "the leader changed");
  role_ = role::follower;
  leader_ = leader;
  votes_.clear();
  if (timing_.election == no_deadline) timing_.restart_election(*config_, random_);
}

/// A leader speaks of its term. False when it is not to be heeded, and nothing has changed then.
bool raft::heed_leader(node_id from, term t, bool is_well_formed) {
  if (t < current_term()) return false;  // paper, figure 2, AppendEntries rule 1; figure 13, rule 1
  const bool second_leader =
      t == current_term() && (role_ == role::leader || (leader_ && leader_ != from));
  if (second_leader || !is_well_formed) return false;

  const bool new_leader = t > current_term() || role_ != role::follower || !leader_;
  if (new_leader) become_follower(t, from);
  timing_.leader_heard = timing_.now;
  if (config_->lease_reads) timing_.no_vote_before = timing_.now + config_->election_timeout_min;
  timing_.restart_election(*config_, random_);
  return true;
}

void raft::leave_leadership() {
  fail_reads(error_code::not_leader, "this node no longer leads");
  progress_.clear();
  uncommitted_bytes_ = 0;
  timing_.heartbeat = no_deadline;
  timing_.commit_notice = no_deadline;
  transfer_ends_with_leadership();
  timing_.snapshot_chunk = no_deadline;
  lease_rounds_.clear();
}

void raft::step_down() {
  if (role_ == role::follower) return;
  become_follower(current_term(), node_id{});
  timing_.restart_election(*config_, random_);
}

void raft::retire() {
  retired_ = true;
  step_down();
}

// Paper §5.2: no word from a leader for the election timeout.
void raft::campaign() {
  timing_.restart_election(*config_, random_);
  // Who may not lead only notes that the leader is gone.
  if (!may_stand()) return become_follower(current_term(), node_id{});
  if (config_->pre_vote) {
    become_pre_candidate();
  } else {
    become_candidate();
  }
}

// Thesis §9.6: neither the term nor the vote changes, so a node that cannot win disturbs no one.
void raft::become_pre_candidate() {
  become_follower(current_term(), node_id{});
  role_ = role::pre_candidate;
  votes_[id_] = true;
  request_votes(true);
  count_votes();
}

void raft::become_candidate(bool told_to) {
  become_follower(current_term().next(), node_id{});
  role_ = role::candidate;
  hard_state_.voted_for = id_;
  hard_state_changed();
  request_votes(false, told_to);
  // The own vote is added by `persisted`.
}

void raft::request_votes(bool pre_vote, bool told_to) {
  const term asked = pre_vote ? current_term().next() : current_term();
  // What a hanging disk still holds back of the election before is worth nothing any more.
  std::erase_if(withheld_, [](const withheld_message& w) {
    return std::holds_alternative<request_vote>(w.message.message);
  });
  for (const auto& m : configuration().members()) {
    if (m.id == id_ || !configuration().is_voter(m.id)) continue;
    send_request(m.id, request_vote{.term = asked,
                                    .last_log_index = log_.last_index(),
                                    .last_log_term = log_.last_term(),
                                    .pre_vote = pre_vote,
                                    .leadership_transfer = told_to});
  }
}

void raft::on(const envelope& e, const request_vote& m) {
  const auto deny = [&] {
    send(e.from, e.call, request_vote_response{current_term(), false, m.pre_vote});
  };
  // Thesis §4.2.3: with a living leader no election is needed, and a removed or cut-off server
  // must not force one. Its term is not even looked at.
  const bool sticky = (config_->check_quorum || m.pre_vote) && !m.leadership_transfer;
  // Thesis §6.4.1: nor may a promise be broken that a lease rests on, though the leader's term may
  // be over for us meanwhile.
  const bool promised = config_->lease_reads && timing_.now < timing_.no_vote_before;
  if (sticky && (hears_leader() || promised)) return deny();

  if (m.pre_vote) {
    const bool grant = m.term > current_term() && is_up_to_date(m.last_log_index, m.last_log_term);
    if (!grant) return deny();
    // The asked term, not our own: a candidate that is ahead of us would drop the answer as old.
    return send(e.from, e.call, request_vote_response{m.term, true, true});
  }

  if (m.term > current_term()) become_follower(m.term, node_id{});
  const bool free_to_vote = !hard_state_.voted_for || hard_state_.voted_for == e.from;
  const bool grant = m.term == current_term() && free_to_vote && !leader_ &&
                     is_up_to_date(m.last_log_index, m.last_log_term);
  if (!grant) return deny();

  if (role_ == role::pre_candidate) become_follower(m.term, node_id{});  // its attempt is over
  if (hard_state_.voted_for != e.from) {
    hard_state_.voted_for = e.from;
    hard_state_changed();
  }
  timing_.restart_election(*config_, random_);  // only a real vote does this, never a pre-vote
  send(e.from, e.call, request_vote_response{current_term(), true, false});
}

void raft::on(const envelope& e, const request_vote_response& m) {
  const bool granted_pre_vote = m.pre_vote && m.vote_granted;
  if (m.term > current_term() && !granted_pre_vote) return become_follower(m.term, node_id{});

  const bool counts = m.pre_vote ? role_ == role::pre_candidate && m.term == current_term().next()
                                 : role_ == role::candidate && m.term == current_term();
  // What we asked left only when our term was on disk, so nobody has answered before that.
  const bool asked = hard_state_sequence_ <= durable_sequence_ && configuration().is_voter(e.from);
  if (!counts || !asked || !m.vote_granted) return;
  votes_[e.from] = true;  // voters, not answers: a vote that comes twice is one vote
  count_votes();
}

void raft::count_votes() {
  const bool won = is_quorum(configuration(), [this](node_id id) { return votes_.contains(id); });
  if (!won) return;
  if (role_ == role::pre_candidate) {
    become_candidate();
  } else {
    become_leader();
  }
}

void raft::become_leader() {
  MAINSTAY_ASSERT(role_ == role::candidate);
  MAINSTAY_ASSERT(hard_state_sequence_ <= durable_sequence_);
  role_ = role::leader;
  leader_ = id_;
  votes_.clear();
  timing_.election = no_deadline;
  timing_.heartbeat = timing_.now + config_->heartbeat_interval;
  calls_before_leading_ = last_call_;
  track_members(log_.last_index().next(), std::nullopt);
  begin_lease_round();

  // Thesis §6.4: an entry of the own term, so that what earlier leaders left can commit, and the
  // commit index becomes known.
  term_start_ = log_.last_index().next();
  log_.append({term_start_, current_term(), entry_kind::no_op, log_.last_time(), {}});
  uncommitted_bytes_ = size_of(log_.at(term_start_));
}

bool raft::hears_leader() const {
  if (role_ == role::leader) return true;
  return leader_ && timing_.now - config_->election_timeout_min < timing_.leader_heard;
}

// Paper §5.4.1: the later last term wins; with equal terms, the longer log.
bool raft::is_up_to_date(log_index last_log_index, term last_log_term) const {
  if (last_log_term != log_.last_term()) return last_log_term > log_.last_term();
  return last_log_index >= log_.last_index();
}

// Thesis §6.2: a leader that hears from no majority for an election timeout steps down, so that
// its clients look elsewhere.
void raft::check_quorum_contact() {
  if (!config_->check_quorum) return;
  const instant oldest = timing_.now - config_->election_timeout_max;
  const bool in_contact = is_quorum(configuration(), [&](node_id id) {
    if (id == id_) return true;
    const auto p = progress_.find(id);
    return p != progress_.end() && p->second.last_response >= oldest;
  });
  if (!in_contact) step_down();
}

}  // namespace mainstay::core
