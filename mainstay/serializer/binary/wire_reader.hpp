/// Reads numbers and payloads in order, and remembers the first thing that was wrong. The decoder's
/// tool, not for users.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::binary {

/// Once something failed, every read gives zero or nothing, so that callers may read on and ask
/// `ok` before they allocate and at the end.
class wire_reader {
 public:
  /// `bytes` must outlive the reader.
  explicit wire_reader(const shared_bytes& bytes) : bytes_(bytes) {}

  bool ok() const { return !error_; }
  std::size_t left() const { return bytes_.size() - offset_; }
  std::size_t offset() const { return offset_; }
  /// What is read from now on belongs to this message; it stands in errors.
  void enter(std::string_view message) { message_ = message; }

  /// A number in its own width.
  template <std::integral Number>
  Number number(std::string_view field) {
    Number value{};
    const auto from = take(sizeof value, field);
    if (!from.empty()) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  template <class Id>
  Id id(std::string_view field) {
    return Id(number<std::uint64_t>(field));
  }
  /// A number that must not be 0.
  std::uint64_t non_zero(std::string_view field);
  /// A set of flags, of which only `known` may be set.
  std::uint8_t flags(std::uint8_t known);
  /// Whether the next 32 bits have one of these set; false when there are fewer.
  bool next_has(std::uint32_t mark) const {
    std::uint32_t value = 0;
    if (!error_ && left() >= sizeof value) {
      std::memcpy(&value, bytes_.data() + offset_, sizeof value);
    }
    return (value & mark) != 0;
  }
  /// The number of items that follow, each at least `item_size` bytes long; 0 after an error. Bits
  /// of `mark` do not count.
  std::size_t count(std::string_view field, std::size_t item_size, std::size_t limit,
                    std::uint32_t mark = 0);
  /// The next `n` bytes; empty after an error.
  std::span<const std::byte> take(std::size_t n, std::string_view field) {
    if (error_) return {};
    if (left() < n) {
      fail_short(n, field);
      return {};
    }
    const auto taken = bytes_.span().subspan(offset_, n);
    offset_ += n;
    return taken;
  }
  /// The next `n` bytes, at most `limit`, as a slice of the input.
  shared_bytes payload(std::size_t n, std::size_t limit, std::string_view field);

  /// Records that `field`, which starts at `at`, is wrong: "is 7, which is unknown".
  void fail_at(std::size_t at, std::string_view field, std::string_view what);
  /// The end: refuses what is left over, and gives what was wrong, if anything.
  result<void> finish();

 private:
  void fail_short(std::size_t wanted, std::string_view field);

  const shared_bytes& bytes_;
  std::size_t offset_ = 0;
  std::string_view message_ = "rpc";
  std::optional<std::string> error_;
};

}  // namespace mainstay::binary
