#include "mainstay/serializer/document/base64.hpp"

#include <openssl/evp.h>

#include "mainstay/base/assert.hpp"

namespace mainstay::document {

namespace {

constexpr std::size_t longest = std::size_t{1} << 30;

const unsigned char* as_unsigned(const void* bytes) {
  return static_cast<const unsigned char*>(bytes);
}

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  MAINSTAY_ASSERT(bytes.size() < longest);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that is written behind it
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     as_unsigned(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<shared_bytes> from_base64(std::string_view text) {
  if (text.empty()) return shared_bytes();
  if (text.size() % 4 != 0 || text.size() >= longest) return std::nullopt;
  byte_arena arena(text.size() / 4 * 3);
  const auto room = arena.reserve(text.size() / 4 * 3);
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(room.data()),
                                     as_unsigned(text.data()), static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  auto bytes = arena.commit(static_cast<std::size_t>(length) - padding);
  // The decoder overlooks spaces, misplaced padding and stray bits; one text stands for one value.
  if (to_base64(bytes.span()) != text) return std::nullopt;
  return bytes;
}

}  // namespace mainstay::document
