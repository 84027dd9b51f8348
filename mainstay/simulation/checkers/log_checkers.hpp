/// Checkers of the replicated log: what entries may differ, who may remove them, which of them may
/// be taken for committed, and which configuration they put in force.
#pragma once

#include "mainstay/simulation/checkers/ghost.hpp"

namespace mainstay::simulation {

/// Log Matching (paper, figure 3): index and term name one entry and everything before it, in every
/// log and on every disk, for ever.
class log_matching final : public core_observer {
 public:
  explicit log_matching(const ghost& record) : ghost_(record) {}

  void started(const core::raft& core) override;
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check() const;

  const ghost& ghost_;
};

/// Leader Append-Only (paper, figure 3): a leader never overwrites or deletes its own entries.
class leader_append_only final : public core_observer {
 public:
  explicit leader_append_only(const ghost& record) : ghost_(record) {}

  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check() const;

  const ghost& ghost_;
};

/// What is committed never changes; it is committed by a leader, counting an entry of its own term
/// (paper §5.4.2) that a quorum of the configuration in force has on disk.
class commit_validity final : public core_observer {
 public:
  /// `has_forged_leaders`: followers may hear of commits from leaders that do not exist.
  explicit commit_validity(const ghost& record, bool has_forged_leaders = false)
      : ghost_(record), has_forged_leaders_(has_forged_leaders) {}

  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check(const core::raft& core) const;
  void check_leader(const core::raft& core, const ghost_node& node) const;
  void check_joint(const core::raft& core, const ghost_node& node) const;

  const ghost& ghost_;
  bool has_forged_leaders_;
};

/// The configuration in force is the newest in the log (paper §6); at most one in a log is not
/// committed; and every quorum of one shares a voter with every quorum of the next.
class configuration_safety final : public core_observer {
 public:
  explicit configuration_safety(const ghost& record) : ghost_(record) {}

  void started(const core::raft& core) override;
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check(const core::raft& core);
  void check_newest(const core::raft& core, const ghost_node& node) const;
  void check_step(const core::raft& core, const ghost_node& node);

  const ghost& ghost_;
  std::map<node_id, core::configuration> first_;  // in force before any entry
};

}  // namespace mainstay::simulation
