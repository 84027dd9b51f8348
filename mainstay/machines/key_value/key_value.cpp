#include "mainstay/machines/key_value/key_value.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/expiry.hpp"
#include "mainstay/machines/key_value/glob.hpp"

namespace mainstay {

using keyspace::command_view;
using keyspace::operation;

namespace {

/// A number as Redis writes it and nothing else: no sign but a minus, no zeros in front, no spaces.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  const auto digits = text.front() == '-' ? text.substr(1) : text;
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  return number;
}

/// A number in decimal, without an allocation.
class decimal {
 public:
  template <class Number>
  explicit decimal(Number number) {
    const auto [end, failure] = std::to_chars(text_, text_ + sizeof text_, number);
    MAINSTAY_ASSERT(failure == std::errc{});
    size_ = static_cast<std::size_t>(end - text_);
  }
  std::string_view text() const { return {text_, size_}; }

 private:
  char text_[20];
  std::size_t size_ = 0;
};

constexpr std::string_view answer_too_large = "ERR the answer would be too large";
constexpr std::string_view too_much_outstanding =
    "UNAVAILABLE too many bytes of answers wait to be taken; ask again";
/// Answers up to here are never refused: what they take is bounded by the number of commands.
constexpr std::size_t small_answer = 4096;
/// Expired keys that a command frees before it does its own work: more than it can add, so that
/// they never pile up, and few, so that it stays quick.
constexpr std::size_t freed_by_command = 16;
/// The same for an entry that brings nothing but time.
constexpr std::size_t freed_by_time = 1024;

}  // namespace

result<shared_bytes> key_value::apply(const applied_command& command) { return execute(command); }

result<void> key_value::apply(std::span<const applied_command> commands,
                              std::span<shared_bytes> answers) {
  MAINSTAY_ASSERT(commands.size() == answers.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    answers[i] = execute(commands[i]);
  }
  return {};
}

result<shared_bytes> key_value::query(const shared_bytes& request) {
  auto decoded = keyspace::decode_command(request.text());
  if (!decoded) return answers_.failure("ERR " + decoded.error().message);
  if (!is_query(decoded->operation)) return answers_.failure("ERR not a query");
  return answer_query(*decoded);
}

void key_value::advance_time(log_time time) {
  time_ = std::max(time_, time);
  table_.erase_expired(now(), freed_by_time);
}

std::optional<log_time> key_value::next_expiry() const {
  const auto first = table_.deadlines().earliest();
  // A later deadline than the log can tell is none.
  constexpr auto last = std::numeric_limits<std::int64_t>::max() / 1000 - 1;
  if (!first || first->when > last) return std::nullopt;
  return log_time{(first->when + 1) * 1000};
}

/// What is there at the time of the last entry.
std::optional<keyspace::stored> key_value::find(keyspace::hashed_key key) const {
  auto found = table_.find(key);
  if (found && found->is_expired(now())) found.reset();
  return found;
}

/// The same before a change, which must not find the remains of an expired key.
std::optional<keyspace::stored> key_value::find_or_free(keyspace::hashed_key key) {
  auto found = table_.find(key);
  if (!found || !found->is_expired(now())) return found;
  table_.erase(key);
  return std::nullopt;
}

shared_bytes key_value::execute(const applied_command& command) {
  time_ = std::max(time_, command.time);
  table_.erase_expired(now(), freed_by_command);
  auto decoded = keyspace::decode_command(command.payload.text());
  if (!decoded) return answers_.failure("ERR " + decoded.error().message);
  if (is_query(decoded->operation)) return answer_query(*decoded);
  return carry_out(*decoded);
}

shared_bytes key_value::carry_out(command_view& command) {
  switch (command.operation) {
    case operation::set:
      return set(command);
    case operation::get_and_delete:
      return get_and_delete(command);
    case operation::erase:
      return erase(command);
    case operation::increment:
      return increment(command);
    case operation::append:
      return append(command);
    case operation::set_many:
      return set_many(command);
    case operation::expire:
      return expire(command);
    case operation::persist:
      return persist(command);
    case operation::get_and_expire:
      return get_and_expire(command);
    default:
      MAINSTAY_ASSERT(command.operation == operation::flush_all);
      return flush_all();
  }
}

shared_bytes key_value::answer_query(command_view& command) {
  switch (command.operation) {
    case operation::get:
      return get(command);
    case operation::get_many:
      return get_many(command);
    case operation::exists:
      return exists(command);
    case operation::length:
      return length(command);
    case operation::type:
      return type(command);
    case operation::scan:
      return scan(command);
    case operation::keys:
      return keys(command);
    case operation::time_left:
      return time_left(command);
    case operation::expires_at:
      return expires_at(command);
    default:
      MAINSTAY_ASSERT(command.operation == operation::size);
      return answers_.integer(static_cast<std::int64_t>(size()));
  }
}

shared_bytes key_value::set(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto value = command.arguments.next();
  const auto has = [&](keyspace::set_flags flag) { return (command.flags & flag) != 0; };
  if (command.flags == keyspace::set_always) {
    table_.set(key, value);
    return answers_.ok();
  }

  const auto old = find_or_free(key);
  bool met = true;
  if (has(keyspace::if_absent)) met = !old;
  if (has(keyspace::if_present)) met = old.has_value();
  if (has(keyspace::if_equal)) met = command.arguments.next() == (old ? old->value : "") && old;
  keyspace::deadline when;
  if (has(keyspace::keep_deadline) && old) when = old->deadline;
  if (has(keyspace::expires)) {
    when = keyspace::deadline_to_set(command.arguments.next_time(), now());
    if (!when) return answers_.failure(keyspace::invalid_time_of_set);
  }

  shared_bytes answer;
  if (has(keyspace::get_old)) {
    answer = old ? answers_.bytes(old->value) : answers_.nil();
  } else if (has(keyspace::answer_count)) {
    answer = answers_.integer(met ? 1 : 0);
  } else {
    answer = met ? answers_.ok() : answers_.nil();
  }
  if (met) table_.set(key, value, when);
  return answer;
}

