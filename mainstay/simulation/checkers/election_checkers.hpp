/// Checkers of elections: who may lead, who may be voted for, and what a leader must know.
#pragma once

#include <map>
#include <unordered_map>
#include <utility>

#include "mainstay/simulation/checkers/ghost.hpp"

namespace mainstay::simulation {

/// Election Safety (paper, figure 3): at most one leader a term.
class election_safety final : public core_observer {
 public:
  explicit election_safety(const ghost& record) : ghost_(record) {}

  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check();

  const ghost& ghost_;
  std::unordered_map<term, node_id> leaders_;
};

/// A server votes for at most one candidate a term (paper §5.2), across all its lives: what counts
/// is the vote that leaves it.
class single_vote final : public core_observer {
 public:
  void started(const core::raft& core) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

  /// The node's disk was lost on purpose, and its votes with it.
  void wiped(node_id voter);

 private:
  void note(node_id voter, term t, node_id candidate);

  std::map<std::pair<node_id, term>, node_id> votes_;
};

/// Leader Completeness (paper, figure 3): a leader's log holds every entry that was committed in an
/// earlier term.
class leader_completeness final : public core_observer {
 public:
  explicit leader_completeness(const ghost& record) : ghost_(record) {}

  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check();

  const ghost& ghost_;
};

}  // namespace mainstay::simulation
