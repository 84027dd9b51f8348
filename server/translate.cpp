#include "server/translate.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/command.hpp"

#include "server/lock_command.hpp"
#include "server/resp/whole_number.hpp"
#include "server/translate_log.hpp"

namespace mainstay::server {

namespace {

using keyspace::operation;
using translated = std::expected<shared_bytes, std::string>;

constexpr std::uint64_t default_scan_count = 10;
/// A SCAN is answered between commands of others, so that its work has a limit.
constexpr std::uint64_t most_scan_count = 100'000;
/// How much of a client's words an error repeats.
constexpr std::size_t quoted_bytes = 128;

std::unexpected<std::string> refuse(std::string text) { return std::unexpected(std::move(text)); }
std::unexpected<std::string> syntax_error() { return refuse("ERR syntax error"); }

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
    case command_name::xadd:
      return position == 1 ? content::key : content::value;
    case command_name::psetex:
    case command_name::setex:
      return position == 1 ? content::key : position == 2 ? content::other : content::value;
    case command_name::decrby:
    case command_name::expire:
    case command_name::expireat:
    case command_name::getex:
    case command_name::incrby:
    case command_name::pexpire:
    case command_name::pexpireat:
    case command_name::xrange:
    case command_name::xtrim:
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

constexpr std::string_view not_an_integer = "ERR value is not an integer or out of range";

/// An option that says when a key is to expire, and what its number counts.
struct expiry_option {
  std::string_view name;
  keyspace::expiry_time unit;
};
constexpr expiry_option expiry_options[] = {
    {"EX", {.seconds = true}},
    {"PX", {}},
    {"EXAT", {.seconds = true, .absolute = true}},
    {"PXAT", {.absolute = true}},
};

const expiry_option* find_expiry_option(std::string_view text) {
  for (const auto& option : expiry_options) {
    if (equals_ignoring_case(text, option.name)) return &option;
  }
  return nullptr;
}

/// The options of SET, and of GETEX, which has some of them.
struct value_options {
  unsigned flags = keyspace::set_always;
  std::string_view expected;  ///< of IFEQ
  const expiry_option* expiry = nullptr;
  std::string_view expiry_number;
  bool persist = false;  ///< GETEX only
};

/// Reads the option at `at`, and moves it on to the last argument that belongs to the option.
bool read_condition(argument_list arguments, std::size_t& at, value_options& options) {
  constexpr unsigned conditions = keyspace::if_absent | keyspace::if_present | keyspace::if_equal;
  const auto option = arguments[at];
  unsigned condition = 0;
  if (equals_ignoring_case(option, "NX")) condition = keyspace::if_absent;
  if (equals_ignoring_case(option, "XX")) condition = keyspace::if_present;
  if (equals_ignoring_case(option, "IFEQ")) condition = keyspace::if_equal;
  if (equals_ignoring_case(option, "GET")) {
    options.flags |= keyspace::get_old;
    return true;
  }
  if (condition == 0 || (options.flags & conditions) != 0) return false;
  options.flags |= condition;
  if (condition != keyspace::if_equal) return true;
  if (++at == arguments.size()) return false;
  options.expected = arguments[at];
  return true;
}

/// The same for options about expiry: at most one of them may stand there.
bool read_expiry(argument_list arguments, std::size_t& at, value_options& options) {
  const bool keeps = (options.flags & keyspace::keep_deadline) != 0;
  if (equals_ignoring_case(arguments[at], "KEEPTTL")) {
    options.flags |= keyspace::keep_deadline;
    return options.expiry == nullptr;
  }
  if (equals_ignoring_case(arguments[at], "PERSIST")) {
    options.persist = true;
    return options.expiry == nullptr;
  }
  const auto* found = find_expiry_option(arguments[at]);
  if (found == nullptr || keeps || options.persist || options.expiry != nullptr) return false;
  if (++at == arguments.size()) return false;
  options.expiry = found;
  options.expiry_number = arguments[at];
  return true;
}

std::expected<keyspace::expiry_time, std::string> read_time(std::string_view number,
                                                            keyspace::expiry_time unit) {
  const auto parsed = resp::whole_number<std::int64_t>(number);
  if (!parsed) return refuse(std::string(not_an_integer));
  unit.number = *parsed;
  return unit;
}

translated translate_set(argument_list arguments, byte_arena& arena) {
  if (arguments.size() == 3) {
    return encode(arena, operation::set, {arguments[1], arguments[2]});
  }
  value_options options;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const bool fits = read_condition(arguments, i, options) ||
                      (i < arguments.size() && read_expiry(arguments, i, options));
    if (!fits || options.persist) return syntax_error();
  }
  std::vector<std::string_view> all{arguments[1], arguments[2]};
  if ((options.flags & keyspace::if_equal) != 0) all.push_back(options.expected);
  keyspace::time_argument time({});
  if (options.expiry != nullptr) {
    const auto read = read_time(options.expiry_number, options.expiry->unit);
    if (!read) return std::unexpected(read.error());
    time = keyspace::time_argument(*read);
    options.flags |= keyspace::expires;
    all.push_back(time.text());
  }
  return encode(arena, operation::set, static_cast<std::uint8_t>(options.flags), all);
}

translated translate_get_and_expire(argument_list arguments, byte_arena& arena) {
  value_options options;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (!read_expiry(arguments, i, options) || options.flags != 0) return syntax_error();
  }
  if (options.expiry == nullptr) {
    const std::uint8_t flags = options.persist ? keyspace::remove_deadline : 0;
    return encode(arena, operation::get_and_expire, flags, arguments.subspan(1, 1));
  }
  const auto read = read_time(options.expiry_number, options.expiry->unit);
  if (!read) return std::unexpected(read.error());
  const keyspace::time_argument time(*read);
  const std::string_view all[] = {arguments[1], time.text()};
  return encode(arena, operation::get_and_expire, keyspace::expires, all);
}

