/// The core's alarms. It has no clock: instants come in through `advance`, and `next` tells when to
/// come again.
#pragma once

#include <algorithm>

#include "mainstay/base/random.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/config.hpp"

namespace mainstay::core {

/// Never.
inline constexpr instant no_deadline = instant::max();

/// Deadlines of one replica; those that do not apply to its role stand at `no_deadline`.
struct timing {
  instant now{};
  instant election = no_deadline;        ///< campaign when it passes (paper §5.2)
  instant heartbeat = no_deadline;       ///< leader: speak to everyone
  instant commit_notice = no_deadline;   ///< leader: tell the commit index to those who lack it
  instant snapshot_chunk = no_deadline;  ///< leader: a transfer within its rate may go on
  instant transfer = no_deadline;        ///< leader: take a transfer of leadership back
  /// The last moment a leader of the current term was heard; the epoch before the first.
  instant leader_heard = instant::min();
  /// Before this no vote is given: a leader's lease may rest on it (thesis §6.4.1).
  instant no_vote_before = instant::min();

  /// The earliest of all.
  instant next() const {
    return std::min({election, heartbeat, commit_notice, snapshot_chunk, transfer});
  }

  /// Sets the election alarm to a random time ahead (paper §9.3).
  void restart_election(const config& c, random_generator& random) {
    const auto spread =
        static_cast<std::uint64_t>((c.election_timeout_max - c.election_timeout_min).count());
    election =
        now + c.election_timeout_min + duration(static_cast<duration::rep>(random.below(spread)));
  }

  friend bool operator==(const timing&, const timing&) = default;
};

}  // namespace mainstay::core
