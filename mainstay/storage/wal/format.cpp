#include "mainstay/storage/wal/format.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "mainstay/base/checksum.hpp"

namespace mainstay::wal {

namespace {

constexpr std::string_view segment_magic = "MNSTYWAL";
constexpr std::string_view batch_marker = "MBatch\r\n";
constexpr std::size_t header_checksum_at = segment_header_size - 8;

static_assert(std::endian::native == std::endian::little,
              "the log is little-endian and read in place");

std::uint32_t load_u32(const std::byte* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store_u32(std::byte* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

std::uint64_t record_checksum(std::span<const std::byte> header, std::span<const std::byte> payload,
                              std::uint64_t previous) {
  const auto of_header = checksum(header.subspan(8, record_header_size - 8), previous);
  return payload.empty() ? of_header : checksum(payload, of_header);
}

}  // namespace

std::uint64_t load_u64(const std::byte* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store_u64(std::byte* to, std::uint64_t value) { std::memcpy(to, &value, sizeof value); }

std::uint64_t encode(const segment_header& header, segment_header_bytes& out) {
  out.fill(std::byte{0});
  std::memcpy(out.data(), segment_magic.data(), 8);
  store_u32(&out[8], format_version);
  store_u32(&out[12], segment_header_size);
  store_u64(&out[16], header.identity.cluster.value());
  store_u64(&out[24], header.identity.node.value());
  store_u64(&out[32], header.identity.incarnation.value());
  store_u64(&out[40], header.sequence);
  store_u64(&out[48], header.size);
  const auto seed = checksum(std::span(out).first(header_checksum_at));
  store_u64(&out[header_checksum_at], seed);
  return seed;
}

result<decoded_segment_header> decode_segment_header(std::span<const std::byte> bytes) {
  if (bytes.size() < segment_header_size) {
    return fail(error_code::corrupt, "the segment's header is cut off");
  }
  const auto* at = bytes.data();
  if (std::memcmp(at, segment_magic.data(), 8) != 0) {
    return fail(error_code::corrupt, "the segment does not begin with the log's magic number");
  }
  if (const auto version = load_u32(at + 8); version != format_version) {
    // Told apart from damage first, because another version may place its checksum elsewhere.
    return fail(error_code::unsupported,
                fmt::format("the log has format version {}, this build reads version {}", version,
                            format_version));
  }
  decoded_segment_header decoded;
  decoded.seed = load_u64(at + header_checksum_at);
  if (checksum(bytes.first(header_checksum_at)) != decoded.seed) {
    return fail(error_code::corrupt, "the checksum of the segment's header does not hold");
  }
  auto& h = decoded.header;
  h.identity = {cluster_id(load_u64(at + 16)), node_id(load_u64(at + 24)),
                incarnation(load_u64(at + 32))};
  h.sequence = load_u64(at + 40);
  h.size = load_u64(at + 48);
  const bool plausible = h.sequence > 0 && h.sequence >> 32 == 0 && h.size >= min_segment_size &&
                         h.size <= max_segment_size && h.size % 4096 == 0 && h.identity.cluster &&
                         h.identity.node && h.identity.incarnation &&
                         load_u32(at + 12) == segment_header_size;
  if (!plausible) return fail(error_code::corrupt, "the segment's header breaks a limit");
  return decoded;
}

std::string segment_name(std::uint64_t sequence, std::string_view suffix) {
  return fmt::format("{:016x}{}", sequence, suffix);
}

std::optional<std::uint64_t> sequence_in(std::string_view name, std::string_view suffix) {
  if (name.size() != 16 + suffix.size() || !name.ends_with(suffix)) return {};
  std::uint64_t sequence = 0;
  const auto [end, status] = std::from_chars(name.data(), name.data() + 16, sequence, 16);
  if (status != std::errc{} || end != name.data() + 16) return {};
  if (segment_name(sequence, suffix) != name) return {};
  return sequence;
}

void encode(const batch_header& header, std::uint64_t seed, batch_header_bytes out) {
  auto* at = out.data();
  std::memcpy(at + 8, batch_marker.data(), 8);
  store_u32(at + 16, header.length);
  store_u32(at + 20, header.count);
  store_u64(at + 24, header.self.sequence);
  store_u64(at + 32, header.self.offset);
  store_u64(at + 40, header.flushed.sequence);
  store_u64(at + 48, header.flushed.offset);
  store_u64(at + 56, header.previous_checksum);
  store_u64(at, checksum(out.subspan(8), seed));
}

bool has_batch_marker(std::span<const std::byte> bytes) {
  return bytes.size() >= 16 && std::memcmp(bytes.data() + 8, batch_marker.data(), 8) == 0;
}

std::optional<batch_header> decode_batch_header(std::span<const std::byte> bytes,
                                                std::uint64_t seed, position self) {
  if (bytes.size() < batch_header_size || !has_batch_marker(bytes)) return {};
  const auto* at = bytes.data();
  batch_header h;
  h.length = load_u32(at + 16);
  h.count = load_u32(at + 20);
  h.self = {load_u64(at + 24), load_u64(at + 32)};
  h.flushed = {load_u64(at + 40), load_u64(at + 48)};
  h.previous_checksum = load_u64(at + 56);
  if (h.self != self || h.length % 8 != 0) return {};  // cheap tests before the checksum
  if (checksum(bytes.subspan(8, batch_header_size - 8), seed) != load_u64(at)) return {};
  return h;
}

std::uint64_t encode(const record_header& header, std::span<const std::byte> payload,
                     std::uint64_t previous, record_header_bytes out) {
  auto* at = out.data();
  store_u32(at + 8, static_cast<std::uint32_t>(payload.size()));
  at[12] = static_cast<std::byte>(header.type);
  at[13] = static_cast<std::byte>(header.kind);
  at[14] = at[15] = std::byte{0};
  store_u64(at + 16, header.group.value());
  store_u64(at + 24, header.index);
  store_u64(at + 32, header.term);
  store_u64(at + 40, static_cast<std::uint64_t>(header.time));
  const auto sum = record_checksum(out, payload, previous);
  store_u64(at, sum);
  return sum;
}

record_header peek_record(std::span<const std::byte> bytes) {
  const auto* at = bytes.data();
  record_header h;
  h.checksum = load_u64(at);
  h.payload_size = load_u32(at + 8);
  h.type = static_cast<record_type>(at[12]);
  h.kind = std::to_integer<std::uint8_t>(at[13]);
  h.group = group_id(load_u64(at + 16));
  h.index = load_u64(at + 24);
  h.term = load_u64(at + 32);
  h.time = static_cast<std::int64_t>(load_u64(at + 40));
  return h;
}

std::optional<decoded_record> decode_record(std::span<const std::byte> bytes,
                                            std::uint64_t previous) {
  if (bytes.size() < record_header_size) return {};
  decoded_record decoded{peek_record(bytes), {}};
  const auto size = record_size(decoded.header.payload_size);
  if (size > bytes.size()) return {};
  decoded.payload = bytes.subspan(record_header_size, decoded.header.payload_size);
  if (record_checksum(bytes, decoded.payload, previous) != decoded.header.checksum) return {};
  const auto padding_at = record_header_size + decoded.header.payload_size;
  if (!all_zero(bytes.subspan(padding_at, size - padding_at))) return {};
  return decoded;
}

}  // namespace mainstay::wal
