#include "mainstay/storage/wal/image_format.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/checksum.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

namespace {

constexpr std::string_view image_magic = "MNSTYIMG";
constexpr std::string_view chunk_marker = "CHNK";
constexpr std::string_view footer_marker = "IEND";
constexpr std::size_t configuration_at = 56;
constexpr std::size_t checksum_size = 8;

std::uint32_t load_u32(const std::byte* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store_u32(std::byte* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }

bool begins_with(const std::byte* at, std::string_view marker) {
  return std::memcmp(at, marker.data(), marker.size()) == 0;
}

std::unexpected<error> damaged(const char* what) { return fail(error_code::corrupt, what); }

constexpr std::size_t header_size_with(std::size_t configuration) {
  return configuration_at + (configuration + 7) / 8 * 8 + checksum_size;
}

}  // namespace

std::vector<std::byte> encode(const image_header& header) {
  const auto& contents = header.contents;
  const auto configuration = core::encode(contents.configuration);
  std::vector<std::byte> bytes(header_size_with(configuration.size()));
  MAINSTAY_ASSERT(bytes.size() <= max_image_header_size);
  auto* at = bytes.data();
  std::memcpy(at, image_magic.data(), image_magic.size());
  store_u32(at + 8, image_format_version);
  store_u32(at + 12, static_cast<std::uint32_t>(bytes.size()));
  store_u64(at + 16, header.group.value());
  store_u64(at + 24, contents.last_included_index.value());
  store_u64(at + 32, contents.last_included_term.value());
  store_u64(at + 40, static_cast<std::uint64_t>(contents.time.microseconds));
  store_u64(at + 48, configuration.size());
  std::ranges::copy(configuration.span(), at + configuration_at);
  const auto sum_at = bytes.size() - checksum_size;
  store_u64(at + sum_at, checksum(std::span(bytes).first(sum_at)));
  return bytes;
}

std::uint64_t checksum_of_header(std::span<const std::byte> encoded) {
  return load_u64(encoded.data() + encoded.size() - checksum_size);
}

result<std::size_t> header_size(std::span<const std::byte> prefix) {
  const auto* at = prefix.data();
  if (!begins_with(at, image_magic)) {
    return damaged("it does not begin with the magic number of a snapshot image");
  }
  if (const auto version = load_u32(at + 8); version != image_format_version) {
    return fail(error_code::unsupported, fmt::format("format version {}, this build reads version "
                                                     "{}",
                                                     version, image_format_version));
  }
  const std::size_t size = load_u32(at + 12);
  if (size < header_size_with(0) || size > max_image_header_size || size % 8 != 0) {
    return damaged("the header has an impossible size");
  }
  return size;
}

result<decoded_part<image_header>> decode_image_header(std::span<const std::byte> bytes) {
  const auto sum = checksum_of_header(bytes);
  const auto sum_at = bytes.size() - checksum_size;
  if (checksum(bytes.first(sum_at)) != sum) {
    return damaged("the checksum of the header does not hold");
  }
  const auto* at = bytes.data();
  const auto configuration_size = load_u64(at + 48);
  if (configuration_size > bytes.size() || header_size_with(configuration_size) != bytes.size()) {
    return damaged("the header has another size than its configuration needs");
  }
  const auto padding = bytes.first(sum_at).subspan(configuration_at + configuration_size);
  if (std::ranges::any_of(padding, [](std::byte one) { return one != std::byte{}; })) {
    return damaged("the header has bytes behind its configuration");
  }
  image_header header;
  header.group = group_id(load_u64(at + 16));
  header.contents.last_included_index = log_index(load_u64(at + 24));
  header.contents.last_included_term = term(load_u64(at + 32));
  header.contents.time = log_time{static_cast<std::int64_t>(load_u64(at + 40))};
  if (!header.contents.last_included_index || !header.contents.last_included_term) {
    return damaged("the header names no entry");
  }
  auto configuration =
      core::decode_configuration(bytes.subspan(configuration_at, configuration_size));
  if (!configuration) return damaged("the configuration in the header is malformed");
  header.contents.configuration = *std::move(configuration);
  return decoded_part<image_header>{std::move(header), sum};
}

encoded_chunk_header encode_chunk_header(std::span<const std::byte> payload,
                                         std::uint64_t previous) {
  MAINSTAY_ASSERT(!payload.empty() && payload.size() <= chunk_payload_size);
  encoded_chunk_header chunk;
  std::memcpy(&chunk.bytes[8], chunk_marker.data(), chunk_marker.size());
  store_u32(&chunk.bytes[12], static_cast<std::uint32_t>(payload.size()));
  chunk.checksum = checksum(payload, checksum(std::span(chunk.bytes).subspan(8), previous));
  store_u64(chunk.bytes.data(), chunk.checksum);
  return chunk;
}

encoded_image_footer encode(const image_footer& footer, std::uint64_t previous) {
  encoded_image_footer encoded;
  std::memcpy(&encoded.bytes[8], footer_marker.data(), footer_marker.size());
  store_u32(&encoded.bytes[12], 0);
  store_u64(&encoded.bytes[16], footer.state_size);
  store_u64(&encoded.bytes[24], footer.image_size);
  encoded.digest = checksum(std::span(encoded.bytes).subspan(8), previous);
  store_u64(encoded.bytes.data(), encoded.digest);
  return encoded;
}

result<part_extent> part_size(std::span<const std::byte> prefix) {
  const auto* at = prefix.data();
  if (begins_with(at + 8, footer_marker)) return part_extent{image_part::footer, image_footer_size};
  if (!begins_with(at + 8, chunk_marker)) return damaged("neither a chunk nor the footer");
  const std::size_t payload = load_u32(at + 12);
  if (payload == 0 || payload > chunk_payload_size) return damaged("a chunk of impossible size");
  return part_extent{image_part::chunk, chunk_header_size + payload};
}

result<decoded_part<std::span<const std::byte>>> decode_chunk(std::span<const std::byte> bytes,
                                                              std::uint64_t previous) {
  const auto payload = bytes.subspan(chunk_header_size);
  const auto sum = checksum(payload, checksum(bytes.subspan(8, chunk_header_size - 8), previous));
  if (sum != load_u64(bytes.data())) return damaged("the checksum of the chunk does not hold");
  return decoded_part<std::span<const std::byte>>{payload, sum};
}

result<decoded_part<image_footer>> decode_image_footer(std::span<const std::byte> bytes,
                                                       std::uint64_t previous) {
  const auto* at = bytes.data();
  const auto sum = checksum(bytes.subspan(8), previous);
  if (sum != load_u64(at)) return damaged("the checksum of the footer does not hold");
  if (load_u32(at + 12) != 0) return damaged("the footer has a reserved byte that is not 0");
  return decoded_part<image_footer>{{load_u64(at + 16), load_u64(at + 24)}, sum};
}

}  // namespace mainstay::wal
