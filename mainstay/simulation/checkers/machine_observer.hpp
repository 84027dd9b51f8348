/// The window through which checkers watch state machines: what each replica's machine was told,
/// and digests of what came of it. `observed_machine` looks through it.
#pragma once

#include <cstdint>
#include <optional>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay::simulation {

/// A machine after one command, when its state is saved, or after one was restored.
struct machine_step {
  node_id node;
  log_index index;                     ///< of the last command
  log_time time;                       ///< of the last entry; states may change by time alone
  std::uint64_t command = 0;           ///< `hash_of_payload`; 0 but after a command
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
  /// A machine's state goes into a snapshot.
  virtual void machine_saved(const machine_step& step) { (void)step; }
  /// A machine's state was replaced by a snapshot.
  virtual void machine_restored(const machine_step& step) { (void)step; }
};

}  // namespace mainstay::simulation
