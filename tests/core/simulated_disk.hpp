/// One node's log storage in memory, for tests of the core: a batch becomes durable when the test
/// says so, and a crash loses the rest. It is no persistence_engine; those are tested elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/core/raft.hpp"

namespace mainstay::core_test {

/// Mixes one entry into the hash of all entries before it: two logs with equal hashes at an index
/// are equal up to there.
std::uint64_t chain(std::uint64_t before, const core::entry& e);

/// A log reduced to one hash per index, so that whole prefixes compare in one step.
class prefix_hashes {
 public:
  log_index last() const { return base_ + (hashes_.size() - 1); }
  /// The hash of everything up to `index`. Precondition: not before a reset, `index <= last()`.
  std::uint64_t at(log_index index) const { return hashes_[index - base_]; }
  void append(const core::entry& e) { hashes_.push_back(chain(hashes_.back(), e)); }
  void truncate_from(log_index from) { hashes_.resize(from - base_); }
  /// Goes on behind a snapshot of a log with this hash.
  void reset(log_index base, std::uint64_t hash) {
    base_ = base;
    hashes_.assign(1, hash);
  }

 private:
  log_index base_;
  std::vector<std::uint64_t> hashes_{0};  // [0]: the prefix up to the base
};

/// What an image of the tests holds: the commands that were applied, and the hash of the log.
struct saved_state {
  std::vector<std::string> applied;
  std::uint64_t log_hash = 0;
};

/// The images of one cluster: equal ids are equal states.
class image_library {
 public:
  /// Gives the image its name and keeps it. Its bytes are the applied commands, in lines.
  core::snapshot add(const core::snapshot_contents& contents, saved_state state);
  const core::snapshot& describe(const core::snapshot_id& id) const { return find(id).snapshot; }
  const saved_state& state(const core::snapshot_id& id) const { return find(id).state; }
  std::string_view bytes(const core::snapshot_id& id) const { return find(id).bytes; }

 private:
  struct image {
    core::snapshot snapshot;
    saved_state state;
    std::string bytes;
  };
  const image& find(const core::snapshot_id& id) const;

  std::vector<image> images_;
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
  /// Loses the batch but for its first `steps`: the hard state, the truncation or reset, then each
  /// entry.
  void crash(std::size_t steps);

  /// Durable entries from `first` to `last`, as many as fit into `max_bytes` but at least one; none
  /// when the first is not there any more.
  std::vector<core::entry> read(const core::log_read_request& request) const;
  // Snapshots, each with what storage has to do for it. `library` knows all images.

  /// The state up to `contents` is durable from now on.
  core::snapshot save(const core::snapshot_contents& contents, std::vector<std::string> applied,
                      image_library& library);
  /// Entries up to `index` are not needed any more.
  void compact(log_index index);
  /// Adds a chunk to the image that comes in; gives where it goes on.
  std::uint64_t receive(const core::snapshot_chunk& chunk);
  /// True when all of this image has come in.
  bool is_whole(const core::snapshot_id& id) const {
    return incoming_ == id && received_ == id.size;
  }
  /// Makes the image that came in the snapshot.
  const core::snapshot& install(const core::snapshot_id& id, const image_library& library);
  /// Has it as if it had come in and been installed.
  void take(const core::snapshot& s) { snapshot_ = s; }
  const std::optional<core::snapshot>& snapshot() const { return snapshot_; }
  /// The last index that compaction or a reset has removed.
  log_index base() const { return base_.first; }

  /// What a core starts from; `tail_bytes` of newest entries come with it.
  core::initial_state recover(std::uint64_t tail_bytes) const;

  /// Adds an entry that was durable before the test began.
  void preload(core::entry e);
  void preload(core::hard_state state) { state_ = state; }

  const core::hard_state& state() const { return state_; }
  log_index last_index() const { return hashes_.last(); }
  const core::entry& at(log_index index) const { return entries_[index - base_.first - 1]; }
  const prefix_hashes& hashes() const { return hashes_; }

 private:
  void truncate_from(log_index from);

  core::hard_state state_;
  core::term_run base_;
  std::vector<core::entry> entries_;  // index i stands at i - base - 1
  std::optional<core::snapshot> snapshot_;
  std::uint64_t snapshot_hash_ = 0;  // of the log up to the snapshot
  core::snapshot_id incoming_;
  std::uint64_t received_ = 0;
  prefix_hashes hashes_;
  std::optional<core::persist_batch> pending_;
};

}  // namespace mainstay::core_test
