#include "server/translate.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/command.hpp"

namespace mainstay::server {

namespace {

using keyspace::operation;
using translated = std::expected<shared_bytes, std::string>;

constexpr std::uint64_t default_scan_count = 10;
/// A SCAN is answered between commands of others, so that its work has a limit.
constexpr std::uint64_t most_scan_count = 100'000;

std::unexpected<std::string> refuse(std::string text) { return std::unexpected(std::move(text)); }
std::unexpected<std::string> syntax_error() { return refuse("ERR syntax error"); }

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What stands in an argument of a command.
enum class content : std::uint8_t { key, value, pattern, other };

content content_at(const command_entry& entry, std::size_t position) {
  switch (entry.name) {
    case command_name::keys:
      return content::pattern;
    case command_name::scan:
      return content::other;
    case command_name::mset:
      return position % 2 == 1 ? content::key : content::value;
    case command_name::append:
    case command_name::getset:
    case command_name::set:
    case command_name::setnx:
      return position == 1 ? content::key : content::value;
    case command_name::decrby:
    case command_name::incrby:
      return position == 1 ? content::key : content::other;
    default:
      return entry.first_key > 0 ? content::key : content::other;
  }
}

/// The text of the first limit that an argument breaks.
std::optional<std::string> broken_limit(const command_entry& entry, argument_list arguments,
                                        const server_limits& limits) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::size_t size = arguments[i].size();
    switch (content_at(entry, i)) {
      case content::key:
        if (size > limits.key_bytes) {
          return fmt::format("ERR key of {} bytes is longer than {}", size, limits.key_bytes);
        }
        break;
      case content::value:
        if (size > limits.value_bytes) {
          return fmt::format("ERR value of {} bytes is longer than {}", size, limits.value_bytes);
        }
        break;
      case content::pattern:
        if (size > keyspace::max_pattern_bytes) {
          return fmt::format("ERR pattern of {} bytes is longer than {}", size,
                             keyspace::max_pattern_bytes);
        }
        break;
      case content::other:
        break;
    }
  }
  return std::nullopt;
}

bool is_expiry_option(std::string_view option) {
  for (const auto* name : {"EX", "PX", "EXAT", "PXAT", "KEEPTTL"}) {
    if (equals_ignoring_case(option, name)) return true;
  }
  return false;
}

translated translate_set(argument_list arguments, byte_arena& arena) {
  if (arguments.size() == 3) {
    return encode(arena, operation::set, {arguments[1], arguments[2]});
  }
  constexpr unsigned conditions = keyspace::if_absent | keyspace::if_present | keyspace::if_equal;
  unsigned flags = keyspace::set_always;
  std::string_view expected;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const auto option = arguments[i];
    unsigned condition = 0;
    if (equals_ignoring_case(option, "NX")) condition = keyspace::if_absent;
    if (equals_ignoring_case(option, "XX")) condition = keyspace::if_present;
    if (equals_ignoring_case(option, "IFEQ")) condition = keyspace::if_equal;
    if (condition != 0) {
      if ((flags & conditions) != 0) return syntax_error();
      flags |= condition;
      if (condition != keyspace::if_equal) continue;
      if (++i == arguments.size()) return syntax_error();
      expected = arguments[i];
    } else if (equals_ignoring_case(option, "GET")) {
      flags |= keyspace::get_old;
    } else if (is_expiry_option(option)) {
      return refuse(fmt::format("ERR {} is not supported: keys do not expire", option));
    } else {
      return syntax_error();
    }
  }
  const std::string_view all[] = {arguments[1], arguments[2], expected};
  const std::size_t count = (flags & keyspace::if_equal) != 0 ? 3 : 2;
  return encode(arena, operation::set, static_cast<std::uint8_t>(flags), std::span(all, count));
}

