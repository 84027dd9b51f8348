#include "mainstay/transport/tcp/frame.hpp"

#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mainstay::tcp {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr std::size_t version_at = 4;
constexpr std::size_t kind_at = 5;
constexpr std::size_t reserved_at = 6;
constexpr std::size_t group_at = 8;
constexpr std::size_t call_at = 16;
constexpr std::size_t checksum_at = 24;

template <class Number>
void put(std::byte* at, Number value) {
  std::memcpy(at, &value, sizeof value);
}

template <class Number>
Number get(const std::byte* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// The checksum of a body in pieces, equal to that of the same bytes in one.
std::uint64_t checksum_of(const std::byte* header, std::span<const shared_bytes> body) {
  const auto seed = XXH3_64bits(header, checksum_at);
  if (body.empty()) return XXH3_64bits_withSeed(nullptr, 0, seed);
  if (body.size() == 1) return XXH3_64bits_withSeed(body[0].data(), body[0].size(), seed);
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  for (const auto& piece : body) XXH3_64bits_update(&state, piece.data(), piece.size());
  return XXH3_64bits_digest(&state);
}

}  // namespace

frame_header_bytes encode(const frame_header& header, std::span<const shared_bytes> body) {
  frame_header_bytes bytes;
  put(bytes.data(), header.length);
  put(bytes.data() + version_at, max_frame_version);
  put(bytes.data() + kind_at, std::to_underlying(header.kind));
  put(bytes.data() + reserved_at, std::uint16_t{0});
  put(bytes.data() + group_at, header.group.value());
  put(bytes.data() + call_at, header.call);
  put(bytes.data() + checksum_at, checksum_of(bytes.data(), body));
  return bytes;
}

result<frame_header> decode_header(std::span<const std::byte, frame_header_size> bytes,
                                   std::size_t max_body) {
  frame_header header;
  header.length = get<std::uint32_t>(bytes.data());
  header.group = group_id(get<std::uint64_t>(bytes.data() + group_at));
  header.call = get<std::uint64_t>(bytes.data() + call_at);
  const auto version = get<std::uint8_t>(bytes.data() + version_at);
  const auto kind = get<std::uint8_t>(bytes.data() + kind_at);
  const auto reserved = get<std::uint16_t>(bytes.data() + reserved_at);
  if (version < min_frame_version || version > max_frame_version) {
    return fail(error_code::malformed, fmt::format("frame version {} is unknown", version));
  }
  if (kind < std::to_underlying(frame_kind::hello) ||
      kind > std::to_underlying(frame_kind::response)) {
    return fail(error_code::malformed, fmt::format("frame kind {} is unknown", kind));
  }
  if (reserved != 0) {
    return fail(error_code::malformed, fmt::format("reserved bytes of a frame are {}", reserved));
  }
  if (header.length > max_body) {
    return fail(error_code::malformed,
                fmt::format("a frame announces {} bytes, {} are allowed", header.length, max_body));
  }
  header.kind = frame_kind{kind};
  return header;
}

bool checksum_holds(std::span<const std::byte, frame_header_size> header,
                    std::span<const std::byte> body) {
  const auto seed = XXH3_64bits(header.data(), checksum_at);
  return get<std::uint64_t>(header.data() + checksum_at) ==
         XXH3_64bits_withSeed(body.data(), body.size(), seed);
}

}  // namespace mainstay::tcp
