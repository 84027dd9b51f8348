/// Leadership transfer (thesis §3.10): the target gets what it lacks, then commands wait until it
/// has all, then it stands for election at once. Whatever fails in between, the leader takes it
/// back within an election timeout and goes on.
#include "mainstay/core/transfer.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

const char* name_of(transfer_outcome outcome) {
  switch (outcome) {
    case transfer_outcome::won:
      return "won";
    case transfer_outcome::leadership_lost:
      return "leadership_lost";
    case transfer_outcome::declined:
      return "declined";
    case transfer_outcome::unreachable:
      return "unreachable";
    case transfer_outcome::timed_out:
      return "timed_out";
    case transfer_outcome::target_removed:
      return "target_removed";
  }
  return "unnamed";
}

// ---- Leader -----------------------------------------------------------------------------------

result<node_id> raft::transfer(node_id to) {
  if (role_ != role::leader) {
    return fail(error_code::not_leader, "only the leader can hand over", leader_);
  }
  if (handing_over_.phase != transfer_phase::none || out_.transfer) {
    return fail(error_code::overloaded, "a transfer of leadership is under way");
  }
  const node_id target = to ? to : best_heir();
  if (!target) return fail(error_code::unreachable, "no other voter is in contact");
  if (target == id_) return fail(error_code::invalid_argument, "this node leads already");
  if (!configuration().is_voter(target)) {
    return fail(error_code::invalid_argument,
                "node " + std::to_string(target.value()) + " is no voter");
  }
  handing_over_ = {.phase = transfer_phase::catch_up, .target = target, .goal = log_.last_index()};
  timing_.transfer = timing_.now + config_->election_timeout_max;
  return target;
}

node_id raft::best_heir(std::span<const node_id> passed_over) const {
  const instant oldest = timing_.now - config_->election_timeout_max;
  node_id best;
  std::tuple<bool, std::uint8_t, log_index> most;
  for (const auto& m : configuration().voters) {
    const auto p = progress_.find(m.id);
    if (p == progress_.end() || p->second.last_response < oldest) continue;
    if (std::ranges::find(passed_over, m.id) != passed_over.end()) continue;
    const log_index matched = p->second.match_index;
    const std::tuple value{matched >= commit_index_, m.priority, matched};
    if (best && value <= most) continue;
    best = m.id;
    most = value;
  }
  return best;
}

node_id raft::preferred_leader() const {
  if (role_ != role::leader || is_changing() || !has_committed_in_term()) return {};
  const auto& voters = configuration().voters;
  const auto own = std::ranges::find(voters, id_, &member::id);
  const auto heir = std::ranges::find(voters, best_heir(), &member::id);
  if (own == voters.end() || heir == voters.end() || heir->priority <= own->priority) return {};
  return progress_.at(heir->id).match_index >= commit_index_ ? heir->id : node_id();
}

/// Goes from phase to phase as far as the target has come.
void raft::continue_transfer() {
  if (handing_over_.phase == transfer_phase::none) return;
  const auto p = progress_.find(handing_over_.target);
  // Hazards 17, 19: a member that may not vote must not stand.
  if (p == progress_.end() || !configuration().is_voter(handing_over_.target)) {
    return give_up_transfer(transfer_outcome::target_removed);
  }
  const log_index matched = p->second.match_index;
  if (handing_over_.phase == transfer_phase::catch_up && matched >= handing_over_.goal) {
    handing_over_.phase = transfer_phase::fence;
    timing_.transfer = timing_.now + config_->election_timeout_max;
  }
  // Commands that nobody knows to be committed yet would be left without an answer.
  const bool all_is_done = commit_index_ == log_.last_index();
  if (handing_over_.phase == transfer_phase::fence && matched == log_.last_index() && all_is_done) {
    handing_over_.phase = transfer_phase::hand_over;
    has_handed_over_ = true;
    send_request(handing_over_.target, timeout_now{current_term()});
    handing_over_.call = last_call_;
  }
}

void raft::end_transfer(transfer_outcome outcome) {
  MAINSTAY_ASSERT(handing_over_.phase != transfer_phase::none);
  const node_id target = std::exchange(handing_over_, {}).target;
  timing_.transfer = no_deadline;
  out_.transfer = transfer_result{target, outcome};
}

/// The leader goes on, unless it was to go anyway.
void raft::give_up_transfer(transfer_outcome outcome) {
  end_transfer(outcome);
  if (is_left_out()) step_down();
}

void raft::transfer_ends_with_leadership() {
  has_handed_over_ = false;
  if (handing_over_.phase == transfer_phase::none) return;
  // A leader's log ends in the term that it leads.
  const bool is_later = current_term() > log_.last_term();
  const bool was_told = handing_over_.phase == transfer_phase::hand_over;
  end_transfer(is_later && was_told ? transfer_outcome::won : transfer_outcome::leadership_lost);
}

void raft::on(const envelope& e, const timeout_now_response& m) {
  if (m.term > current_term()) return become_follower(m.term, node_id{});
  const bool answers = handing_over_.phase == transfer_phase::hand_over &&
                       e.from == handing_over_.target && e.call == handing_over_.call;
  if (answers && !m.accepted) give_up_transfer(transfer_outcome::declined);
}

// ---- Target -----------------------------------------------------------------------------------

void raft::on(const envelope& e, const timeout_now& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
  const bool accepted = m.term == current_term() && leader_ == e.from && may_stand_when_told();
  if (accepted) {
    timing_.restart_election(*config_, random_);
    become_candidate(/*told_to=*/true);
  }
  send(e.from, e.call, timeout_now_response{current_term(), accepted});
}

// Hazards 17, 19, 52: who is told to stand must know itself as a voter, by an entry that is on its
// disk. No pre-vote: the leader itself has asked.
bool raft::may_stand_when_told() const {
  return role_ == role::follower && !retired_ && !is_installing() &&
         own_vote(configuration()) != nullptr && configuration_index() <= stable_index_;
}

}  // namespace mainstay::core
