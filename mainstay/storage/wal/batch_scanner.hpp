/// Reads the batches of one segment and says which of them hold, whatever the bytes are. It knows
/// nothing of what the records mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/format.hpp"
#include "mainstay/storage/wal/segment.hpp"

namespace mainstay::wal {

/// A batch whose header and records hold.
struct scanned_batch {
  batch_header header;
  std::span<const std::byte> records;  ///< valid until the scanner's next call
  std::uint64_t end_offset = 0;
  std::uint64_t chain = 0;  ///< checksum of the last record, or what it was given
};

/// Where a batch stopped to hold.
struct scan_damage {
  std::uint64_t offset = 0;
  std::optional<record_header> last_entry;  ///< the last entry in the batch that still holds
};

/// Reads one segment.
class batch_scanner {
 public:
  explicit batch_scanner(const segment& source) : source_(&source), window_(source) {}

  /// The batch at `offset`, when all of it holds; otherwise `damage()` says where it does not.
  /// `chain` seeds its first record.
  result<std::optional<scanned_batch>> read(std::uint64_t offset, std::uint64_t chain);
  const scan_damage& damage() const { return damage_; }

  /// The header at `offset`, if one holds there.
  result<std::optional<batch_header>> header_at(std::uint64_t offset);

  /// Plain bytes from `offset` on, at least `wanted` or up to the end; valid until the next call.
  result<std::span<const std::byte>> bytes(std::uint64_t offset, std::uint64_t wanted) {
    return window_.view(offset, wanted);
  }

  /// The next header that holds, at or behind `offset`.
  result<std::optional<batch_header>> find_header(std::uint64_t offset);

 private:
  const segment* source_;
  segment_window window_;
  scan_damage damage_;
};

}  // namespace mainstay::wal
