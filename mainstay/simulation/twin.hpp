/// The naive twin: follows every core of a cluster, step by step, with the small executable
/// specification of Raft (specification.hpp), which must agree that each step was allowed.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

#include "mainstay/core/configuration.hpp"
#include "mainstay/simulation/core_observer.hpp"
#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation {

/// A core did what the specification does not allow. `what` names the rule with its section, the
/// node, what the node had just been given, and both states.
struct disagreement : std::runtime_error {
  disagreement(std::string broken, node_id at, const std::string& story)
      : std::runtime_error(broken + story), rule(std::move(broken)), node(at) {}

  std::string rule;  ///< "paper §5.4.1: …"
  node_id node;
};

/// Follows the cores of one cluster, all of one group and with the same settings. What it remembers
/// of a node's disk outlives the node's crashes. Its cost is in proportion to what a step changes.
class twin final : public core_observer {
 public:
  /// Cores have these settings, and this configuration before any that their logs hold.
  twin(const core::config& settings, const core::configuration& bootstrap);

  void started(const core::raft& core) override;
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

  /// The node's disk was replaced: its next start is taken as its first.
  void disk_replaced(node_id id) { servers_.erase(id); }
  /// With an empty disk, the node starts from another configuration than the others.
  void begins_with(node_id id, const core::configuration& members) {
    newcomers_.insert_or_assign(id, specification::membership_of(members));
  }
  /// The node as the specification has it; null: it has not started.
  const specification::server* server(node_id id) const;
  /// How many inputs and readies it has judged.
  std::uint64_t steps() const { return steps_; }

 private:
  core::config settings_;
  specification::membership bootstrap_;
  std::map<node_id, specification::membership> newcomers_;
  std::map<node_id, specification::server> servers_;
  std::uint64_t steps_ = 0;
};

}  // namespace mainstay::simulation
