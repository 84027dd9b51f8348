/// Handing leadership to another member (thesis §3.10): its phases, and how it may end.
#pragma once

#include <cstdint>

#include "mainstay/base/ids.hpp"

namespace mainstay::core {

/// How far a leader has come with handing over.
enum class transfer_phase : std::uint8_t {
  none,       ///< nothing is being handed over
  catch_up,   ///< the target gets what it lacks; commands are taken as ever
  fence,      ///< no command is taken until the target has the whole log, and all is committed
  hand_over,  ///< the target was told to stand for election; no command is taken
};

/// How a transfer ended. In all cases but the first two this replica leads on, and takes commands.
enum class transfer_outcome : std::uint8_t {
  won,              ///< the target was told to stand, and a later term has begun
  leadership_lost,  ///< this replica stopped leading for another reason
  declined,         ///< the target may not stand: it is no voter, or does not follow this leader
  unreachable,      ///< the word to stand did not reach the target, as far as is known
  timed_out,        ///< no phase may take longer than an election timeout
  target_removed,   ///< the target is no voter any more
};

/// The name as it stands in logs: "timed_out".
const char* name_of(transfer_outcome outcome);

/// A transfer that is over.
struct transfer_result {
  node_id target;
  transfer_outcome outcome = transfer_outcome::won;

  friend bool operator==(const transfer_result&, const transfer_result&) = default;
};

/// A transfer under way, as the leader keeps it; its deadline is an alarm of `timing`.
struct transfer_state {
  transfer_phase phase = transfer_phase::none;
  node_id target;
  log_index goal;          ///< catch_up: done once the target has the log up to here
  std::uint64_t call = 0;  ///< hand_over: of the word to stand

  friend bool operator==(const transfer_state&, const transfer_state&) = default;
};

}  // namespace mainstay::core
