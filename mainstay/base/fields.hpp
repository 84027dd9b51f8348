/// Numbers and texts in a row: the plainest binary form, for the commands and answers of small
/// state machines. A number is eight bytes, lowest first; a text is its length as a number, then
/// its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mainstay/base/shared_bytes.hpp"

namespace mainstay {

/// Writes fields one after the other: `field_writer().number(1).text("name").bytes()`.
class field_writer {
 public:
  field_writer& number(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(value >> shift);
    return *this;
  }
  field_writer& text(std::string_view value) {
    number(value.size());
    bytes_ += value;
    return *this;
  }

  /// What was written so far. The view is the writer's.
  std::string_view view() const { return bytes_; }
  /// A copy that lives on its own.
  shared_bytes bytes() const { return shared_bytes::copy_of(bytes_); }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

/// Reads what a `field_writer` wrote, in the same order. Any input is allowed: a field that is cut
/// off reads as zero or as empty, and so do all behind it, and `is_whole` tells at the end. Texts
/// are views of the input.
class field_reader {
 public:
  explicit field_reader(std::string_view input) : rest_(input) {}

  std::uint64_t number() {
    if (rest_.size() < number_size) return cut_off();
    std::uint64_t value = 0;
    for (std::size_t i = number_size; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(rest_[i]);
    }
    rest_.remove_prefix(number_size);
    return value;
  }
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) cut_off();
    const auto value = rest_.substr(0, size);
    rest_.remove_prefix(value.size());
    return value;
  }

  /// Whether every field was there, and nothing is left behind them.
  bool is_whole() const { return rest_.empty() && !is_cut_off_; }
  /// What has not been read.
  std::string_view rest() const { return rest_; }

 private:
  static constexpr std::size_t number_size = 8;

  std::uint64_t cut_off() {
    is_cut_off_ = true;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool is_cut_off_ = false;
};

}  // namespace mainstay
