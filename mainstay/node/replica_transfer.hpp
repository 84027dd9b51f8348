/// Handing leadership over (thesis §3.10), as callers see it: commands wait while the core takes
/// none, and go on here or through the new leader. Included by replica.hpp only.
#pragma once

#include <array>
#include <string>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

/// Why a transfer did not succeed; `self` leads on in all cases but one.
inline error failure_of(const core::transfer_result& ended, node_id self) {
  const std::string target = "node " + std::to_string(ended.target.value());
  const std::string rest = "; node " + std::to_string(self.value()) + " leads on";
  switch (ended.outcome) {
    case core::transfer_outcome::declined:
      return {error_code::overloaded, target + " declined to lead" + rest, self};
    case core::transfer_outcome::unreachable:
      return {error_code::unreachable, target + " cannot be reached" + rest, self};
    case core::transfer_outcome::timed_out:
      return {error_code::timed_out, target + " did not take over in time" + rest, self};
    case core::transfer_outcome::target_removed:
      return {error_code::invalid_argument, target + " is no voter any more" + rest, self};
    default:
      return {error_code::leadership_lost,
              "this node lost its leadership before " + target + " could take over",
              {}};
  }
}

template <raft_types Types>
void replica<Types>::transfer(node_id to, instant deadline, transfer_handler done) {
  if (is_stopped()) return done(fail(error_code::shutting_down, "the node has stopped"));
  if (core_.role() == core::role::leader && to == options_.id) return done(to);
  const auto target = begin_transfer(to);
  if (!target) return done(std::unexpected(target.error()));
  transfer_ = handing_over{*target, deadline, std::move(done)};
}

template <raft_types Types>
result<node_id> replica<Types>::begin_transfer(node_id to) {
  advance();
  if (core_.role() != core::role::leader && core_.leader()) {
    const auto leader = std::to_string(core_.leader().value());
    return fail(error_code::not_leader, "node " + leader + " leads: that one can hand over",
                core_.leader());
  }
  if (transfer_) return fail(error_code::overloaded, "a transfer of leadership is under way");
  const auto target = core_.transfer(to);
  if (!target) return target;
  log_.log(log_level::info, "node", "handing leadership over",
           {{"node", options_.id.value()}, {"target", target->value()}});
  schedule_turn();
  return target;
}

template <raft_types Types>
void replica<Types>::make_way(instant deadline, way_handler done) {
  if (is_stopped()) return done(fail(error_code::shutting_down, "the node has stopped"));
  if (core_.role() != core::role::leader) return done({});
  end_making_way(fail(error_code::overloaded, "asked again"));
  making_way_ = making_way{deadline, std::move(done), {}};
  schedule_turn();
}

template <raft_types Types>
void replica<Types>::go_on_making_way() {
  if (!making_way_) return;
  const bool leads = core_.role() == core::role::leader;
  if (!leads && core_.leader()) return end_making_way({});
  if (making_way_->deadline <= parts_.runtime.now()) {
    return end_making_way(fail(error_code::timed_out, "nobody took leadership in time"));
  }
  if (!leads || core_.handing_over().phase != core::transfer_phase::none || transfer_) return;
  const node_id heir = core_.best_heir(making_way_->tried);
  if (!heir) return end_making_way(fail(error_code::unreachable, "no voter can take leadership"));
  const auto begun = begin_transfer(heir);
  // What the core still has to tell of an earlier transfer comes with the next turn.
  const bool is_early = !begun && begun.error().code == error_code::overloaded;
  if (!is_early) making_way_->tried.push_back(heir);
  if (!begun) schedule_turn();
}

template <raft_types Types>
void replica<Types>::end_making_way(result<void> outcome) {
  if (auto ended = std::exchange(making_way_, std::nullopt)) ended->done(std::move(outcome));
}

/// A leader that cannot write serves nobody: another may have room.
template <raft_types Types>
void replica<Types>::hand_over_for_the_disk() {
  if (core_.role() == core::role::leader) hand_over_by_own_will(core_.best_heir({}));
}

/// Leadership goes back to whom the operator wants to have it, once that one has caught up.
template <raft_types Types>
void replica<Types>::hand_over_for_priority() {
  const instant now = parts_.runtime.now();
  // Not before `prefers_from_` was set for this leadership.
  const bool leads = leadership_.role == core::role::leader && core_.role() == core::role::leader;
  if (!leads || now < prefers_from_) return;
  prefers_from_ = now + options_.core.heartbeat_interval;  // asks no more often
  hand_over_by_own_will(core_.preferred_leader());
}

template <raft_types Types>
void replica<Types>::hand_over_by_own_will(node_id heir) {
  const instant now = parts_.runtime.now();
  if (!heir || now < no_transfer_before_ || !begin_transfer(heir)) return;
  no_transfer_before_ = now + options_.own_transfer_interval;
}

/// True while no command is proposed or passed on: the core takes none, or the next leader, whom
/// this node has told to stand, is not known yet.
template <raft_types Types>
bool replica<Types>::holds_writes() const {
  if (core_.is_fenced()) return true;
  return !core_.leader() && parts_.runtime.now() < held_until_;
}

template <raft_types Types>
void replica<Types>::release_fenced() {
  if (work_.fenced.empty() || holds_writes()) return;
  auto& backlog = work_.backlog;
  backlog.insert(backlog.begin(), std::make_move_iterator(work_.fenced.begin()),
                 std::make_move_iterator(work_.fenced.end()));
  work_.fenced.clear();
}

template <raft_types Types>
void replica<Types>::on_transfer(const core::transfer_result& ended) {
  const std::array labels{metric_label{"outcome", core::name_of(ended.outcome)}};
  parts_.metrics.add_one({"mainstay_transfers_total", labels});
  log_.log(log_level::info, "node", "a transfer of leadership ended",
           {{"node", options_.id.value()},
            {"target", ended.target.value()},
            {"outcome", std::string_view(core::name_of(ended.outcome))}});
  if (ended.outcome != core::transfer_outcome::won) {
    return end_transfer(std::unexpected(failure_of(ended, options_.id)));
  }
  held_until_ = parts_.runtime.now() + options_.core.election_timeout_max;
  if (transfer_) transfer_->is_won = true;
}

template <raft_types Types>
void replica<Types>::end_transfer(result<node_id> outcome) {
  if (auto ended = std::exchange(transfer_, std::nullopt)) ended->done(std::move(outcome));
}

/// Tells who waits for a transfer once the next leader is known, or the deadline has passed.
template <raft_types Types>
void replica<Types>::look_at_transfer() {
  if (!transfer_) return;
  const node_id leader = core_.leader();
  if (transfer_->is_won && leader) {
    if (leader == transfer_->target) return end_transfer(leader);
    return end_transfer(
        fail(error_code::leadership_lost, "another node than the target leads", leader));
  }
  if (transfer_->deadline > parts_.runtime.now()) return;
  end_transfer(fail(error_code::timed_out, "the deadline passed; leadership may yet change"));
}

/// When a turn is due for a transfer's sake.
template <raft_types Types>
instant replica<Types>::transfer_due() const {
  instant next = transfer_ ? transfer_->deadline : instant::max();
  if (making_way_) next = std::min(next, making_way_->deadline);
  const bool waits = !work_.fenced.empty() && !core_.is_fenced();
  return waits ? std::min(next, held_until_) : next;
}

}  // namespace mainstay::detail
