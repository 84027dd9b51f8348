/// The bytes of the log as docs/formats/wal.md describes them: headers in and out, and checksums.
/// It knows no files and no order of things.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay::wal {

/// The version that this build writes, and the only one that it reads.
inline constexpr std::uint32_t format_version = 1;
/// Sizes in bytes.
inline constexpr std::uint32_t segment_header_size = 4096;
inline constexpr std::uint32_t batch_header_size = 64;
inline constexpr std::uint32_t record_header_size = 48;
inline constexpr std::uint32_t group_state_payload = 32;
/// What a segment file may have.
inline constexpr std::uint64_t min_segment_size = 16 * 1024;
inline constexpr std::uint64_t max_segment_size = 1024 * 1024 * 1024;

/// A place in the log: which segment, and where in it.
struct position {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  friend auto operator<=>(const position&, const position&) = default;
};

/// Whose log this is.
struct identity {
  cluster_id cluster;
  node_id node;
  mainstay::incarnation incarnation;
  friend bool operator==(const identity&, const identity&) = default;
};

/// What a segment says about itself.
struct segment_header {
  wal::identity identity;
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;  ///< of the segment, in bytes
  friend bool operator==(const segment_header&, const segment_header&) = default;
};

/// An encoded segment header.
using segment_header_bytes = std::array<std::byte, segment_header_size>;

/// Writes a header; gives its checksum, which is the segment's seed.
std::uint64_t encode(const segment_header& header, segment_header_bytes& out);

/// A header that holds, and the segment's seed.
struct decoded_segment_header {
  segment_header header;
  std::uint64_t seed = 0;
};

/// Errors: `corrupt` when the checksum or a limit does not hold, `unsupported` for another version.
result<decoded_segment_header> decode_segment_header(std::span<const std::byte> bytes);

/// The name of a segment file: `0000000000000001.wal`; also with `.new` and `.spare`.
std::string segment_name(std::uint64_t sequence, std::string_view suffix = ".wal");
/// The sequence in a name with this suffix; none when it is not such a name.
std::optional<std::uint64_t> sequence_in(std::string_view name, std::string_view suffix = ".wal");

/// What a batch says about itself, and about what came before it.
struct batch_header {
  std::uint32_t length = 0;  ///< of the records, in bytes
  std::uint32_t count = 0;   ///< of records
  position self;             ///< where this batch stands
  position flushed;          ///< everything before this had been flushed
  std::uint64_t previous_checksum = 0;
  friend bool operator==(const batch_header&, const batch_header&) = default;
};

/// Room for an encoded batch header.
using batch_header_bytes = std::span<std::byte, batch_header_size>;

/// Writes a batch header.
void encode(const batch_header& header, std::uint64_t seed, batch_header_bytes out);

/// True when the bytes carry a batch header's marker; says nothing about the rest of them.
bool has_batch_marker(std::span<const std::byte> bytes);

/// None when the bytes are not a batch header written at `self` in the segment with this seed.
std::optional<batch_header> decode_batch_header(std::span<const std::byte> bytes,
                                                std::uint64_t seed, position self);

/// What a record means (docs/formats/wal.md).
enum class record_type : std::uint8_t {
  entry = 1,
  hard_state = 2,
  truncate = 3,
  base = 4,
  bootstrap = 5,
  group_state = 6,
  reset = 7,
};

/// A record without its payload; index and term mean what the type says.
struct record_header {
  std::uint64_t checksum = 0;
  std::uint32_t payload_size = 0;
  record_type type = record_type::entry;
  std::uint8_t kind = 0;
  group_id group;
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::int64_t time = 0;
};

/// Header, payload and padding together.
constexpr std::uint64_t record_size(std::uint64_t payload_size) {
  return record_header_size + (payload_size + 7) / 8 * 8;
}

/// Room for an encoded record header.
using record_header_bytes = std::span<std::byte, record_header_size>;

/// Writes a record's header and gives its checksum; `header.checksum` is not looked at.
/// `previous` is the checksum of what stands before.
std::uint64_t encode(const record_header& header, std::span<const std::byte> payload,
                     std::uint64_t previous, record_header_bytes out);

/// Reads a record's header without checking anything. Precondition: `record_header_size` bytes.
record_header peek_record(std::span<const std::byte> bytes);

/// A whole record that holds.
struct decoded_record {
  record_header header;
  std::span<const std::byte> payload;
};

/// The record at the front of `bytes`; none when it does not hold: too short, another checksum,
/// padding or reserved bytes that are not zero.
std::optional<decoded_record> decode_record(std::span<const std::byte> bytes,
                                            std::uint64_t previous);

/// Little-endian numbers, wherever they lie.
std::uint64_t load_u64(const std::byte* from);
void store_u64(std::byte* to, std::uint64_t value);

}  // namespace mainstay::wal
