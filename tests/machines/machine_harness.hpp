/// What the tests of ready-made machines share: commands one after another, and images as text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// Applies a command at a time in milliseconds.
template <state_machine Machine>
shared_bytes apply(Machine& machine, const shared_bytes& payload, std::int64_t milliseconds = 0) {
  return machine.apply({log_index(1), log_time{milliseconds * 1000}, payload}).value();
}

/// The whole image of a machine, or of a frozen state.
template <class Machine>
std::string image_of(Machine&& machine) {
  std::string bytes;
  const auto outcome = machine.save([&](std::span<const std::byte> piece) -> result<void> {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  });
  return outcome ? bytes : outcome.error().message;
}

/// Restores from bytes that arrive at most `step` at a time.
template <state_machine Machine>
result<void> restore(Machine& machine, std::string_view bytes, std::size_t step = 1000) {
  return machine.restore([&](std::span<std::byte> room) -> result<std::size_t> {
    const auto piece = bytes.substr(0, std::min({step, room.size(), bytes.size()}));
    if (!piece.empty()) std::memcpy(room.data(), piece.data(), piece.size());
    bytes.remove_prefix(piece.size());
    return piece.size();
  });
}

/// The image in hexadecimal digits, for formats that must not change.
inline std::string in_hexadecimal(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// Whether no beginning of an image is taken for one, nor changes a machine that has this state.
template <state_machine Machine>
bool refuses_every_beginning(Machine& machine, std::string_view image) {
  const auto before = image_of(machine);
  for (std::size_t size = 0; size < image.size(); ++size) {
    if (restore(machine, image.substr(0, size)) || image_of(machine) != before) return false;
  }
  return true;
}

}  // namespace mainstay
