#include "mainstay/storage/wal/image_writer.hpp"

#include <algorithm>
#include <array>

namespace mainstay::wal {

result<void> image_writer::put(std::span<const std::span<const std::byte>> pieces) {
  for (const auto piece : pieces) image_size_ += piece.size();
  return output_(pieces);
}

result<void> image_writer::begin() {
  const auto bytes = encode(header_);
  checksum_ = checksum_of_header(bytes);
  const std::array<std::span<const std::byte>, 1> pieces{bytes};
  return put(pieces);
}

result<void> image_writer::write_chunk(std::span<const std::byte> payload) {
  const auto front = encode_chunk_header(payload, checksum_);
  checksum_ = front.checksum;
  state_size_ += payload.size();
  const std::array<std::span<const std::byte>, 2> pieces{front.bytes, payload};
  return put(pieces);
}

result<void> image_writer::write(std::span<const std::byte> state) {
  while (!state.empty()) {
    if (held_.empty() && state.size() >= chunk_payload_size) {
      if (auto ok = write_chunk(state.first(chunk_payload_size)); !ok) return ok;
      state = state.subspan(chunk_payload_size);
      continue;
    }
    held_.reserve(chunk_payload_size);
    const auto more = state.first(std::min(state.size(), chunk_payload_size - held_.size()));
    held_.insert(held_.end(), more.begin(), more.end());
    state = state.subspan(more.size());
    if (held_.size() < chunk_payload_size) continue;
    if (auto ok = write_chunk(held_); !ok) return ok;
    held_.clear();
  }
  return {};
}

result<core::snapshot> image_writer::finish() {
  if (!held_.empty()) {
    if (auto ok = write_chunk(held_); !ok) return std::unexpected(ok.error());
  }
  const auto footer = encode(image_footer{state_size_, image_size_ + image_footer_size}, checksum_);
  const std::array<std::span<const std::byte>, 1> pieces{footer.bytes};
  if (auto ok = put(pieces); !ok) return std::unexpected(ok.error());
  const auto& contents = header_.contents;
  return core::snapshot{
      {contents.last_included_index, contents.last_included_term, image_size_, footer.digest},
      contents.time,
      contents.configuration};
}

}  // namespace mainstay::wal
