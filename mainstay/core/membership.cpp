/// Who belongs to the cluster, and how that changes (paper §6, thesis §4). A configuration is in
/// force from append on and is taken back when its entry is truncated. Changes go through a joint
/// configuration; one is made at a time, and whoever leads finishes it.
#include <algorithm>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

namespace {

/// Rounds after which a learner that falls further and further behind is given up (thesis §4.2.1).
constexpr std::uint32_t max_catch_up_rounds = 10;
/// How long a member that has left is still told so, in longest election timeouts.
constexpr int farewell_timeouts = 10;

const member* find(const std::vector<member>& list, node_id id) {
  const auto found = std::ranges::find(list, id, &member::id);
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

// ---- The log's configurations -----------------------------------------------------------------

void raft::configuration_appended(log_index index, core::configuration c) {
  MAINSTAY_ASSERT(index > configurations_.back().index);
  configurations_.push_back({index, std::move(c)});
}

void raft::roll_back_configurations(log_index from) {
  while (configurations_.back().index >= from) configurations_.pop_back();
  MAINSTAY_ASSERT(!configurations_.empty());
}

// Hazard 68: who comes again under its id, with an empty disk, is told the log from its beginning,
// and with it configurations in which an earlier one voted. That vote was another's.
const member* raft::own_vote(const core::configuration& c) const {
  const member* self = find(c.voters, id_);
  if (self == nullptr) self = find(c.outgoing_voters, id_);
  return self != nullptr && self->joined >= joined_from_ ? self : nullptr;
}

// Thesis §4.2.2: whoever is not in its newest configuration still stands while that may not have
// committed, for the others may lack it and need this one's log and vote.
bool raft::may_stand() const {
  if (retired_ || is_installing()) return false;
  if (const member* self = own_vote(configuration())) return self->priority != 0;
  if (configuration_index() <= commit_index_ || configurations_.size() < 2) return false;
  return own_vote(std::prev(configurations_.end(), 2)->value) != nullptr;
}

// ---- Changes, at the leader -------------------------------------------------------------------

result<log_index> raft::change_configuration(const configuration_change& change) {
  if (role_ != role::leader) {
    return fail(error_code::not_leader,
                leader_ ? "node " + std::to_string(leader_.value()) + " leads"
                        : std::string("no leader is known"),
                leader_);
  }
  const core::configuration& now = configuration();
  if (change.change_id != 0 && change.change_id == now.change_id) return configuration_index();
  // Before that, a change of an earlier leader may be unknown to a quorum that commits this one
  // (hazard 53).
  if (!has_committed_in_term()) {
    return fail(error_code::overloaded,
                "this leader has not committed an entry of its term yet; try again");
  }
  if (is_changing()) return fail(error_code::overloaded, change_under_way());
  if (is_fenced()) return fail(error_code::overloaded, "leadership is being handed over");
  if (change.based_on && change.based_on != configuration_index()) {
    return fail(error_code::invalid_argument, "the members have changed since index " +
                                                  std::to_string(change.based_on.value()) +
                                                  ": those in force are of index " +
                                                  std::to_string(configuration_index().value()));
  }
  core::configuration next = first_step(now, change, log_.last_index().next());
  if (auto ok = check(next); !ok) return std::unexpected(ok.error());
  if (!next.is_joint() && next.voters == now.voters && next.learners == now.learners) {
    return configuration_index();
  }
  append_configuration(std::move(next));
  return configuration_index();
}

bool raft::is_changing() const {
  return configuration().is_joint() || configuration_index() > commit_index_;
}

std::string raft::change_under_way() const {
  const core::configuration& c = configuration();
  std::string text = "a change of members is under way";
  if (c.change_id != 0) text += " (id " + std::to_string(c.change_id) + ")";
  text += c.is_joint() ? ": the joint configuration of index " : ": the configuration of index ";
  text += std::to_string(configuration_index().value());
  return text + (configuration_index() > commit_index_ ? " is not committed yet"
                                                       : " waits for the final one");
}

/// Precondition: leader.
void raft::append_configuration(core::configuration c) {
  const log_index index = log_.last_index().next();
  log_.append({index, current_term(), entry_kind::configuration, log_.last_time(), encode(c)});
  uncommitted_bytes_ += size_of(log_.at(index));
  configuration_appended(index, std::move(c));
  track_members(index, last_call_);
  // With other quorums, more may be committed or confirmed than before (hazard 41).
  advance_commit_index();
  confirm_reads();
}

/// The leader's commit index has moved. May end the leadership.
void raft::go_on_with_change() {
  if (configuration_index() > commit_index_) return;
  if (configuration().is_joint()) {
    core::configuration final = configuration();
    final.outgoing_voters.clear();
    return append_configuration(std::move(final));
  }
  if (is_left_out()) make_way();
}

/// True for a leader that the newest configuration leaves out, and for good.
bool raft::is_left_out() const {
  return role_ == role::leader && configuration_index() <= commit_index_ &&
         !configuration().is_joint() && !configuration().is_voter(id_);
}

// Paper §6: a leader that the new configuration leaves out steps down once that is committed. It
// hands over first (thesis §4.2.2), so that nobody waits for an election timeout.
void raft::make_way() {
  for (auto& [peer, p] : progress_) {
    if (p.sent_commit < std::min(commit_index_, p.match_index)) send_confirmation(peer, p);
  }
  if (is_fenced()) return;  // the end of that is the leadership's end
  const bool is_under_way = handing_over_.phase == transfer_phase::catch_up;
  const node_id heir = is_under_way ? handing_over_.target : best_heir();
  if (!heir || out_.transfer) return step_down();
  handing_over_ = {.phase = transfer_phase::fence, .target = heir};
  timing_.transfer = timing_.now + config_->election_timeout_max;
}

/// Makes the leader's progress table match the members. Newcomers are sent `next` first, and what
/// they are taken to answer are calls after `joined_after`.
void raft::track_members(log_index next, std::optional<std::uint64_t> joined_after) {
  const auto track = [&](node_id peer) -> progress& {
    progress p;
    p.next_index = next;
    p.last_response = timing_.now;  // a newcomer counts as heard, or it would depose a sound leader
    p.catching_up = {log_.last_index(), timing_.now, 0};
    return progress_.insert_or_assign(peer, std::move(p)).first->second;
  };
  for (auto& [peer, p] : progress_) {
    if (!configuration().contains(peer) && !p.leaving_since) p.leaving_since = timing_.now;
  }
  for (const auto& m : configuration().members()) {
    if (m.id == id_) continue;
    const auto found = progress_.find(m.id);
    if (found != progress_.end() && !found->second.leaving_since) continue;
    // Whoever left and comes again may have another disk: what the old one said does not count.
    std::erase_if(out_.messages,
                  [&](const envelope& e) { return e.to == m.id && is_request(e.message); });
    track(m.id).joined_after_call = joined_after;
  }
  if (configuration_index() <= commit_index_ || configurations_.size() < 2) return;
  // Left out by a change that an earlier leader began.
  for (const auto& m : std::prev(configurations_.end(), 2)->value.members()) {
    if (m.id == id_ || progress_.contains(m.id)) continue;
    track(m.id).leaving_since = timing_.now;
  }
}

// ---- Those who come and go --------------------------------------------------------------------

/// A peer has acknowledged. May end the leadership, and may forget the peer.
void raft::on_acknowledged(node_id peer, progress& p, std::uint64_t call) {
  if (p.leaving_since) return say_farewell(peer, p, call);
  const member* learner = find(configuration().learners, peer);
  if (learner != nullptr && learner->promote) watch_catching_up(*learner, p);
}

// A removed member is told until it knows that the change is committed; then it is at rest.
void raft::say_farewell(node_id peer, progress& p, std::uint64_t call) {
  if (is_changing() || p.match_index < configuration_index()) return;
  if (!p.farewell_call) {
    send_confirmation(peer, p);
    p.farewell_call = last_call_;
  } else if (call - *p.farewell_call <= last_call_ - *p.farewell_call) {
    progress_.erase(peer);
  }
}

void raft::forget_departed() {
  std::erase_if(progress_, [this](const auto& one) {
    const auto& since = one.second.leaving_since;
    return since && timing_.now - *since > farewell_timeouts * config_->election_timeout_max;
  });
}

// Thesis §4.2.1: a round brings a learner to where the log ended when the round began. One that
// took less than an election timeout leaves so little that the learner can vote.
void raft::watch_catching_up(const member& learner, progress& p) {
  auto& round = p.catching_up;
  if (round.slow_rounds >= max_catch_up_rounds || p.match_index < round.target) return;
  const bool fast = timing_.now - round.began < config_->election_timeout_min;
  if (!fast) ++round.slow_rounds;
  round.target = log_.last_index();
  round.began = timing_.now;
  if (!fast || is_changing() || is_fenced() || !has_committed_in_term()) return;

  core::configuration next = promotion_of(configuration(), learner);
  if (check(next)) append_configuration(std::move(next));
}

}  // namespace mainstay::core
