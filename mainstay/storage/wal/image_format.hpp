/// The bytes of a snapshot image as docs/formats/snapshot.md describes them: parts in and out, and
/// checksums. It knows no files; image_writer and image_verifier put the parts in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/core/snapshot.hpp"

namespace mainstay::wal {

/// The version that this build writes, and the only one that it reads.
inline constexpr std::uint32_t image_format_version = 1;
/// Sizes in bytes.
inline constexpr std::size_t image_prefix_size =
    16;  ///< tells how large the part is, see part_size
inline constexpr std::size_t chunk_header_size = 16;
inline constexpr std::size_t image_footer_size = 32;
inline constexpr std::size_t max_image_header_size = 256 * 1024;
/// State in every chunk but the last.
inline constexpr std::size_t chunk_payload_size = 256 * 1024;
/// No part of an image is larger.
inline constexpr std::size_t max_part_size = chunk_header_size + chunk_payload_size;

/// What the header of an image says.
struct image_header {
  group_id group;
  core::snapshot_contents contents;
  friend bool operator==(const image_header&, const image_header&) = default;
};

/// What stands in an image behind its header.
enum class image_part : std::uint8_t { chunk, footer };

/// What the footer of an image says.
struct image_footer {
  std::uint64_t state_size = 0;
  std::uint64_t image_size = 0;
};

/// A part that holds, and the checksum that the next one is seeded with.
template <class Part>
struct decoded_part {
  Part part;
  std::uint64_t checksum = 0;
};

/// The whole header. Precondition: the configuration passes `core::check`.
std::vector<std::byte> encode(const image_header& header);
/// The checksum of an encoded header.
std::uint64_t checksum_of_header(std::span<const std::byte> encoded);
/// How large the header is. Precondition: `image_prefix_size` bytes. Errors: `corrupt`,
/// `unsupported` for another version.
result<std::size_t> header_size(std::span<const std::byte> prefix);
/// Reads a header. `bytes` is as long as `header_size` said. Errors: `corrupt`.
result<decoded_part<image_header>> decode_image_header(std::span<const std::byte> bytes);

/// The front of a chunk, with its checksum.
struct encoded_chunk_header {
  std::array<std::byte, chunk_header_size> bytes;
  std::uint64_t checksum = 0;
};
/// Precondition: 1 to `chunk_payload_size` bytes.
encoded_chunk_header encode_chunk_header(std::span<const std::byte> payload,
                                         std::uint64_t previous);

/// An encoded footer; its checksum is the digest of the image.
struct encoded_image_footer {
  std::array<std::byte, image_footer_size> bytes;
  std::uint64_t digest = 0;
};
/// Writes a footer.
encoded_image_footer encode(const image_footer& footer, std::uint64_t previous);

/// Which part this is, and how large. Precondition: `image_prefix_size` bytes. Errors: `corrupt`.
struct part_extent {
  image_part kind;
  std::size_t size = 0;
};
/// See `part_extent`.
result<part_extent> part_size(std::span<const std::byte> prefix);
/// The payload of a chunk. `bytes` is as long as `part_size` said. Errors: `corrupt`.
result<decoded_part<std::span<const std::byte>>> decode_chunk(std::span<const std::byte> bytes,
                                                              std::uint64_t previous);
/// Reads a footer. Errors: `corrupt`.
result<decoded_part<image_footer>> decode_image_footer(std::span<const std::byte> bytes,
                                                       std::uint64_t previous);

}  // namespace mainstay::wal
