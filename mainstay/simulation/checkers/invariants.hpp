/// All checkers of a simulated cluster in one object: give it to the cores as their observer. It
/// only puts together what stands in the files beside it.
#pragma once

#include <string_view>

#include "mainstay/simulation/checkers/client_checkers.hpp"
#include "mainstay/simulation/checkers/disk_checkers.hpp"
#include "mainstay/simulation/checkers/election_checkers.hpp"
#include "mainstay/simulation/checkers/ghost.hpp"
#include "mainstay/simulation/checkers/log_checkers.hpp"
#include "mainstay/simulation/checkers/node_checkers.hpp"
#include "mainstay/simulation/checkers/state_machine_safety.hpp"
#include "mainstay/simulation/checkers/violation.hpp"
#include "mainstay/simulation/observer_list.hpp"

namespace mainstay::simulation {

/// What the world that is checked promises.
struct checked_world {
  core::config settings{};  ///< of all cores
  /// Every command has a payload of its own, so that a repetition is a fault.
  bool has_unique_commands = false;
  /// Messages are injected from leaders that do not exist. What followers take from these for
  /// committed, and for configurations, is not held against the real leaders.
  bool has_forged_leaders = false;
};

/// Throws `violation` at the first broken property, from within the call that shows it.
class invariants final : public core_observer {
 public:
  explicit invariants(const checked_world& world = {});
  invariants(const invariants&) = delete;
  invariants& operator=(const invariants&) = delete;

  void started(const core::raft& core) override { all_.started(core); }
  void before(const core::raft& core, const core_input& input) override {
    all_.before(core, input);
  }
  void after(const core::raft& core, const core_input& input) override { all_.after(core, input); }
  void took_ready(const core::raft& core, const core::ready& ready) override {
    all_.took_ready(core, ready);
  }

  const ghost& record() const { return ghost_; }
  /// The observer for `observed_machine`.
  machine_observer& machines() { return machines_; }
  /// For gauges of queues outside of the cores.
  memory_bounds& memory() { return memory_; }
  /// A client was told that its command with this payload is done.
  void acknowledged(std::string_view payload) { disks_.acknowledged(payload); }
  /// A node's disk was lost on purpose.
  void wiped(node_id id);
  /// The end of a run: the node has all that was acknowledged to clients.
  void at_end(const core::raft& core) const { disks_.at_end(core); }

 private:
  observer_list all_;
  ghost ghost_;
  election_safety elections_{ghost_};
  single_vote votes_;
  leader_completeness leaders_{ghost_};
  log_matching logs_{ghost_};
  leader_append_only appends_{ghost_};
  commit_validity commits_;
  configuration_safety configurations_{ghost_};
  durability disks_{ghost_};
  persistence_before_response promises_{ghost_};
  ordering orders_{ghost_};
  memory_bounds memory_;
  read_freshness reads_{ghost_};
  exactly_once commands_{ghost_};
  state_machine_safety machines_{ghost_};
};

}  // namespace mainstay::simulation
