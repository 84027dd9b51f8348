/// Golden files: encoded examples as hexadecimal text, one file each. A missing one is written when
/// MAINSTAY_UPDATE_GOLDEN is set; one that exists is never changed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "mainstay/base/shared_bytes.hpp"

namespace mainstay {

/// Lower-case hexadecimal, 32 bytes a line.
inline std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto value = std::to_integer<unsigned>(bytes[i]);
    text += digits[value >> 4];
    text += digits[value & 15];
    if (i % 32 == 31 || i + 1 == bytes.size()) text += '\n';
  }
  return text;
}

inline shared_bytes from_hex(const std::string& text) {
  std::string bytes;
  std::string digits;
  for (const char c : text) {
    if (c == '\n') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return shared_bytes::copy_of(bytes);
}

inline std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(MAINSTAY_GOLDEN_DIR) / (name + ".hex");
}

/// The text of a golden file. `current` is what a missing one is made of, when asked for.
inline std::string golden_hex(const std::string& name, std::span<const std::byte> current) {
  const auto path = golden_path(name);
  if (!std::filesystem::exists(path) && std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << to_hex(current);
  }
  std::ifstream file(path);
  EXPECT_TRUE(file) << path << " is missing; MAINSTAY_UPDATE_GOLDEN=1 writes it";
  return {std::istreambuf_iterator<char>(file), {}};
}

inline shared_bytes golden_bytes(const std::string& name) { return from_hex(golden_hex(name, {})); }

}  // namespace mainstay
