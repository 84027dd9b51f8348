/// The ghost record: what every node's log, disk and position are, as an all-seeing observer knows
/// them, and what has ever been committed. It grows by what each input changed; nothing is scanned
/// again. It judges nothing: checkers read it, and stand behind it in the list of observers.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "mainstay/simulation/checkers/known_logs.hpp"
#include "mainstay/simulation/core_observer.hpp"

namespace mainstay::simulation {

/// One node's log, a prefix an index.
class followed_log {
 public:
  log_index last() const { return log_index(prefixes_.size() - 1); }
  /// The log up to `index`; none beyond its end.
  log_prefix at(log_index index) const {
    return index.value() < prefixes_.size() ? prefixes_[index.value()] : log_prefix{};
  }
  log_prefix whole() const { return prefixes_.back(); }
  void append(log_prefix longer) { prefixes_.push_back(longer); }
  /// Removes `from` and all after it; nothing when the log is shorter.
  void truncate_from(log_index from) {
    if (from <= last()) prefixes_.resize(from.value());
  }
  /// Takes the log up to `last`, whose prefixes `at` gives, for this one.
  template <class At>
  void become(log_index last, const At& at) {
    prefixes_.assign(1, log_prefix{});
    for (log_index i{1}; i <= last; i = i.next()) prefixes_.push_back(at(i));
  }

 private:
  std::vector<log_prefix> prefixes_{log_prefix{}};  // by index; [0]: the empty log
};

/// A batch that a node's storage has and has not reported yet.
struct written_batch {
  std::uint64_t sequence = 0;
  std::optional<core::hard_state> state;
  log_index truncate_from;           ///< none: nothing
  log_index reset_to;                ///< the log goes on behind this one; none: it was not reset
  std::vector<log_prefix> prefixes;  ///< of its entries, in order
  log_index first_index;             ///< of its entries; none when it has none
};

/// What can be read off a core in one look.
struct core_position {
  core::role role = core::role::follower;
  mainstay::term term;
  node_id voted_for;
  log_index commit_index;
  log_index last_applied;
  log_index last_index;
  log_index stable_index;
};

/// One node.
struct ghost_node {
  core_position position;
  followed_log log;  ///< in the core's memory
  /// Indexes of the configuration entries in `log`, rising.
  std::vector<log_index> configurations;

  followed_log durable;               ///< what storage has reported durable
  core::hard_state durable_state;     ///< the same of term and vote
  std::deque<written_batch> batches;  ///< handed to storage, not reported yet, in order
  /// The last included index of the snapshot that storage is making this node's; none: nothing.
  log_index installing;
  log_index snapshot;  ///< of its newest one; none: it has none

  /// What the disk holds at `index` once all batches are written.
  log_prefix written_at(log_index index) const;
  /// The last index that the disk holds then.
  log_index written_last() const;
};

/// What the last call of an observer changed at one node.
struct ghost_change {
  node_id node;
  core_position before;        ///< `position` as it was
  log_index removed_from;      ///< the first index that the log lost; none: nothing
  log_index appended_from;     ///< the first index that it gained; none: nothing
  log_index committed_before;  ///< the last index committed anywhere, as it was
  bool begins_to_lead = false;
  /// Two prefixes with one last index and term, one of them new; none: all is well.
  log_prefix prefix;
  log_prefix rival;
  /// A command committed at two indexes; none: all is well.
  log_index repeated_at;
  log_index repeats;
  /// A batch's entry that does not follow what is on the disk; none: all is well.
  log_index misplaced;
};

/// The record itself. Node ids may be any. It follows logs from index 1 on; what a node has given
/// up for a snapshot is what is committed up to there, which somebody was seen to commit.
class ghost final : public core_observer {
 public:
  void started(const core::raft& core) override;
  void before(const core::raft& core, const core_input& input) override;
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

  /// A node's disk was lost on purpose: what it held is no longer expected of it.
  void wiped(node_id id);

  /// A node; null before it first starts.
  const ghost_node* find(node_id id) const {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : &found->second;
  }
  /// What storage has reported durable at a node. A disk that was lost keeps its place: what it
  /// held may have been acknowledged before, and be counted after.
  log_prefix durable_at(node_id id, log_index index) const;
  /// A node that has started.
  const ghost_node& of(node_id id) const { return nodes_.at(id); }
  /// What the last call changed.
  const ghost_change& change() const { return change_; }
  /// The node as it was before its last start, while `started` is going round; null at its first.
  const ghost_node* last_life() const { return last_life_ ? &*last_life_ : nullptr; }

  const known_logs& logs() const { return logs_; }
  /// The highest index that any node has ever committed.
  log_index last_committed() const { return log_index(committed_.size() - 1); }
  /// What is committed up to `index`. Precondition: `index <= last_committed()`.
  log_prefix committed(log_index index) const { return committed_[index.value()].prefix; }
  /// The lowest term in which a node is known to have committed `index`.
  mainstay::term committed_by(log_index index) const { return committed_[index.value()].by; }
  /// Where a command with this payload (see `hash_of_payload`) was first committed; none: nowhere.
  log_index committed_command(std::uint64_t payload) const;

 private:
  struct committed_entry {
    log_prefix prefix;
    mainstay::term by;
  };

  void observe(const core::raft& core, ghost_node& node);
  void follow_log(const core::raft& core, ghost_node& node);
  void look_again(const core::raft& core, const core::append_entries& m, ghost_node& node);
  void cut(ghost_node& node, log_index from);
  void grow(const core::raft& core, ghost_node& node);
  void follow_commit(const ghost_node& node);
  void note_command(log_index index, log_prefix prefix);
  log_prefix place_of(known_logs::place place);
  void follow_snapshot(const core::raft& core, ghost_node& node);
  void note_configurations(ghost_node& node);
  void handed_to_storage(const core::persist_batch& batch, ghost_node& node);

  std::map<node_id, ghost_node> nodes_;
  std::map<node_id, followed_log> lost_disks_;
  std::optional<ghost_node> last_life_;
  ghost_change change_;
  known_logs logs_;
  std::vector<committed_entry> committed_{{}};  // by index; [0]: nothing
  std::unordered_map<std::uint64_t, log_index> commands_;
};

}  // namespace mainstay::simulation
