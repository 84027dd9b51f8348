/// The window through which checkers watch state machines: what each replica's machine was told,
/// and digests of what came of it. `observed_machine` looks through it.
#pragma once

#include <cstdint>
#include <optional>

#include "mainstay/base/ids.hpp"

namespace mainstay::simulation {

/// A machine after one command, or after a snapshot was restored.
struct machine_step {
  node_id node;
  log_index index;                     ///< of the command; of the last one in the snapshot
  std::uint64_t command = 0;           ///< `hash_of_payload`; 0 after a restore
  std::uint64_t answers = 0;           ///< digest of all answers so far
  std::optional<std::uint64_t> state;  ///< digest of the whole state, where it was taken
};

/// Watches the machines of a cluster. One thread. May throw, as `core_observer` may.
class machine_observer {
 public:
  virtual ~machine_observer() = default;

  /// A machine is new: nothing was applied to it.
  virtual void machine_started(node_id node) { (void)node; }
  /// A machine has carried out the next command.
  virtual void machine_applied(const machine_step& step) { (void)step; }
  /// A machine's state was replaced by a snapshot.
  virtual void machine_restored(const machine_step& step) { (void)step; }
};

}  // namespace mainstay::simulation
