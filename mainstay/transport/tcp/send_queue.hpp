/// What a connection still has to write: small pieces copied together, large ones shared. Pure
/// bytes, no socket.
#pragma once

#include <cstddef>
#include <deque>
#include <span>

#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/rpc_serializer.hpp"
#include "mainstay/transport/tcp/frame.hpp"

namespace mainstay::tcp {

/// A queue of bytes in pieces. For one thread.
class send_queue {
 public:
  /// Appends a frame: header, then body.
  void add(const frame_header_bytes& header, const byte_pieces& body);

  bool empty() const { return size_ == 0; }
  /// Bytes that wait.
  std::size_t size() const { return size_; }

  /// Fills `views` with the pieces at the front, in order, and returns how many it used. They are
  /// valid until the next change.
  std::size_t front(std::span<std::span<const std::byte>> views);
  /// Removes the first `n` bytes, which were written.
  void consume(std::size_t n);

 private:
  void copy(std::span<const std::byte> bytes);
  void close_staging();

  std::deque<shared_bytes> pieces_;
  std::size_t front_written_ = 0;  ///< bytes of the first piece that are written already
  std::size_t size_ = 0;

  byte_arena staging_;
  std::span<std::byte> room_;  ///< reserved in staging_
  std::size_t staged_ = 0;     ///< bytes at the front of room_ that are no piece yet
};

}  // namespace mainstay::tcp