translated translate_increment(argument_list arguments, std::int64_t sign, byte_arena& arena) {
  std::int64_t amount = 1;
  if (arguments.size() == 3) {
    const auto number = parse<std::int64_t>(arguments[2]);
    if (!number) return refuse("ERR value is not an integer or out of range");
    amount = *number;
  }
  if (sign < 0 && amount == std::numeric_limits<std::int64_t>::min()) {
    return refuse("ERR decrement would overflow");
  }
  const keyspace::number_argument number(static_cast<std::uint64_t>(sign * amount));
  return encode(arena, operation::increment, {arguments[1], number.text()});
}

translated translate_scan(argument_list arguments, byte_arena& arena) {
  const auto cursor = parse<std::uint64_t>(arguments[1]);
  if (!cursor) return refuse("ERR invalid cursor");
  std::uint64_t count = default_scan_count;
  std::string_view pattern = "*";
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return syntax_error();
    if (equals_ignoring_case(arguments[i], "MATCH")) {
      pattern = arguments[i + 1];
    } else if (equals_ignoring_case(arguments[i], "COUNT")) {
      const auto number = parse<std::int64_t>(arguments[i + 1]);
      if (!number) return refuse("ERR value is not an integer or out of range");
      if (*number < 1) return syntax_error();
      count = std::min(static_cast<std::uint64_t>(*number), most_scan_count);
    } else {
      return syntax_error();
    }
  }
  if (pattern.size() > keyspace::max_pattern_bytes) {
    return refuse(fmt::format("ERR pattern of {} bytes is longer than {}", pattern.size(),
                              keyspace::max_pattern_bytes));
  }
  const keyspace::number_argument from(*cursor);
  const keyspace::number_argument about(count);
  return encode(arena, operation::scan, {from.text(), about.text(), pattern});
}

translated translate_flush(argument_list arguments, byte_arena& arena) {
  const bool fits = arguments.size() == 1 ||
                    (arguments.size() == 2 && (equals_ignoring_case(arguments[1], "SYNC") ||
                                               equals_ignoring_case(arguments[1], "ASYNC")));
  if (!fits) return syntax_error();
  return encode(arena, operation::flush_all, {});
}

}  // namespace

std::expected<shared_bytes, std::string> translate(const command_entry& entry,
                                                   argument_list arguments, byte_arena& arena,
                                                   const server_limits& limits) {
  if (auto broken = broken_limit(entry, arguments, limits)) return refuse(*std::move(broken));
  const auto plain = [&](operation o, std::uint8_t flags = 0) -> translated {
    return encode(arena, o, flags, arguments.subspan(1));
  };
  switch (entry.name) {
    case command_name::append:
      return plain(operation::append);
    case command_name::dbsize:
      return plain(operation::size);
    case command_name::decr:
    case command_name::decrby:
      return translate_increment(arguments, -1, arena);
    case command_name::del:
      return plain(operation::erase);
    case command_name::exists:
      return plain(operation::exists);
    case command_name::flushall:
      return translate_flush(arguments, arena);
    case command_name::get:
      return plain(operation::get);
    case command_name::getdel:
      return plain(operation::get_and_delete);
    case command_name::getset:
      return plain(operation::set, keyspace::get_old);
    case command_name::incr:
    case command_name::incrby:
      return translate_increment(arguments, 1, arena);
    case command_name::keys:
      return plain(operation::keys);
    case command_name::mget:
      return plain(operation::get_many);
    case command_name::mset:
      if (arguments.size() % 2 == 0) {
        return refuse("ERR wrong number of arguments for 'mset' command");
      }
      return plain(operation::set_many);
    case command_name::scan:
      return translate_scan(arguments, arena);
    case command_name::set:
      return translate_set(arguments, arena);
    case command_name::setnx:
      return plain(operation::set, keyspace::if_absent | keyspace::answer_count);
    case command_name::strlen:
      return plain(operation::length);
    default:
      MAINSTAY_ASSERT(entry.name == command_name::type);
      return plain(operation::type);
  }
}

}  // namespace mainstay::server
