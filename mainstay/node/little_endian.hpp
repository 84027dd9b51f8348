/// Numbers in the byte order of every format here, for the small formats of this floor.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace mainstay::detail {

static_assert(std::endian::native == std::endian::little, "formats are copied as they lie");

/// Appends to `bytes`.
struct little_endian_writer {
  std::vector<std::byte>& bytes;

  template <std::integral Number>
  void put(Number value) {
    put(std::as_bytes(std::span(&value, 1)));
  }
  void put(std::span<const std::byte> some) { bytes.insert(bytes.end(), some.begin(), some.end()); }
};

/// Takes numbers off the front; zeros once there is not enough left.
struct little_endian_reader {
  std::span<const std::byte> left;

  template <std::integral Number>
  Number take() {
    Number value{};
    if (left.size() < sizeof value) {
      left = {};
      return value;
    }
    std::memcpy(&value, left.data(), sizeof value);
    left = left.subspan(sizeof value);
    return value;
  }
};

}  // namespace mainstay::detail
