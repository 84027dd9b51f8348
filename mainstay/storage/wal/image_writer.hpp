/// Makes the bytes of a snapshot image (docs/formats/snapshot.md) from a state that comes in pieces
/// of any size. Where the bytes go is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/storage/wal/image_format.hpp"

namespace mainstay::wal {

/// Takes the bytes of an image, in order.
using image_output = std::function<result<void>(std::span<const std::span<const std::byte>>)>;

/// Writes one image. One thread at a time. Errors are those of the output; after one the image
/// cannot be completed.
class image_writer {
 public:
  image_writer(image_header header, image_output output)
      : header_(std::move(header)), output_(std::move(output)) {}

  /// Writes the header. Called once, before anything else.
  result<void> begin();
  /// Takes more of the state.
  result<void> write(std::span<const std::byte> state);
  /// Writes what is left, and the footer; tells what the image is called. Called once, at the end.
  result<core::snapshot> finish();

 private:
  result<void> write_chunk(std::span<const std::byte> payload);
  result<void> put(std::span<const std::span<const std::byte>> pieces);

  image_header header_;
  image_output output_;
  std::vector<std::byte> held_;  // less than a chunk
  std::uint64_t checksum_ = 0;   // of the part before
  std::uint64_t state_size_ = 0;
  std::uint64_t image_size_ = 0;
};

}  // namespace mainstay::wal
