#include "mainstay/serializer/binary/wire_reader.hpp"

#include <utility>

#include <fmt/format.h>

namespace mainstay::binary {

std::uint8_t wire_reader::flags(std::uint8_t known) {
  const auto at = offset_;
  const auto value = number<std::uint8_t>("flags");
  if ((value & ~known) == 0) return value;
  fail_at(at, "flags", fmt::format("are {:#04x}, of which only {:#04x} are known", value, known));
  return 0;
}

std::uint64_t wire_reader::non_zero(std::string_view field) {
  const auto at = offset_;
  const auto value = number<std::uint64_t>(field);
  if (value == 0) fail_at(at, field, "is 0");
  return value;
}

std::size_t wire_reader::count(std::string_view field, std::size_t item_size, std::size_t limit,
                               std::uint32_t mark) {
  const auto at = offset_;
  const std::size_t announced = number<std::uint32_t>(field) & ~mark;
  if (announced > limit) {
    fail_at(at, field, fmt::format("is {}, above the limit of {}", announced, limit));
    return 0;
  }
  if (announced > left() / item_size) {
    fail_at(at, field, fmt::format("is {}, more than {} bytes can hold", announced, left()));
    return 0;
  }
  return ok() ? announced : 0;
}

shared_bytes wire_reader::payload(std::size_t n, std::size_t limit, std::string_view field) {
  if (n > limit) {
    fail_at(offset_, field, fmt::format("has {} bytes, above the limit of {}", n, limit));
    return {};
  }
  const auto at = offset_;
  return take(n, field).empty() ? shared_bytes() : bytes_.slice(at, n);
}

void wire_reader::fail_at(std::size_t at, std::string_view field, std::string_view what) {
  if (!error_) error_ = fmt::format("{}: {} at offset {} {}", message_, field, at, what);
}

void wire_reader::fail_short(std::size_t wanted, std::string_view field) {
  fail_at(offset_, field, fmt::format("needs {} bytes, {} are left", wanted, left()));
}

result<void> wire_reader::finish() {
  if (left() != 0) fail_at(offset_, "end", fmt::format("has {} bytes too many", left()));
  if (error_) return fail(error_code::malformed, *std::move(error_));
  return {};
}

}  // namespace mainstay::binary
