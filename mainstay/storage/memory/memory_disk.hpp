/// What a `memory_engine` keeps between one life and the next: the logs of a node, in memory. It
/// obeys the rules of a real log, and can be told to stall, fill up or fail. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
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

  result<void> take_writes();
  static result<void> validate(const stored_log& log, const core::persist_batch& batch);

  mutable std::mutex mutex_;
  disk_mood mood_ = disk_mood::healthy;
  std::optional<error> failure_;
  std::map<group_id, stored_log> logs_;
};

}  // namespace mainstay
