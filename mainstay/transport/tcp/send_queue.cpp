#include "mainstay/transport/tcp/send_queue.hpp"

#include <algorithm>
#include <cstring>

#include "mainstay/base/assert.hpp"

namespace mainstay::tcp {

namespace {

/// Below this a copy costs less than one more element in a scatter-gather write.
constexpr std::size_t copy_below = 2048;

}  // namespace

void send_queue::add(const frame_header_bytes& header, const byte_pieces& body) {
  copy(header);
  for (const auto& piece : body.pieces()) {
    if (piece.size() < copy_below) {
      copy(piece.span());
      continue;
    }
    close_staging();
    pieces_.push_back(piece);
    size_ += piece.size();
  }
}

void send_queue::copy(std::span<const std::byte> bytes) {
  if (room_.size() - staged_ < bytes.size()) {
    close_staging();
    room_ = staging_.reserve(bytes.size());
  }
  std::memcpy(room_.data() + staged_, bytes.data(), bytes.size());
  staged_ += bytes.size();
  size_ += bytes.size();
}

void send_queue::close_staging() {
  if (staged_ == 0) return;
  pieces_.push_back(staging_.commit(staged_));
  room_ = room_.subspan(staged_);
  staged_ = 0;
}

std::size_t send_queue::front(std::span<std::span<const std::byte>> views) {
  close_staging();
  const auto count = std::min(views.size(), pieces_.size());
  for (std::size_t i = 0; i < count; ++i) views[i] = pieces_[i].span();
  if (count > 0) views[0] = views[0].subspan(front_written_);
  return count;
}

void send_queue::consume(std::size_t n) {
  MAINSTAY_ASSERT(n <= size_ - staged_);
  size_ -= n;
  while (n > 0) {
    const auto left = pieces_.front().size() - front_written_;
    if (n < left) {
      front_written_ += n;
      return;
    }
    n -= left;
    front_written_ = 0;
    pieces_.pop_front();
  }
  if (size_ != 0) return;
  staging_.rewind();
  room_ = {};
}

}  // namespace mainstay::tcp
