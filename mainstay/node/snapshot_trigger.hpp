/// When it is time to save a snapshot (paper §7: compaction by the size of the log).
#pragma once

#include <cstdint>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/node/options.hpp"

namespace mainstay::detail {

/// Counts what was applied since the last snapshot. It knows nothing of how one is made.
class snapshot_trigger {
 public:
  explicit snapshot_trigger(const snapshot_policy& policy) : policy_(policy) {}

  /// The state machine has taken so many entries, of so many bytes as `core::size_of` counts them.
  void applied(std::uint64_t entries, std::uint64_t bytes) {
    entries_ += entries;
    bytes_ += bytes;
  }
  /// The state machine's state came from an image: nothing was applied since.
  void restored() { entries_ = bytes_ = entries_before_ = bytes_before_ = 0; }

  /// Whether a snapshot should be saved now.
  bool is_due(instant now) const {
    if (now < not_before_) return false;
    const bool many = policy_.after_entries != 0 && entries_ >= policy_.after_entries;
    const bool large = policy_.after_bytes != 0 && bytes_ >= policy_.after_bytes;
    return many || large;
  }
  /// A snapshot is being made of the state of this moment: what is applied from now on counts for
  /// the next.
  void begin() { entries_before_ = entries_, bytes_before_ = bytes_; }
  /// It is durable.
  void succeeded() {
    entries_ -= entries_before_;
    bytes_ -= bytes_before_;
  }
  /// It came to nothing: another is due after a while.
  void failed(instant now) { not_before_ = now + policy_.retry; }

 private:
  snapshot_policy policy_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t entries_before_ = 0;  // what the snapshot being made will cover
  std::uint64_t bytes_before_ = 0;
  instant not_before_ = instant::min();
};

}  // namespace mainstay::detail
