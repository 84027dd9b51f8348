/// Handing leadership over (thesis §3.10), as callers see it: commands wait while the core takes
/// none, and go on here or through the new leader. Included by replica.hpp only.
#pragma once

#include <array>

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

/// Why a transfer did not succeed.
inline error failure_of(core::transfer_outcome outcome) {
  switch (outcome) {
    case core::transfer_outcome::declined:
      return {error_code::overloaded, "the target declined to lead; this node leads on", {}};
    case core::transfer_outcome::unreachable:
      return {error_code::unreachable, "the target cannot be reached; this node leads on", {}};
    case core::transfer_outcome::timed_out:
      return {
          error_code::timed_out, "the target did not take over in time; this node leads on", {}};
    case core::transfer_outcome::target_removed:
      return {error_code::invalid_argument, "the target is no voter any more", {}};
    default:
      return {error_code::leadership_lost, "this node lost its leadership meanwhile", {}};
  }
}

template <raft_types Types>
void replica<Types>::transfer(node_id to, instant deadline, transfer_handler done) {
  if (is_stopped()) return done(fail(error_code::shutting_down, "the node has stopped"));
  advance();
  const auto target =
      transfer_
          ? result<node_id>(fail(error_code::overloaded, "a transfer of leadership is under way"))
          : core_.transfer(to);
  if (!target) return done(std::unexpected(target.error()));
  log_.log(log_level::info, "node", "handing leadership over",
           {{"node", options_.id.value()}, {"target", target->value()}});
  transfer_ = handing_over{*target, deadline, std::move(done)};
  schedule_turn();
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
    return end_transfer(std::unexpected(failure_of(ended.outcome)));
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
  const bool waits = !work_.fenced.empty() && !core_.is_fenced();
  return waits ? std::min(next, held_until_) : next;
}

}  // namespace mainstay::detail
