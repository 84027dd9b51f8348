/// Frames, the unit that connections carry (docs/formats/wire.md). Pure bytes: no socket, and no
/// knowledge of what a body means.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::tcp {

/// The frame versions that this build speaks.
inline constexpr std::uint8_t min_frame_version = 1;
inline constexpr std::uint8_t max_frame_version = 1;

/// Size of a frame's header, in bytes.
inline constexpr std::size_t frame_header_size = 32;

/// Largest body of a frame before the handshake is over, in bytes.
inline constexpr std::size_t max_handshake_body = 512;

/// What a frame is for (docs/formats/wire.md).
enum class frame_kind : std::uint8_t { hello = 1, welcome, refusal, request, response };

/// What stands before a body, checksum aside.
struct frame_header {
  std::uint32_t length = 0;  ///< of the body, in bytes
  frame_kind kind = frame_kind::request;
  group_id group;
  std::uint64_t call = 0;

  friend bool operator==(const frame_header&, const frame_header&) = default;
};

/// A header as it stands on the wire.
using frame_header_bytes = std::array<std::byte, frame_header_size>;

/// The header with the checksum over itself and `body`, whose pieces follow one another.
frame_header_bytes encode(const frame_header& header, std::span<const shared_bytes> body);

/// Reads all of a header but its checksum. Errors: `malformed`, for unknown versions and kinds,
/// reserved bytes that are set, and a length above `max_body`.
result<frame_header> decode_header(std::span<const std::byte, frame_header_size> bytes,
                                   std::size_t max_body);

/// Whether the checksum in the header is that of header and body.
bool checksum_holds(std::span<const std::byte, frame_header_size> header,
                    std::span<const std::byte> body);

/// A frame that was received whole and undamaged.
struct frame {
  frame_header header;
  shared_bytes body;
};

}  // namespace mainstay::tcp
