/// Where every core of a run stands: it notices changes, counts elections and snapshots, and knows
/// the cores.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>

#include "mainstay/simulation/core_observer.hpp"

namespace mainstay::sim {

/// How often what was done with snapshots.
struct snapshot_counters {
  std::uint64_t saved = 0;
  std::uint64_t chunks = 0;     ///< that a follower has stored, or could not
  std::uint64_t installed = 0;  ///< a follower's state gave way to a leader's
};

/// Watches; judges nothing.
class position_watch final : public simulation::core_observer {
 public:
  /// What is told of a core.
  struct position {
    core::role role = core::role::follower;
    mainstay::term term;
    node_id leader;
    log_index commit;
    friend bool operator==(const position&, const position&) = default;
  };

  void started(const core::raft& core) override {
    cores_[core.id()] = &core;
    look(core);
  }
  void after(const core::raft& core, const simulation::core_input& input) override {
    if (std::holds_alternative<simulation::own_snapshot_saved>(input)) ++snapshots_.saved;
    if (std::holds_alternative<simulation::chunk_was_stored>(input)) ++snapshots_.chunks;
    look(core);
  }
  void took_ready(const core::raft& core, const core::ready& ready) override {
    if (!ready.restore) return;
    ++snapshots_.installed;
    ++installs_[core.id()];
  }

  /// Called after every change of a position.
  std::function<void(node_id, const position&)> changed;

  /// The core of a node in its present life; null when it never started.
  const core::raft* core(node_id id) const {
    const auto found = cores_.find(id);
    return found == cores_.end() ? nullptr : found->second;
  }
  /// How often somebody began to lead.
  std::uint64_t elections() const { return elections_; }
  log_index highest_commit() const { return highest_; }
  const snapshot_counters& snapshots() const { return snapshots_; }
  /// How often a node took a leader's snapshot in.
  std::uint64_t installs(node_id id) const {
    const auto found = installs_.find(id);
    return found == installs_.end() ? 0 : found->second;
  }

 private:
  void look(const core::raft& core) {
    const position now{core.role(), core.current_term(), core.leader(), core.commit_index()};
    auto& last = positions_[core.id()];
    if (now == last) return;
    if (now.role == core::role::leader && last.role != core::role::leader) ++elections_;
    highest_ = std::max(highest_, now.commit);
    last = now;
    if (changed) changed(core.id(), now);
  }

  std::map<node_id, const core::raft*> cores_;
  std::map<node_id, position> positions_;
  std::uint64_t elections_ = 0;
  log_index highest_;
  snapshot_counters snapshots_;
  std::map<node_id, std::uint64_t> installs_;
};

}  // namespace mainstay::sim