/// SETEX and PSETEX: the time stands before the value.
translated translate_set_expiring(std::string_view name, argument_list arguments, bool seconds,
                                  byte_arena& arena) {
  const auto read = read_time(arguments[2], {.seconds = seconds});
  if (!read) return std::unexpected(read.error());
  constexpr auto most = std::numeric_limits<std::int64_t>::max() / 1000;
  if (read->number <= 0 || (seconds && read->number > most)) {
    return refuse(fmt::format("ERR invalid expire time in '{}' command", to_lower(name)));
  }
  const keyspace::time_argument time(*read);
  const std::string_view all[] = {arguments[1], arguments[3], time.text()};
  return encode(arena, operation::set, keyspace::expires, all);
}

/// EXPIRE and its like.
translated translate_expire(argument_list arguments, keyspace::expiry_time unit,
                            byte_arena& arena) {
  unsigned flags = 0;
  for (const auto option : arguments.subspan(3)) {
    if (equals_ignoring_case(option, "NX")) {
      flags |= keyspace::if_none;
    } else if (equals_ignoring_case(option, "XX")) {
      flags |= keyspace::if_any;
    } else if (equals_ignoring_case(option, "GT")) {
      flags |= keyspace::if_later;
    } else if (equals_ignoring_case(option, "LT")) {
      flags |= keyspace::if_earlier;
    } else {
      return refuse(fmt::format("ERR Unsupported option {}", option.substr(0, quoted_bytes)));
    }
  }
  if ((flags & keyspace::if_none) != 0 && flags != keyspace::if_none) {
    return refuse("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if ((flags & keyspace::if_later) != 0 && (flags & keyspace::if_earlier) != 0) {
    return refuse("ERR GT and LT options at the same time are not compatible");
  }
  const auto read = read_time(arguments[2], unit);
  if (!read) return std::unexpected(read.error());
  const keyspace::time_argument time(*read);
  const std::string_view all[] = {arguments[1], time.text()};
  return encode(arena, operation::expire, static_cast<std::uint8_t>(flags), all);
}

translated translate_increment(argument_list arguments, std::int64_t sign, byte_arena& arena) {
  std::int64_t amount = 1;
  if (arguments.size() == 3) {
    const auto number = resp::whole_number<std::int64_t>(arguments[2]);
    if (!number) return refuse(std::string(not_an_integer));
    amount = *number;
  }
  if (sign < 0 && amount == std::numeric_limits<std::int64_t>::min()) {
    return refuse("ERR decrement would overflow");
  }
  const keyspace::number_argument number(static_cast<std::uint64_t>(sign * amount));
  return encode(arena, operation::increment, {arguments[1], number.text()});
}

translated translate_scan(argument_list arguments, byte_arena& arena) {
  const auto cursor = resp::whole_number<std::uint64_t>(arguments[1]);
  if (!cursor) return refuse("ERR invalid cursor");
  std::uint64_t count = default_scan_count;
  std::string_view pattern = "*";
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return syntax_error();
    if (equals_ignoring_case(arguments[i], "MATCH")) {
      pattern = arguments[i + 1];
    } else if (equals_ignoring_case(arguments[i], "COUNT")) {
      const auto number = resp::whole_number<std::int64_t>(arguments[i + 1]);
      if (!number) return refuse(std::string(not_an_integer));
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

translated encode_plain(byte_arena& arena, argument_list arguments, operation o,
                        std::uint8_t flags = 0) {
  return encode(arena, o, flags, arguments.subspan(1));
}

/// The commands that are about expiry; nothing for any other.
std::optional<translated> translate_expiry(const command_entry& entry, argument_list arguments,
                                           byte_arena& arena) {
  switch (entry.name) {
    case command_name::expire:
      return translate_expire(arguments, {.seconds = true}, arena);
    case command_name::expireat:
      return translate_expire(arguments, {.seconds = true, .absolute = true}, arena);
    case command_name::expiretime:
      return encode_plain(arena, arguments, operation::expires_at, keyspace::in_seconds);
    case command_name::getex:
      return translate_get_and_expire(arguments, arena);
    case command_name::persist:
      return encode_plain(arena, arguments, operation::persist);
    case command_name::pexpire:
      return translate_expire(arguments, {}, arena);
    case command_name::pexpireat:
      return translate_expire(arguments, {.absolute = true}, arena);
    case command_name::pexpiretime:
      return encode_plain(arena, arguments, operation::expires_at);
    case command_name::psetex:
      return translate_set_expiring(entry.text, arguments, false, arena);
    case command_name::pttl:
      return encode_plain(arena, arguments, operation::time_left);
    case command_name::setex:
      return translate_set_expiring(entry.text, arguments, true, arena);
    case command_name::ttl:
      return encode_plain(arena, arguments, operation::time_left, keyspace::in_seconds);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::expected<shared_bytes, std::string> translate(const command_entry& entry,
                                                   argument_list arguments, byte_arena& arena,
                                                   const server_limits& limits) {
  if (auto broken = broken_limit(entry, arguments, limits)) return refuse(*std::move(broken));
  if (is_log_command(entry.name)) return translate_log(entry, arguments);
  if (is_lock_command(entry.name)) return translate_lock(entry, arguments, limits);
  if (auto expiry = translate_expiry(entry, arguments, arena)) return *std::move(expiry);
  const auto plain = [&](operation o, std::uint8_t flags = 0) {
    return encode_plain(arena, arguments, o, flags);
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
