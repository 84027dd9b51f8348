#include "mainstay/machines/key_value/command.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/varint.hpp"

namespace mainstay::keyspace {

namespace {

constexpr char format_version = 1;
constexpr std::size_t header_size = 3;
constexpr std::uint8_t conditions = if_absent | if_present | if_equal;
constexpr std::uint8_t all_set_flags =
    conditions | get_old | answer_count | keep_deadline | expires;
constexpr std::uint8_t all_expire_flags = if_none | if_any | if_later | if_earlier;
constexpr std::size_t number_size = 8;
constexpr std::size_t time_size = 1 + number_size;
/// What the first byte of a time says.
constexpr unsigned unit_seconds = 1;
constexpr unsigned unit_absolute = 2;
constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

/// How many arguments an operation takes, and what they are.
struct shape {
  std::size_t least;
  std::size_t most;
  bool pairs = false;  ///< keys and values take turns
};

std::size_t set_arguments(std::uint8_t flags) {
  return 2U + ((flags & if_equal) != 0 ? 1 : 0) + ((flags & expires) != 0 ? 1 : 0);
}

result<shape> shape_of(operation o, std::uint8_t flags) {
  switch (o) {
    case operation::set:
      return shape{set_arguments(flags), set_arguments(flags)};
    case operation::get_and_expire:
      if ((flags & expires) != 0) return shape{2, 2};
      return shape{1, 1};
    case operation::get_and_delete:
    case operation::persist:
    case operation::time_left:
    case operation::expires_at:
    case operation::get:
    case operation::length:
    case operation::type:
    case operation::keys:
      return shape{1, 1};
    case operation::erase:
    case operation::get_many:
    case operation::exists:
      return shape{1, any_number};
    case operation::increment:
    case operation::append:
    case operation::expire:
      return shape{2, 2};
    case operation::set_many:
      return shape{2, any_number, true};
    case operation::flush_all:
    case operation::size:
      return shape{0, 0};
    case operation::scan:
      return shape{3, 3};
  }
  return fail(error_code::malformed, "unknown operation of the key-value machine");
}

/// What an argument is, which says how long it may be.
enum class argument_kind : std::uint8_t { key, value, pattern, number, time };

argument_kind kind_of(operation o, std::uint8_t flags, std::size_t position) {
  using enum argument_kind;
  switch (o) {
    case operation::scan:
      return position < 2 ? number : pattern;
    case operation::keys:
      return pattern;
    case operation::increment:
      return position == 1 ? number : key;
    case operation::expire:
    case operation::get_and_expire:
      return position == 1 ? time : key;
    case operation::set:
      if (position > 1 && (flags & expires) != 0 && position + 1 == set_arguments(flags)) {
        return time;
      }
      return position == 0 ? key : value;
    case operation::append:
      return position == 0 ? key : value;
    case operation::set_many:
      return position % 2 == 0 ? key : value;
    default:
      return key;
  }
}

bool set_flags_are_valid(std::uint8_t flags) {
  const auto both = [&](unsigned pair) { return (flags & pair) == pair; };
  if ((flags & ~all_set_flags) != 0) return false;
  if (both(get_old | answer_count) || both(keep_deadline | expires)) return false;
  return std::popcount(static_cast<unsigned>(flags & conditions)) <= 1;
}

bool expire_flags_are_valid(std::uint8_t flags) {
  if ((flags & ~all_expire_flags) != 0) return false;
  if ((flags & if_none) != 0) return flags == if_none;
  return (flags & if_later) == 0 || (flags & if_earlier) == 0;
}

bool flags_are_valid(operation o, std::uint8_t flags) {
  switch (o) {
    case operation::set:
      return set_flags_are_valid(flags);
    case operation::expire:
      return expire_flags_are_valid(flags);
    case operation::get_and_expire:
      return flags == 0 || flags == remove_deadline || flags == expires;
    case operation::time_left:
    case operation::expires_at:
      return flags == 0 || flags == in_seconds;
    default:
      return flags == 0;
  }
}

std::unexpected<error> malformed(const char* what) { return fail(error_code::malformed, what); }

result<void> check_argument(argument_kind kind, std::string_view argument) {
  std::size_t most = max_key_bytes;
  switch (kind) {
    case argument_kind::number:
      if (argument.size() == number_size) return {};
      return malformed("number of a command is not 8 bytes");
    case argument_kind::time:
      if (argument.size() != time_size) return malformed("time of a command is not 9 bytes");
      if ((static_cast<unsigned char>(argument[0]) & ~(unit_seconds | unit_absolute)) == 0)
        return {};
      return malformed("unknown unit of a time in a command");
    case argument_kind::key:
      break;
    case argument_kind::value:
      most = max_value_bytes;
      break;
    case argument_kind::pattern:
      most = max_pattern_bytes;
      break;
  }
  if (argument.size() <= most) return {};
  return fail(error_code::invalid_argument, "key, value or pattern is too long");
}

/// Walks over the arguments once and counts them.
result<std::size_t> count_arguments(operation o, std::uint8_t flags, std::string_view rest) {
  std::size_t count = 0;
  while (!rest.empty()) {
    const auto length = take_varint(rest);
    if (!length || *length > rest.size()) return malformed("argument of a command is cut off");
    const auto checked = check_argument(kind_of(o, flags, count), rest.substr(0, *length));
    if (!checked) return std::unexpected(checked.error());
    rest.remove_prefix(*length);
    ++count;
  }
  return count;
}

}  // namespace

std::string_view argument_reader::next() {
  const auto length = take_varint(rest_);
  MAINSTAY_ASSERT(length.has_value() && *length <= rest_.size());
  const auto argument = rest_.substr(0, *length);
  rest_.remove_prefix(*length);
  return argument;
}

std::uint64_t argument_reader::next_number() {
  const auto bytes = next();
  MAINSTAY_ASSERT(bytes.size() == number_size);
  return load_number(bytes);
}

expiry_time argument_reader::next_time() {
  const auto bytes = next();
  MAINSTAY_ASSERT(bytes.size() == time_size);
  const auto unit = static_cast<unsigned char>(bytes[0]);
  return {.number = static_cast<std::int64_t>(load_number(bytes.substr(1))),
          .seconds = (unit & unit_seconds) != 0,
          .absolute = (unit & unit_absolute) != 0};
}

time_argument::time_argument(expiry_time time) {
  const unsigned unit = (time.seconds ? unit_seconds : 0) | (time.absolute ? unit_absolute : 0);
  put_number(put_number(bytes_, unit, 1), static_cast<std::uint64_t>(time.number), number_size);
}

number_argument::number_argument(std::uint64_t number) {
  for (auto& byte : bytes_) {
    byte = static_cast<char>(number & 0xff);
    number >>= 8;
  }
}

shared_bytes encode(byte_arena& arena, operation o, std::uint8_t flags,
                    std::span<const std::string_view> arguments) {
  std::size_t size = header_size;
  for (const auto& argument : arguments) size += varint_size(argument.size()) + argument.size();

  char* at = reinterpret_cast<char*>(arena.reserve(size).data());
  *at++ = format_version;
  *at++ = static_cast<char>(o);
  *at++ = static_cast<char>(flags);
  for (const auto& argument : arguments) {
    at = put_varint(at, argument.size());
    at = std::ranges::copy(argument, at).out;
  }
  return arena.commit(size);
}

shared_bytes encode(byte_arena& arena, operation o,
                    std::initializer_list<std::string_view> arguments) {
  return encode(arena, o, 0, std::span(arguments.begin(), arguments.size()));
}

result<command_view> decode_command(std::string_view encoded) {
  if (encoded.size() < header_size) return malformed("command is cut off");
  if (encoded[0] != format_version) return malformed("unknown version of a command");
  const auto o = static_cast<operation>(encoded[1]);
  const auto flags = static_cast<std::uint8_t>(encoded[2]);
  const auto expected = shape_of(o, flags);
  if (!expected) return std::unexpected(expected.error());
  if (!flags_are_valid(o, flags)) return malformed("flags of a command contradict each other");

  encoded.remove_prefix(header_size);
  const auto count = count_arguments(o, flags, encoded);
  if (!count) return std::unexpected(count.error());
  if (*count < expected->least || *count > expected->most || (expected->pairs && *count % 2 != 0)) {
    return malformed("wrong number of arguments in a command");
  }
  return command_view{o, flags, *count, argument_reader(encoded)};
}

}  // namespace mainstay::keyspace
