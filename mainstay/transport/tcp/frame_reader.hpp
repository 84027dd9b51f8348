/// Cuts a stream of received bytes into frames. It owns the receive buffer, checks every frame, and
/// knows no socket, so that tests and fuzzers feed it directly.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/transport/tcp/frame.hpp"

namespace mainstay::tcp {

/// Large bodies are slices of the receive buffer, which is replaced rather than overwritten as long
/// as slices of it are alive; those below a quarter of a block are copies. Memory: one block, or
/// one frame where that is larger; a frame's length is checked before room for it is made.
class frame_reader {
 public:
  /// Starts with the small limits of the handshake.
  frame_reader();

  /// From now on bodies may have `max_body` bytes, and blocks have `block_size`.
  void open_up(std::size_t max_body, std::size_t block_size);

  /// Where the next bytes are to be received; never empty. Call `next` until it gives nothing
  /// first.
  std::span<std::byte> room();
  /// The first `n` bytes of `room()` were filled.
  void received(std::size_t n) { pending_ += n; }

  /// The next whole frame, or nothing until more is received. Errors: `malformed`, after which the
  /// stream cannot be read on.
  result<std::optional<frame>> next();

 private:
  void make_room(std::size_t wanted);

  std::size_t max_body_;
  std::size_t block_size_;
  std::unique_ptr<byte_arena> arena_;
  std::span<std::byte> room_;           ///< reserved in arena_: pending bytes, then free ones
  std::size_t pending_ = 0;             ///< received bytes that no frame was made of yet
  std::optional<frame_header> header_;  ///< of the frame being received, once it was checked
};

}  // namespace mainstay::tcp
