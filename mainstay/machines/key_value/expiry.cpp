#include "mainstay/machines/key_value/expiry.hpp"

#include <limits>
#include <optional>

#include "mainstay/machines/key_value/key_value.hpp"

namespace mainstay {

namespace keyspace {

std::string_view invalid_time_of_expire(expiry_time time) {
  if (time.absolute) {
    return time.seconds ? "ERR invalid expire time in 'expireat' command"
                        : "ERR invalid expire time in 'pexpireat' command";
  }
  return time.seconds ? "ERR invalid expire time in 'expire' command"
                      : "ERR invalid expire time in 'pexpire' command";
}

deadline deadline_to_set(expiry_time time, std::int64_t now) {
  if (time.number <= 0) return std::nullopt;
  return deadline_to_expire(time, now);
}

deadline deadline_to_expire(expiry_time time, std::int64_t now) {
  std::int64_t when = time.number;
  if (time.seconds && __builtin_mul_overflow(when, std::int64_t{1000}, &when)) return std::nullopt;
  if (!time.absolute && __builtin_add_overflow(when, now, &when)) return std::nullopt;
  return when;
}

}  // namespace keyspace

namespace {

constexpr std::int64_t never = -1;
constexpr std::int64_t absent = -2;

std::int64_t in_unit_of(const keyspace::command_view& command, std::int64_t milliseconds) {
  if ((command.flags & keyspace::in_seconds) == 0) return milliseconds;
  return milliseconds / 1000 + (milliseconds % 1000 >= 500 ? 1 : 0);
}

/// Whether the conditions of `expire` let a deadline take the place of another.
bool may_replace(std::uint8_t flags, const keyspace::deadline& old, std::int64_t when) {
  if ((flags & keyspace::if_none) != 0 && old) return false;
  if ((flags & keyspace::if_any) != 0 && !old) return false;
  if ((flags & keyspace::if_later) != 0 && (!old || when <= *old)) return false;
  return (flags & keyspace::if_earlier) == 0 || !old || when < *old;
}

}  // namespace

shared_bytes key_value::expire(keyspace::command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto time = command.arguments.next_time();
  const auto when = keyspace::deadline_to_expire(time, now());
  if (!when) return answers_.failure(keyspace::invalid_time_of_expire(time));
  const auto old = find_or_free(key);
  if (!old || !may_replace(command.flags, old->deadline, *when)) return answers_.integer(0);
  if (*when <= now()) {
    table_.erase(key);
  } else {
    table_.set_deadline(key, when);
  }
  return answers_.integer(1);
}

shared_bytes key_value::persist(keyspace::command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto old = find_or_free(key);
  if (!old || !old->deadline) return answers_.integer(0);
  table_.set_deadline(key, std::nullopt);
  return answers_.integer(1);
}

shared_bytes key_value::get_and_expire(keyspace::command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto old = find_or_free(key);
  if (!old) return answers_.nil();
  keyspace::deadline when;
  if ((command.flags & keyspace::expires) != 0) {
    when = keyspace::deadline_to_set(command.arguments.next_time(), now());
    if (!when) return answers_.failure(keyspace::invalid_time_of_get);
  }
  auto answer = answers_.bytes(old->value);
  if (when && *when <= now()) {
    table_.erase(key);
  } else if (command.flags != 0) {
    table_.set_deadline(key, when);
  }
  return answer;
}

shared_bytes key_value::time_left(keyspace::command_view& command) {
  const auto found = find(table_.hashed(command.arguments.next()));
  if (!found) return answers_.integer(absent);
  if (!found->deadline) return answers_.integer(never);
  return answers_.integer(in_unit_of(command, *found->deadline - now()));
}

shared_bytes key_value::expires_at(keyspace::command_view& command) {
  const auto found = find(table_.hashed(command.arguments.next()));
  if (!found) return answers_.integer(absent);
  if (!found->deadline) return answers_.integer(never);
  return answers_.integer(in_unit_of(command, *found->deadline));
}

}  // namespace mainstay
