#include "mainstay/storage/wal/image_verifier.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace mainstay::wal {

std::unexpected<error> image_verifier::refuse(const error& why) const {
  return fail(why.code, fmt::format("at offset {}: {}", verified_, why.message));
}

result<std::size_t> image_verifier::part_size(std::span<const std::byte> front) const {
  if (!header_) {
    auto size = header_size(front);
    if (!size) return refuse(size.error());
    return *size;
  }
  auto extent = wal::part_size(front);
  if (!extent) return refuse(extent.error());
  return extent->size;
}

result<void> image_verifier::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (complete_) return refuse({error_code::corrupt, "bytes behind the end of the image"});
    const auto front = held_.empty() ? bytes : std::span<const std::byte>(held_);
    auto size = image_prefix_size;
    if (front.size() >= image_prefix_size) {
      auto told = part_size(front);
      if (!told) return std::unexpected(told.error());
      size = *told;
      if (held_.empty() && bytes.size() >= size) {
        if (auto ok = take_part(bytes.first(size)); !ok) return refuse(ok.error());
        bytes = bytes.subspan(size);
        continue;
      }
    }
    const auto more = bytes.first(std::min(bytes.size(), size - held_.size()));
    held_.insert(held_.end(), more.begin(), more.end());
    bytes = bytes.subspan(more.size());
    if (held_.size() < size || size == image_prefix_size) continue;
    if (auto ok = take_part(held_); !ok) return refuse(ok.error());
    held_.clear();
  }
  return {};
}

result<void> image_verifier::take_part(std::span<const std::byte> part) {
  if (!header_) {
    auto decoded = decode_image_header(part);
    if (!decoded) return std::unexpected(decoded.error());
    header_ = std::move(decoded->part);
    checksum_ = decoded->checksum;
    verified_ += part.size();
    return {};
  }
  const auto extent = wal::part_size(part);
  return extent->kind == image_part::chunk ? take_chunk(part) : take_footer(part);
}

result<void> image_verifier::take_chunk(std::span<const std::byte> part) {
  auto decoded = decode_chunk(part, checksum_);
  if (!decoded) return std::unexpected(decoded.error());
  if (last_chunk_came_) {
    return fail(error_code::corrupt, "a chunk behind one that is not full");
  }
  checksum_ = decoded->checksum;
  state_size_ += decoded->part.size();
  ++chunks_;
  last_chunk_came_ = decoded->part.size() < chunk_payload_size;
  verified_ += part.size();
  if (output_) output_(decoded->part);
  return {};
}

result<void> image_verifier::take_footer(std::span<const std::byte> part) {
  auto decoded = decode_image_footer(part, checksum_);
  if (!decoded) return std::unexpected(decoded.error());
  const auto size = verified_ + part.size();
  if (decoded->part.state_size != state_size_ || decoded->part.image_size != size) {
    return fail(error_code::corrupt, "the footer tells of another size");
  }
  verified_ = size;
  const auto& contents = header_->contents;
  complete_ = core::snapshot{
      {contents.last_included_index, contents.last_included_term, size, decoded->checksum},
      contents.time,
      contents.configuration};
  return {};
}

}  // namespace mainstay::wal
