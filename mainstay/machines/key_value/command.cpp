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
constexpr std::uint8_t all_flags = conditions | get_old | answer_count;
constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

/// How many arguments an operation takes, and what they are.
struct shape {
  std::size_t least;
  std::size_t most;
  bool pairs = false;  ///< keys and values take turns
};

result<shape> shape_of(operation o, std::uint8_t flags) {
  switch (o) {
    case operation::set:
      if ((flags & if_equal) != 0) return shape{3, 3};
      return shape{2, 2};
    case operation::get_and_delete:
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

/// The longest that the argument at `position` may be, or the only length for numbers.
struct length_rule {
  std::size_t most;
  bool exact = false;
};

length_rule rule_for(operation o, std::size_t position) {
  switch (o) {
    case operation::scan:
      return position < 2 ? length_rule{8, true} : length_rule{max_pattern_bytes};
    case operation::keys:
      return {max_pattern_bytes};
    case operation::increment:
      return position == 1 ? length_rule{8, true} : length_rule{max_key_bytes};
    case operation::set:
    case operation::append:
      return {position == 0 ? max_key_bytes : max_value_bytes};
    case operation::set_many:
      return {position % 2 == 0 ? max_key_bytes : max_value_bytes};
    default:
      return {max_key_bytes};
  }
}

bool flags_are_valid(operation o, std::uint8_t flags) {
  if (o != operation::set) return flags == 0;
  if ((flags & ~all_flags) != 0) return false;
  if ((flags & get_old) != 0 && (flags & answer_count) != 0) return false;
  return std::popcount(static_cast<unsigned>(flags & conditions)) <= 1;
}

std::unexpected<error> malformed(const char* what) { return fail(error_code::malformed, what); }

/// Walks over the arguments once and counts them.
result<std::size_t> count_arguments(operation o, std::string_view rest) {
  std::size_t count = 0;
  while (!rest.empty()) {
    const auto length = take_varint(rest);
    if (!length || *length > rest.size()) return malformed("argument of a command is cut off");
    const auto rule = rule_for(o, count);
    if (rule.exact && *length != rule.most) return malformed("number of a command is not 8 bytes");
    if (*length > rule.most) {
      return fail(error_code::invalid_argument, "key, value or pattern is too long");
    }
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
  MAINSTAY_ASSERT(bytes.size() == 8);
  return load_number(bytes);
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
  const auto count = count_arguments(o, encoded);
  if (!count) return std::unexpected(count.error());
  if (*count < expected->least || *count > expected->most || (expected->pairs && *count % 2 != 0)) {
    return malformed("wrong number of arguments in a command");
  }
  return command_view{o, flags, *count, argument_reader(encoded)};
}

}  // namespace mainstay::keyspace
