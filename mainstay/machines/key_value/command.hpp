/// What is replicated and asked: the binary form of the key-value machine's commands and queries
/// (docs/formats/key_value.md). It knows no protocol of clients and does not carry anything out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::keyspace {

/// Longest key, in bytes. Part of the machine, not of a node's configuration: all replicas must
/// agree on which commands fail.
inline constexpr std::size_t max_key_bytes = 64 * 1024;
/// Longest value, in bytes.
inline constexpr std::size_t max_value_bytes = 64 * 1024 * 1024;
/// Longest pattern of `keys` and `scan`, in bytes; bounds the work that one key can cost.
inline constexpr std::size_t max_pattern_bytes = 1024;
/// Largest answer with many elements, in bytes.
inline constexpr std::size_t max_answer_bytes = 64 * 1024 * 1024;
/// Bytes of answers that are alive at a time, in this process.
inline constexpr std::size_t max_outstanding_bytes = 256 * 1024 * 1024;

/// What to do. The numbers are those of the format; below 32 are those that change something.
enum class operation : std::uint8_t {
  set = 1,              ///< key, value, and what `set_flags` ask for
  get_and_delete = 2,   ///< key → bytes or nil
  erase = 3,            ///< keys → how many there were
  increment = 4,        ///< key, number → the sum
  append = 5,           ///< key, bytes → the new length
  set_many = 6,         ///< key, value, key, value, … → ok
  flush_all = 7,        ///< → ok
  expire = 8,           ///< key, time → 1 if it expires then, 0 if not; see `expire_flags`
  persist = 9,          ///< key → 1 if it had a deadline and has none any more, else 0
  get_and_expire = 10,  ///< key, with `expires` a time → bytes or nil; see `get_and_expire_flags`
  get = 32,             ///< key → bytes or nil
  get_many = 33,        ///< keys → array of bytes or nil
  exists = 34,          ///< keys → how many of them exist, counting repetitions
  length = 35,          ///< key → length of its value, 0 without
  type = 36,            ///< key → "string" or "none"
  scan = 37,            ///< cursor, count, pattern → array of cursor (as text) and array of keys
  keys = 38,            ///< pattern → array of keys
  size = 39,            ///< → number of keys
  time_left = 40,       ///< key → until it expires; -1: never, -2: there is none; `time_flags`
  expires_at = 41,      ///< key → when it expires, since the Unix epoch; -1 and -2 alike
};

/// True for operations that change nothing.
constexpr bool is_query(operation o) { return static_cast<std::uint8_t>(o) >= 32; }

/// Conditions and answers of `operation::set`, to be combined with |. At most one condition.
enum set_flags : std::uint8_t {
  set_always = 0,
  if_absent = 1,   ///< NX; answers nil when the key exists
  if_present = 2,  ///< XX; answers nil when it does not
  if_equal = 4,    ///< IFEQ; answers nil when it differs from the third argument, or is not there
  get_old = 8,     ///< GET: answers the value before (nil: none), whether set or not
  answer_count = 16,   ///< answers 1 when set, else 0 (SETNX)
  keep_deadline = 32,  ///< KEEPTTL: a key that expires still does
  expires = 64         ///< EX and its like: the last argument is a time; not with `keep_deadline`
};

/// Conditions of `operation::expire`: none, the first alone, or others of which at most one is
/// `if_later` or `if_earlier`. A key without a deadline counts as one that expires last of all.
enum expire_flags : std::uint8_t {
  if_none = 1,     ///< NX: only if it has no deadline
  if_any = 2,      ///< XX: only if it has one
  if_later = 4,    ///< GT: only if the new one is later
  if_earlier = 8,  ///< LT: only if it is earlier
};

/// For `operation::get_and_expire`: nothing, or one of these.
enum get_and_expire_flags : std::uint8_t {
  remove_deadline = 1,  ///< PERSIST
  // and `expires`, as for `set`
};

/// For `operation::time_left` and `operation::expires_at`: milliseconds, or this.
enum time_flags : std::uint8_t {
  in_seconds = 1,  ///< rounded to the nearest
};

/// When a key is to expire, as a client says it: a number, and what it counts.
struct expiry_time {
  std::int64_t number = 0;
  bool seconds = false;   ///< else milliseconds
  bool absolute = false;  ///< since the Unix epoch; else from the command's time on
};

/// Reads the arguments of a checked command, in order.
class argument_reader {
 public:
  argument_reader() = default;
  explicit argument_reader(std::string_view encoded) : rest_(encoded) {}

  /// True when all have been read.
  bool at_end() const { return rest_.empty(); }
  /// The next argument. Precondition: not at the end.
  std::string_view next();
  /// The next argument as a number. Precondition: it has eight bytes.
  std::uint64_t next_number();
  /// The next argument as a time. Precondition: it is one.
  expiry_time next_time();

 private:
  std::string_view rest_;
};

/// A decoded command: views into its bytes.
struct command_view {
  keyspace::operation operation;
  std::uint8_t flags = 0;
  std::size_t argument_count = 0;
  argument_reader arguments;
};

/// Encodes into the arena.
shared_bytes encode(byte_arena& arena, operation o, std::uint8_t flags,
                    std::span<const std::string_view> arguments);
shared_bytes encode(byte_arena& arena, operation o,
                    std::initializer_list<std::string_view> arguments);

/// A number as the eight bytes of an argument; keep it alive until `encode` returns.
class number_argument {
 public:
  explicit number_argument(std::uint64_t number);
  std::string_view text() const { return {bytes_, sizeof bytes_}; }

 private:
  char bytes_[8];
};

/// A time as the nine bytes of an argument; keep it alive until `encode` returns.
class time_argument {
 public:
  explicit time_argument(expiry_time time);
  std::string_view text() const { return {bytes_, sizeof bytes_}; }

 private:
  char bytes_[9];
};

/// Decodes and checks number, order and length of the arguments. Any input is allowed. Errors:
/// `malformed`, or `invalid_argument` for a key or value that is too long.
result<command_view> decode_command(std::string_view encoded);

}  // namespace mainstay::keyspace
