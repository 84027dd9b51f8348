/// Time that passes while nothing is submitted: an idle leader whose state machine waits for a
/// moment
/// (`timed_state_machine`) tells everybody that it has come. Included by replica.hpp only.
#pragma once

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

/// When to propose an entry that brings nothing but time, seen from `now`; max: never, as things
/// stand. At most one a heartbeat interval, and none while entries are under way: those bring a
/// time of their own, and a turn when they are applied.
template <raft_types Types>
instant replica<Types>::time_due(instant now) const {
  if (!next_expiry_ || core_.role() != core::role::leader) return instant::max();
  if (core_.last_applied() != core_.last_index()) return instant::max();
  if (health_.has(node_health::disk_full)) return instant::max();
  const auto wait = next_expiry_->microseconds - parts_.runtime.wall_now().microseconds;
  // The wall clock may leap: look again after a while, however far the moment is.
  constexpr auto longest = std::chrono::microseconds(std::chrono::minutes(1));
  const auto until = std::clamp<std::int64_t>(wait, 0, longest.count());
  return std::max(now + std::chrono::microseconds(until), time_not_before_);
}

template <raft_types Types>
void replica<Types>::propose_due_time() {
  const instant now = parts_.runtime.now();
  if (time_due(now) > now) return;
  // A refusal is tried again, if nothing else brings the time until then.
  static_cast<void>(core_.propose_time(parts_.runtime.wall_now()));
  time_not_before_ = now + options_.core.heartbeat_interval;
}

}  // namespace mainstay::detail
