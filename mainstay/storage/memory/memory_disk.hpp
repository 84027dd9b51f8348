/// What a `memory_engine` keeps between one life and the next: the logs and images of a node, in
/// memory. It obeys the rules of a real one, and can be told to stall, fill up or fail. For tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/seams/persistence_engine.hpp"

namespace mainstay {

/// How a disk behaves from now on.
enum class disk_mood : std::uint8_t {
  healthy,
  full,    ///< appends are refused with `no_space`
  broken,  ///< the next append fails with `io_failed`, and every call after it, for ever
};

/// Any thread.
class memory_disk {
 public:
  void set_mood(disk_mood mood);

  /// See `persistence_engine`; at once, and for good.
  result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes) const;
  result<void> append(group_id group, const core::persist_batch& batch);
  result<std::vector<core::entry>> read(group_id group, log_index first, log_index last,
                                        std::uint64_t max_bytes) const;
  result<void> compact(group_id group, log_index index);

  /// Makes an image of a state that was saved; see `snapshot_sink::commit`.
  result<core::snapshot> save_snapshot(group_id group, const core::snapshot_contents& contents,
                                       std::span<const std::byte> state);
  /// The state that an image holds.
  result<shared_bytes> state_in(group_id group, const core::snapshot_id& id) const;
  /// See `persistence_engine`. Images are its own bytes: another memory_disk understands them.
  result<shared_bytes> read_snapshot(group_id group, const core::snapshot_id& id,
                                     std::uint64_t offset, std::uint64_t max_bytes) const;
  result<received_snapshot> receive_snapshot(group_id group, const core::snapshot_id& id,
                                             std::uint64_t offset, const shared_bytes& data);
  result<core::snapshot> install_snapshot(group_id group, const core::snapshot_id& id);
  /// Whether appends, and whatever else writes, are taken at the moment.
  result<void> take_writes();

 private:
  struct stored_log {
    core::hard_state hard_state;
    log_index base_index;
    term base_term;
    std::vector<core::entry> entries;  // the first has index base_index + 1

    log_index last_index() const { return base_index + entries.size(); }
    term last_term() const { return entries.empty() ? base_term : entries.back().term; }
    const core::entry& at(log_index index) const { return entries[index - base_index - 1]; }
  };

  struct stored_image {
    core::snapshot snapshot;
    shared_bytes bytes;
  };
  struct partial_image {
    core::snapshot_id id;
    std::vector<std::byte> bytes;
    std::optional<core::snapshot> complete;
  };
  struct stored_images {
    std::deque<stored_image> images;  // the newest last; those before it may still be sent
    std::optional<partial_image> partial;

    bool has_newer_than(const core::snapshot_id& id) const;
    void add(stored_image one);
  };

  result<void> check_mood();
  const stored_image* find(group_id group, const core::snapshot_id& id) const;
  static result<void> validate(const stored_log& log, const core::persist_batch& batch);

  mutable std::mutex mutex_;
  disk_mood mood_ = disk_mood::healthy;
  std::optional<error> failure_;
  std::map<group_id, stored_log> logs_;
  std::map<group_id, stored_images> images_;
};

}  // namespace mainstay
