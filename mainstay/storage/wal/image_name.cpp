// The names of the files of images: docs/formats/snapshot.md, "The directory".
#include <array>
#include <charconv>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "mainstay/storage/wal/snapshot_store.hpp"

namespace mainstay::wal {

namespace {

constexpr std::size_t digits = 16;

/// Reads `numbers` from the front of a name, each of 16 digits, with dashes between.
bool read_numbers(std::string_view text, std::span<std::uint64_t> numbers) {
  if (text.size() != numbers.size() * (digits + 1) - 1) return false;
  for (auto& number : numbers) {
    const auto [end, status] = std::from_chars(text.data(), text.data() + digits, number, 16);
    if (status != std::errc{} || end != text.data() + digits) return false;
    text.remove_prefix(digits);
    if (!text.empty()) text.remove_prefix(1);
  }
  return true;
}

}  // namespace

std::string name_of(const image_name& name) {
  const auto front =
      fmt::format("{:016x}-{:016x}-{:016x}", name.group.value(),
                  name.id.last_included_index.value(), name.id.last_included_term.value());
  if (name.what == image_name::kind::whole) return front + ".image";
  if (name.what == image_name::kind::saving) return front + ".saving";
  return fmt::format("{}-{:016x}-{:016x}.partial", front, name.id.size, name.id.digest);
}

std::optional<image_name> image_name_of(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  const auto suffix = name.substr(dot);
  image_name read;
  if (suffix == ".saving") read.what = image_name::kind::saving;
  if (suffix == ".partial") read.what = image_name::kind::partial;
  std::array<std::uint64_t, 5> numbers{};
  const bool is_partial = read.what == image_name::kind::partial;
  if (!read_numbers(name.substr(0, dot), std::span(numbers).first(is_partial ? 5 : 3))) return {};
  read.group = group_id(numbers[0]);
  read.id = {log_index(numbers[1]), term(numbers[2]), numbers[3], numbers[4]};
  // Every image has exactly one name: other suffixes, capitals and the like are not ours.
  if (name_of(read) != name) return {};
  return read;
}

}  // namespace mainstay::wal
