/// Encoding of the load generator's requests.
#include "cli/command_ring.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/random.hpp"

namespace mainstay::cli {

namespace {

constexpr std::uint64_t minimum_commands = 16'384;
constexpr std::uint64_t maximum_bytes = 64 << 20;
constexpr std::uint64_t command_overhead = 56;  // framing, command name and key

std::string random_text(std::size_t size, random_generator& random) {
  std::string text(size, ' ');
  for (auto& c : text) c = static_cast<char>('a' + random.below(26));
  return text;
}

/// Keys 0 to `count` - 1 in random order (Fisher and Yates).
std::vector<std::uint64_t> shuffled(std::uint64_t count, random_generator& random) {
  std::vector<std::uint64_t> keys(count);
  std::iota(keys.begin(), keys.end(), 0);
  for (std::uint64_t i = count; i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
  return keys;
}

}  // namespace

command_ring::command_ring(const command_shape& shape) {
  MAINSTAY_ASSERT(shape.keys > 0);
  MAINSTAY_ASSERT(shape.value_size <= 1 << 20);
  random_generator random(shape.seed);
  const auto room = maximum_bytes / (shape.value_size + command_overhead);
  distinct_keys_ = std::min(shape.keys, room);
  // Whole rounds over the keys, so that each occurs as often as the others.
  const auto rounds = (std::min(minimum_commands, room) + distinct_keys_ - 1) / distinct_keys_;
  value_source_ = random_text(shape.value_size + 4096, random);

  const auto keys = shuffled(distinct_keys_, random);
  ends_.reserve(rounds * keys.size());
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (const auto key : keys) add(shape, ends_.size(), key);
  }
}

void command_ring::add(const command_shape& shape, std::uint64_t number, std::uint64_t key) {
  const bool is_get =
      shape.kind == load_kind::get || (shape.kind == load_kind::mixed && number % 2 == 1);
  if (is_get) {
    bytes_ += fmt::format("*2\r\n$3\r\nGET\r\n$16\r\nkey:{:012}\r\n", key);
  } else {
    const auto value = std::string_view(value_source_).substr(number % 4096, shape.value_size);
    bytes_ += fmt::format("*3\r\n$3\r\nSET\r\n$16\r\nkey:{:012}\r\n${}\r\n{}\r\n", key,
                          shape.value_size, value);
  }
  ends_.push_back(bytes_.size());
}

std::array<iovec, 2> command_ring::stretch(std::uint64_t from, std::uint64_t to) const {
  const auto length = static_cast<std::size_t>(to - from);
  MAINSTAY_ASSERT(length <= bytes_.size());
  const auto begin = static_cast<std::size_t>(from % bytes_.size());
  const auto first = std::min(length, bytes_.size() - begin);
  // The system's interface takes pointers to mutable bytes, also for writing.
  auto* const data = const_cast<char*>(bytes_.data());
  return {iovec{data + begin, first}, iovec{data, length - first}};
}

}  // namespace mainstay::cli
