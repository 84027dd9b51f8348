/// Checkers of durability: what has been reported durable stays, what was acknowledged is committed
/// and stays so, and nothing is promised before it is on disk.
#pragma once

#include <string_view>

#include "mainstay/simulation/checkers/ghost.hpp"

namespace mainstay::simulation {

/// After a crash a disk holds what was reported durable, and then whole steps of what was still to
/// be written, in order: no more, no less. No disk gives up an entry that is committed. A command
/// that was acknowledged to its client is committed.
class durability final : public core_observer {
 public:
  explicit durability(const ghost& record) : ghost_(record) {}

  void started(const core::raft& core) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

  /// A client was told that its command with this payload is done.
  void acknowledged(std::string_view payload);
  /// The end of a run, once the cluster has come to rest: the node has all that was acknowledged.
  void at_end(const core::raft& core) const;

 private:
  void check_recovery(const ghost_node& node, const ghost_node& last_life, node_id id) const;

  const ghost& ghost_;
  log_index acknowledged_;  // the highest
};

/// Persistence before response (paper §5, figure 2): no message leaves that promises a term, a vote
/// or an entry which the node's storage has not reported durable.
class persistence_before_response final : public core_observer {
 public:
  explicit persistence_before_response(const ghost& record) : ghost_(record) {}

  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check_term(node_id id, const core::message& m, const ghost_node& node) const;
  void check_vote(node_id id, term t, node_id candidate, const ghost_node& node) const;
  void check_append(node_id id, log_index match, const ghost_node& node) const;

  const ghost& ghost_;
};

}  // namespace mainstay::simulation