shared_bytes key_value::get_and_delete(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto old = find_or_free(key);
  if (!old) return answers_.nil();
  auto answer = answers_.bytes(old->value);
  table_.erase(key);
  return answer;
}

shared_bytes key_value::erase(command_view& command) {
  std::int64_t erased = 0;
  while (!command.arguments.at_end()) {
    const auto key = table_.hashed(command.arguments.next());
    if (!find_or_free(key)) continue;
    table_.erase(key);
    ++erased;
  }
  return answers_.integer(erased);
}

shared_bytes key_value::increment(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto amount = static_cast<std::int64_t>(command.arguments.next_number());
  const auto old = find_or_free(key);
  const auto number = old ? parse_integer(old->value) : 0;
  if (!number) return answers_.failure("ERR value is not an integer or out of range");

  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, amount, &sum)) {
    return answers_.failure("ERR increment or decrement would overflow");
  }
  table_.set(key, decimal(sum).text(), old ? old->deadline : std::nullopt);
  return answers_.integer(sum);
}

shared_bytes key_value::append(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto suffix = command.arguments.next();
  const auto old = find_or_free(key);
  if (old && old->value.size() + suffix.size() > keyspace::max_value_bytes) {
    return answers_.failure("ERR string exceeds maximum allowed size");
  }
  return answers_.integer(static_cast<std::int64_t>(table_.append(key, suffix)));
}

shared_bytes key_value::set_many(command_view& command) {
  while (!command.arguments.at_end()) {
    const auto key = table_.hashed(command.arguments.next());
    table_.set(key, command.arguments.next());
  }
  return answers_.ok();
}

shared_bytes key_value::flush_all() {
  table_.clear();
  return answers_.ok();
}

shared_bytes key_value::get(command_view& command) {
  const auto found = find(table_.hashed(command.arguments.next()));
  if (!found) return answers_.nil();
  if (!has_room_for(found->value.size())) return answers_.failure(too_much_outstanding);
  return answers_.bytes(found->value);
}

bool key_value::has_room_for(std::size_t answer_bytes) const {
  return answer_bytes <= small_answer ||
         answers_.outstanding() + answer_bytes <= outstanding_limit_;
}

shared_bytes key_value::refuse_array(std::string_view text) {
  answers_.drop_array();
  return answers_.failure(text);
}

shared_bytes key_value::finish_array() {
  if (!has_room_for(answers_.array_size())) return refuse_array(too_much_outstanding);
  return answers_.finish_array();
}

shared_bytes key_value::get_many(command_view& command) {
  while (!command.arguments.at_end()) {
    const auto found = find(table_.hashed(command.arguments.next()));
    if (!found) {
      answers_.add_nil();
      continue;
    }
    if (answers_.array_size() + found->value.size() > keyspace::max_answer_bytes) {
      return refuse_array(answer_too_large);
    }
    answers_.add_bytes(found->value);
  }
  return finish_array();
}

shared_bytes key_value::exists(command_view& command) {
  std::int64_t found = 0;
  while (!command.arguments.at_end()) {
    if (find(table_.hashed(command.arguments.next()))) ++found;
  }
  return answers_.integer(found);
}

shared_bytes key_value::length(command_view& command) {
  const auto found = find(table_.hashed(command.arguments.next()));
  return answers_.integer(found ? static_cast<std::int64_t>(found->value.size()) : 0);
}

shared_bytes key_value::type(command_view& command) {
  const auto found = find(table_.hashed(command.arguments.next()));
  return answers_.status(found ? "string" : "none");
}

/// Adds the keys that `walk` visits, are there and match; false when they would be too many.
template <class Walk>
bool key_value::add_keys(std::string_view pattern, Walk&& walk) {
  bool fits = true;
  walk([&](std::string_view key, const keyspace::stored& content) {
    if (content.is_expired(now())) return;
    fits = fits && answers_.array_size() + key.size() <= keyspace::max_answer_bytes;
    if (fits && keyspace::matches_glob(pattern, key)) answers_.add_bytes(key);
  });
  return fits;
}

shared_bytes key_value::scan(command_view& command) {
  const auto cursor = command.arguments.next_number();
  const auto count = command.arguments.next_number();
  std::uint64_t next = 0;
  const bool fits = add_keys(command.arguments.next(),
                             [&](auto visit) { next = table_.scan(cursor, count, visit); });
  if (!fits) return refuse_array(answer_too_large);
  if (!has_room_for(answers_.array_size())) return refuse_array(too_much_outstanding);
  return answers_.finish_array_after(decimal(next).text());
}

shared_bytes key_value::keys(command_view& command) {
  const bool fits = add_keys(command.arguments.next(), [&](auto visit) { table_.for_each(visit); });
  if (!fits) return refuse_array(answer_too_large);
  return finish_array();
}

frozen_key_value key_value::freeze() { return {table_.freeze(), {.keys = size(), .time = time_}}; }

result<void> frozen_key_value::save(const snapshot_writer& writer) const {
  return keyspace::save_snapshot(content_, header_, writer);
}

result<void> key_value::restore(const snapshot_reader& reader) {
  const auto header = keyspace::restore_snapshot(table_, reader);
  if (!header) return std::unexpected(header.error());
  time_ = header->time;
  return {};
}

}  // namespace mainstay
