/// An open segment file, and a window over its bytes for reading it from front to back. Both say
/// nothing about what the bytes mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

/// A segment with its file open. Readers on other threads share it; its fields never change.
struct segment {
  std::string path;
  segment_header header;
  std::uint64_t seed = 0;
  std::unique_ptr<wal::file> file;

  std::uint64_t sequence() const { return header.sequence; }
};

/// Bytes of one segment, read in large pieces.
class segment_window {
 public:
  explicit segment_window(const segment& source) : source_(&source) {}

  /// The bytes from `offset` on, at least `wanted` of them or up to the segment's end. Valid until
  /// the next call.
  result<std::span<const std::byte>> view(std::uint64_t offset, std::uint64_t wanted);

 private:
  const segment* source_;
  std::vector<std::byte> buffer_;
  std::uint64_t begin_ = 0;  // offset of the buffer's first byte
  std::uint64_t end_ = 0;    // offset behind the buffer's last valid byte
};

}  // namespace mainstay::wal
