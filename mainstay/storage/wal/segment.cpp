#include "mainstay/storage/wal/segment.hpp"

#include <algorithm>

namespace mainstay::wal {

namespace {
constexpr std::uint64_t piece_size = 1024 * 1024;
}

result<std::span<const std::byte>> segment_window::view(std::uint64_t offset,
                                                        std::uint64_t wanted) {
  const auto limit = source_->header.size;
  offset = std::min(offset, limit);
  wanted = std::min(wanted, limit - offset);
  if (offset < begin_ || offset + wanted > end_) {
    const auto length = std::min(std::max(wanted, piece_size), limit - offset);
    if (buffer_.size() < length) buffer_.resize(length);
    begin_ = end_ = offset;
    auto got = source_->file->read(std::span(buffer_).first(length), offset);
    if (!got) return std::unexpected(got.error());
    end_ = offset + *got;
  }
  return std::span<const std::byte>(buffer_).subspan(offset - begin_, end_ - offset);
}

}  // namespace mainstay::wal
