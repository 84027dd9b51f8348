#include "mainstay/storage/rocksdb/values.hpp"

#include <cstring>
#include <initializer_list>

#include <fmt/format.h>

#include "mainstay/base/checksum.hpp"

namespace mainstay::database {

namespace {

constexpr std::string_view owner_magic = "MNSTYRDB";
constexpr std::size_t owner_front_size = 8 + 8 + 3 * 8;
constexpr std::size_t number_size = 8;

void append_big_endian(std::string& to, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    to.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

std::uint64_t big_endian_at(std::string_view text, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < number_size; ++i) {
    value = value << 8 | static_cast<unsigned char>(text[at + i]);
  }
  return value;
}

void store(char* to, std::uint64_t value) {
  wal::store_u64(reinterpret_cast<std::byte*>(to), value);
}

std::uint64_t number_at(std::string_view value, std::size_t at) {
  return wal::load_u64(bytes_of(value).data() + at);
}

/// Of a value under its key, so that a value in another's place does not hold.
std::uint64_t checksum_of(std::string_view key, std::string_view front,
                          std::span<const std::byte> payload = {}) {
  return checksum(payload, checksum(bytes_of(front), checksum(bytes_of(key))));
}

/// A value of numbers alone.
std::string encode_numbers(std::string_view key, std::initializer_list<std::uint64_t> numbers) {
  std::string value(numbers.size() * number_size, '\0');
  std::size_t at = 0;
  for (const auto number : numbers) {
    store(value.data() + at, number);
    at += number_size;
  }
  std::array<char, checksum_size> end{};
  store(end.data(), checksum_of(key, value));
  return value.append(end.data(), end.size());
}

bool holds_numbers(std::string_view key, std::string_view value, std::size_t count) {
  if (value.size() != count * number_size + checksum_size) return false;
  const auto front = value.substr(0, count * number_size);
  return checksum_of(key, front) == number_at(value, front.size());
}

}  // namespace

std::string key_of(const entry_place& place) {
  std::string key;
  key.reserve(2 * number_size);
  append_big_endian(key, place.group.value());
  append_big_endian(key, place.index.value());
  return key;
}

std::string key_of(group_id group) {
  std::string key;
  append_big_endian(key, group.value());
  return key;
}

std::optional<entry_place> place_in(std::string_view key) {
  if (key.size() != 2 * number_size) return {};
  return entry_place{group_id(big_endian_at(key, 0)), log_index(big_endian_at(key, number_size))};
}

std::optional<group_id> group_in(std::string_view key) {
  if (key.size() != number_size) return {};
  return group_id(big_endian_at(key, 0));
}

entry_frame frame_of(std::string_view key, const core::entry& e) {
  entry_frame frame;
  store(frame.front.data(), e.term.value());
  store(frame.front.data() + number_size, static_cast<std::uint64_t>(e.time.microseconds));
  frame.front.back() = static_cast<char>(e.kind);
  const std::string_view front(frame.front.data(), frame.front.size());
  store(frame.end.data(), checksum_of(key, front, e.payload.span()));
  return frame;
}

std::optional<core::entry> entry_in(std::string_view key, std::string_view value) {
  const auto place = place_in(key);
  if (!place || value.size() < entry_front_size + checksum_size) return {};
  const auto front = value.substr(0, entry_front_size);
  const auto payload =
      value.substr(entry_front_size, value.size() - entry_front_size - checksum_size);
  const auto expected = number_at(value, value.size() - checksum_size);
  if (checksum_of(key, front, bytes_of(payload)) != expected) return {};
  const auto kind = static_cast<std::uint8_t>(front.back());
  if (kind > static_cast<std::uint8_t>(core::last_entry_kind)) return {};
  return core::entry{place->index, term(number_at(front, 0)), static_cast<core::entry_kind>(kind),
                     log_time{static_cast<std::int64_t>(number_at(front, number_size))},
                     shared_bytes::copy_of(payload)};
}

std::string encode(std::string_view key, const group_record& record) {
  return encode_numbers(
      key, {record.hard_state.current_term.value(), record.hard_state.voted_for.value(),
            record.base.first.value(), record.base.term.value(), record.last.first.value(),
            record.last.term.value()});
}

std::optional<group_record> group_record_in(std::string_view key, std::string_view value) {
  if (!holds_numbers(key, value, 6)) return {};
  const auto at = [&](std::size_t n) { return number_at(value, n * number_size); };
  return group_record{.hard_state = {term(at(0)), node_id(at(1))},
                      .base = {log_index(at(2)), term(at(3))},
                      .last = {log_index(at(4)), term(at(5))}};
}

std::string encode(std::string_view key, const core::snapshot_id& image) {
  return encode_numbers(key, {image.last_included_index.value(), image.last_included_term.value(),
                              image.size, image.digest});
}

std::optional<core::snapshot_id> image_in(std::string_view key, std::string_view value) {
  if (!holds_numbers(key, value, 4)) return {};
  const auto at = [&](std::size_t n) { return number_at(value, n * number_size); };
  return core::snapshot_id{log_index(at(0)), term(at(1)), at(2), at(3)};
}

std::string encode(const owner_record& owner) {
  std::string value(owner_front_size, '\0');
  owner_magic.copy(value.data(), owner_magic.size());
  store(value.data() + 8, format_version);
  store(value.data() + 16, owner.identity.cluster.value());
  store(value.data() + 24, owner.identity.node.value());
  store(value.data() + 32, owner.identity.incarnation.value());
  value.append(core::encode(owner.bootstrap).text());
  std::array<char, checksum_size> end{};
  store(end.data(), checksum_of(owner_key, value));
  return value.append(end.data(), end.size());
}

result<owner_record> owner_in(std::string_view value) {
  if (value.size() < owner_front_size + checksum_size || !value.starts_with(owner_magic)) {
    return fail(error_code::corrupt, "it is no owner's record");
  }
  if (const auto version = number_at(value, 8); version != format_version) {
    return fail(error_code::unsupported,
                fmt::format("the format has version {}; this build knows version {}", version,
                            format_version));
  }
  const auto front = value.substr(0, value.size() - checksum_size);
  if (checksum_of(owner_key, front) != number_at(value, front.size())) {
    return fail(error_code::corrupt, "its checksum does not hold");
  }
  auto bootstrap = core::decode_configuration(bytes_of(front.substr(owner_front_size)));
  if (!bootstrap) return fail(error_code::corrupt, "the bootstrap configuration is malformed");
  const wal::identity identity{cluster_id(number_at(value, 16)), node_id(number_at(value, 24)),
                               incarnation(number_at(value, 32))};
  if (!identity.cluster || !identity.node || !identity.incarnation) {
    return fail(error_code::corrupt, "an id is 0");
  }
  return owner_record{identity, *std::move(bootstrap)};
}

}  // namespace mainstay::database
