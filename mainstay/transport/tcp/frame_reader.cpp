#include "mainstay/transport/tcp/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::tcp {

namespace {

constexpr std::size_t handshake_block = 1024;

/// A read into less room than this is not worth its system call, unless it completes a frame.
std::size_t least_read(std::size_t block_size) { return block_size / 16; }

}  // namespace

frame_reader::frame_reader()
    : max_body_(max_handshake_body),
      block_size_(handshake_block),
      arena_(std::make_unique<byte_arena>(handshake_block)) {}

void frame_reader::open_up(std::size_t max_body, std::size_t block_size) {
  MAINSTAY_ASSERT(!header_);
  // What came in behind the handshake moves over to the first block of the new size.
  const auto behind = arena_->commit(pending_);
  max_body_ = max_body;
  block_size_ = block_size;
  arena_ = std::make_unique<byte_arena>(block_size);
  room_ = arena_->reserve(std::max(block_size, pending_));
  if (!behind.empty()) std::memcpy(room_.data(), behind.data(), behind.size());
}

std::span<std::byte> frame_reader::room() {
  if (pending_ == 0) {
    arena_->rewind();
    room_ = {};
  }
  if (header_) {
    make_room(frame_header_size + header_->length);
  } else {
    make_room(pending_ + std::max(frame_header_size, least_read(block_size_)));
  }
  return room_.subspan(pending_);
}

void frame_reader::make_room(std::size_t wanted) {
  if (room_.size() >= wanted) return;
  const auto partial = arena_->commit(pending_);
  room_ = arena_->reserve(wanted);
  if (!partial.empty()) std::memcpy(room_.data(), partial.data(), partial.size());
}

result<std::optional<frame>> frame_reader::next() {
  if (pending_ < frame_header_size) return std::nullopt;
  const auto header_bytes = std::span<const std::byte>(room_).first<frame_header_size>();
  if (!header_) {
    auto decoded = decode_header(header_bytes, max_body_);
    if (!decoded) return std::unexpected(std::move(decoded.error()));
    header_ = *decoded;
  }
  const std::size_t size = frame_header_size + header_->length;
  if (pending_ < size) return std::nullopt;
  if (!checksum_holds(header_bytes, room_.subspan(frame_header_size, header_->length))) {
    return fail(error_code::malformed, "the checksum of a frame does not hold");
  }
  const auto whole = arena_->commit(size);
  room_ = room_.subspan(size);
  pending_ -= size;
  auto body = whole.slice(frame_header_size, size - frame_header_size);
  // What is kept of a small body must not keep a whole block: on a quiet connection every command
  // would, and the log's window counts only the command.
  if (size < block_size_ / 4) body = shared_bytes::copy_of(body.span());
  return frame{*std::exchange(header_, std::nullopt), std::move(body)};
}

}  // namespace mainstay::tcp
