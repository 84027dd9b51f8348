/// Numbers in the key-value machine's formats: LEB128 for lengths, little-endian for the rest. Not
/// a general codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mainstay::keyspace {

/// How many bytes `put_varint` writes; at most 10.
constexpr std::size_t varint_size(std::uint64_t number) {
  std::size_t size = 1;
  for (; number >= 0x80; number >>= 7) ++size;
  return size;
}

/// Writes seven bits a byte, lowest first; returns the place after. There must be room.
inline char* put_varint(char* at, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) *at++ = static_cast<char>((number & 0x7f) | 0x80);
  *at++ = static_cast<char>(number);
  return at;
}

/// The same at the end of a string.
inline void append_varint(std::string& out, std::uint64_t number) {
  char bytes[10];
  out.append(bytes, static_cast<std::size_t>(put_varint(bytes, number) - bytes));
}

/// Takes a number off the front; nothing (and `bytes` in any state) when it is cut off or does not
/// fit into 32 bits, which every length here does.
inline std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (number > 0xffffffffULL) return std::nullopt;
      return number;
    }
  }
  return std::nullopt;
}

/// Eight bytes as a number, lowest first. Precondition: there are eight.
inline std::uint64_t load_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < 8; ++i) {
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return number;
}

/// Writes `size` bytes of a number, lowest first; returns the place after.
inline char* put_number(char* at, std::uint64_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) *at++ = static_cast<char>(number >> (8 * i));
  return at;
}

}  // namespace mainstay::keyspace
