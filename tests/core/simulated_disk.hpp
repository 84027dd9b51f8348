/// One node's log storage in memory, for tests of the core: a batch becomes durable when the test
/// says so, and a crash loses the rest. It is no persistence_engine; those are tested elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mainstay/core/raft.hpp"

namespace mainstay::core_test {

/// Mixes one entry into the hash of all entries before it: two logs with equal hashes at an index
/// are equal up to there.
std::uint64_t chain(std::uint64_t before, const core::entry& e);

/// A log reduced to one hash per index, so that whole prefixes compare in one step.
class prefix_hashes {
 public:
  log_index last() const { return log_index(hashes_.size() - 1); }
  /// The hash of everything up to `index`. Precondition: `index <= last()`.
  std::uint64_t at(log_index index) const { return hashes_[index.value()]; }
  void append(const core::entry& e) { hashes_.push_back(chain(hashes_.back(), e)); }
  void truncate_from(log_index from) { hashes_.resize(from.value()); }

 private:
  std::vector<std::uint64_t> hashes_{0};  // [0]: the empty prefix
};

/// What a node finds again after a crash, and the batch that has not got there yet.
class simulated_disk {
 public:
  /// Takes a batch to write. Precondition: none is under way; the core hands out one at a time.
  void write(core::persist_batch batch);
  bool busy() const { return pending_.has_value(); }
  /// Makes the batch durable; gives its sequence. Precondition: `busy()`.
  std::uint64_t complete();
  /// Drops the batch as a full disk does; gives its sequence. Precondition: `busy()`.
  std::uint64_t refuse();
  /// Loses the batch but for its first `steps`: the hard state, the truncation, then each entry.
  void crash(std::size_t steps);

  /// Durable entries from `first` to `last`, as many as fit into `max_bytes` but at least one.
  std::vector<core::entry> read(const core::log_read_request& request) const;
  /// What a core starts from; `tail_bytes` of newest entries come with it.
  core::initial_state recover(std::uint64_t tail_bytes) const;

  /// Adds an entry that was durable before the test began.
  void preload(core::entry e);
  void preload(core::hard_state state) { state_ = state; }

  const core::hard_state& state() const { return state_; }
  log_index last_index() const { return hashes_.last(); }
  const core::entry& at(log_index index) const { return entries_[index.value() - 1]; }
  const prefix_hashes& hashes() const { return hashes_; }

 private:
  void truncate_from(log_index from);

  core::hard_state state_;
  std::vector<core::entry> entries_;  // index i stands at i - 1
  prefix_hashes hashes_;
  std::optional<core::persist_batch> pending_;
};

}  // namespace mainstay::core_test
