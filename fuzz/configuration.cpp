/// Fuzzes the decoding of cluster configurations, which arrive from peers and from disks. What
/// decodes must encode to the same bytes again: there is one form of each configuration.
#include "mainstay/core/configuration.hpp"

#include <algorithm>

#include "mainstay/base/assert.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto decoded = mainstay::core::decode_configuration(bytes);
  if (!decoded) return 0;

  const auto encoded = mainstay::core::encode(*decoded);
  MAINSTAY_ASSERT(std::ranges::equal(encoded.span(), bytes));
  return 0;
}
