/// Writes numbers and payloads into one block of a size known beforehand. The encoder's tool, not
/// for users.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/rpc_serializer.hpp"
#include "mainstay/serializer/binary/wire_format.hpp"

namespace mainstay::binary {

/// Payloads below this size are copied: a copy is then cheaper than one more piece to write.
inline constexpr std::size_t copy_below = 1024;

/// What a payload takes in the writer's block: nothing when it becomes a piece of its own.
inline std::size_t inline_size(const shared_bytes& payload) {
  return payload.size() < copy_below ? payload.size() : 0;
}

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

/// Fills a block from front to back, beginning with version and kind. What is written after these
/// must add up to the size given to the constructor.
class wire_writer {
 public:
  wire_writer(std::uint8_t kind, std::size_t size) : arena_(prefix_size + size) {
    const auto room = arena_.reserve(prefix_size + size);
    begin_ = at_ = room.data();
    end_ = at_ + prefix_size + size;
    put(format_version);
    put(kind);
  }
  wire_writer(const wire_writer&) = delete;
  wire_writer& operator=(const wire_writer&) = delete;

  /// A number, in its own width.
  template <std::integral Number>
  void put(Number value) {
    std::memcpy(take(sizeof value), &value, sizeof value);
  }
  template <class... Ids>
  void put_ids(Ids... ids) {
    (put(ids.value()), ...);
  }
  void put_bytes(std::span<const std::byte> bytes) {
    if (!bytes.empty()) std::memcpy(take(bytes.size()), bytes.data(), bytes.size());
  }
  /// Copies a small payload; a large one is shared.
  void put_payload(const shared_bytes& payload) {
    if (payload.size() < copy_below) return put_bytes(payload.span());
    close_piece();
    pieces_.add(payload);
  }
  /// Room for a column of `n` bytes, to be filled by the caller.
  std::byte* take(std::size_t n) {
    MAINSTAY_ASSERT(n <= static_cast<std::size_t>(end_ - at_));
    auto* taken = at_;
    at_ += n;
    return taken;
  }
  /// The pieces, once everything is written.
  byte_pieces finish() {
    MAINSTAY_ASSERT(at_ == end_);
    close_piece();
    return std::move(pieces_);
  }

 private:
  static constexpr std::size_t prefix_size = 2;

  void close_piece() {
    pieces_.add(arena_.commit(static_cast<std::size_t>(at_ - begin_)));
    begin_ = at_;
  }

  byte_arena arena_;
  byte_pieces pieces_;
  std::byte* begin_ = nullptr;  ///< of the piece being written
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
};

}  // namespace mainstay::binary
