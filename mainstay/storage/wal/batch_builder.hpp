/// Puts one batch together: headers and small payloads in one buffer, large payloads where they
/// are. What comes out is a list of pieces for one write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

/// One batch in the making. Payloads given to `add` must stay alive until the batch is written.
class batch_builder {
 public:
  /// Begins a batch at `self`. `header.length` and `header.count` are not looked at; `chain` seeds
  /// the first record.
  void begin(const batch_header& header, std::uint64_t segment_seed, std::uint64_t chain);
  /// True between `begin` and `clear`.
  bool open() const { return open_; }
  /// Bytes so far, with the batch header; 0 when not open.
  std::uint64_t size() const { return open_ ? size_ : 0; }
  /// The checksum of the last record, or what `begin` was given.
  std::uint64_t chain() const { return chain_; }
  const batch_header& header() const { return header_; }

  void add(const record_header& header, std::span<const std::byte> payload);

  /// Closes the batch header and gives everything in order. Valid until the next call.
  std::span<const std::span<const std::byte>> finish();
  /// Forgets the batch; keeps ordinary amounts of memory.
  void clear();

 private:
  /// A stretch of the own buffer (`outside` null) or of a payload.
  struct piece {
    const std::byte* outside = nullptr;
    std::size_t length = 0;
  };

  std::byte* reserve(std::size_t length);
  void keep_inside(std::size_t length);

  bool open_ = false;
  batch_header header_;
  std::uint64_t seed_ = 0;
  std::uint64_t chain_ = 0;
  std::uint64_t size_ = 0;

  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::vector<piece> pieces_;
  std::vector<std::span<const std::byte>> spans_;
};

}  // namespace mainstay::wal
