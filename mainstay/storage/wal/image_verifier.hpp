/// Checks the bytes of a snapshot image as they come, in pieces of any size, and hands out the
/// state in them. It believes nothing and keeps at most one part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/storage/wal/image_format.hpp"

namespace mainstay::wal {

/// Gets state that was checked; the bytes are valid during the call.
using state_output = std::function<void(std::span<const std::byte>)>;

/// Checks one image from its first byte on. One thread at a time.
class image_verifier {
 public:
  /// `output` may be empty.
  explicit image_verifier(state_output output = {}) : output_(std::move(output)) {}

  /// Takes more bytes. Errors, after which nothing more is taken: `corrupt` with the offset of what
  /// does not hold, `unsupported` for another version.
  result<void> feed(std::span<const std::byte> bytes);

  /// How long the part is that begins with `front`, at least `image_prefix_size` bytes. Errors: as
  /// above.
  result<std::size_t> part_size(std::span<const std::byte> front) const;

  /// How many bytes came.
  std::uint64_t taken() const { return verified_ + held_.size(); }
  /// How many of them, from the front, are of parts that hold.
  std::uint64_t verified() const { return verified_; }
  /// What the header says, once it came.
  const std::optional<image_header>& header() const { return header_; }
  /// What the image is, once all of it came and holds.
  const std::optional<core::snapshot>& complete() const { return complete_; }
  /// How much state came.
  std::uint64_t state_size() const { return state_size_; }
  /// How many chunks came.
  std::uint64_t chunks() const { return chunks_; }

 private:
  result<void> take_part(std::span<const std::byte> part);
  result<void> take_chunk(std::span<const std::byte> part);
  result<void> take_footer(std::span<const std::byte> part);
  std::unexpected<error> refuse(const error& why) const;

  state_output output_;
  std::vector<std::byte> held_;  // the front of a part
  std::uint64_t verified_ = 0;
  std::uint64_t checksum_ = 0;  // of the last part
  std::uint64_t state_size_ = 0;
  std::uint64_t chunks_ = 0;
  bool last_chunk_came_ = false;  // one that was not full
  std::optional<image_header> header_;
  std::optional<core::snapshot> complete_;
};

}  // namespace mainstay::wal
