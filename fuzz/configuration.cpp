/// Fuzzes the decoding of cluster configurations, which arrive from peers and from disks. What
/// decodes must encode to the same bytes again, because there is one form of each configuration;
/// and to the newest format when it came in an earlier one.
#include "mainstay/core/configuration.hpp"

#include <algorithm>

#include "mainstay/base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto decoded = mainstay::core::decode_configuration(bytes);
  if (!decoded) return 0;

  const auto encoded = mainstay::core::encode(*decoded);
  if (encoded.span()[0] == bytes[0]) {
    MAINSTAY_ASSERT(std::ranges::equal(encoded.span(), bytes));
  } else {
    MAINSTAY_ASSERT(bytes[0] == std::byte{1});
    MAINSTAY_ASSERT(mainstay::core::decode_configuration(encoded.span()) == *decoded);
  }
  return 0;
}
