#include "mainstay/machines/key_value/key_value.hpp"

#include <charconv>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/glob.hpp"
#include "mainstay/machines/key_value/snapshot.hpp"

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

}  // namespace

result<shared_bytes> key_value::apply(const applied_command& command) {
  return execute(command.payload.text());
}

result<void> key_value::apply(std::span<const applied_command> commands,
                              std::span<shared_bytes> answers) {
  MAINSTAY_ASSERT(commands.size() == answers.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    answers[i] = execute(commands[i].payload.text());
  }
  return {};
}

result<shared_bytes> key_value::query(const shared_bytes& request) {
  auto decoded = keyspace::decode_command(request.text());
  if (!decoded) return answers_.failure("ERR " + decoded.error().message);
  if (!is_query(decoded->operation)) return answers_.failure("ERR not a query");
  return answer_query(*decoded);
}

shared_bytes key_value::execute(std::string_view encoded) {
  auto decoded = keyspace::decode_command(encoded);
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
    default:
      MAINSTAY_ASSERT(command.operation == operation::size);
      return answers_.integer(static_cast<std::int64_t>(table_.size()));
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

  const auto old = table_.find(key);
  bool met = true;
  if (has(keyspace::if_absent)) met = !old;
  if (has(keyspace::if_present)) met = old.has_value();
  if (has(keyspace::if_equal)) met = old && *old == command.arguments.next();

  shared_bytes answer;
  if (has(keyspace::get_old)) {
    answer = old ? answers_.bytes(*old) : answers_.nil();
  } else if (has(keyspace::answer_count)) {
    answer = answers_.integer(met ? 1 : 0);
  } else {
    answer = met ? answers_.ok() : answers_.nil();
  }
  if (met) table_.set(key, value);
  return answer;
}

shared_bytes key_value::get_and_delete(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto old = table_.find(key);
  if (!old) return answers_.nil();
  auto answer = answers_.bytes(*old);
  table_.erase(key);
  return answer;
}

shared_bytes key_value::erase(command_view& command) {
  std::int64_t erased = 0;
  while (!command.arguments.at_end()) {
    if (table_.erase(table_.hashed(command.arguments.next()))) ++erased;
  }
  return answers_.integer(erased);
}

shared_bytes key_value::increment(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto amount = static_cast<std::int64_t>(command.arguments.next_number());
  const auto old = table_.find(key);
  const auto number = old ? parse_integer(*old) : 0;
  if (!number) return answers_.failure("ERR value is not an integer or out of range");

  std::int64_t sum = 0;
  if (__builtin_add_overflow(*number, amount, &sum)) {
    return answers_.failure("ERR increment or decrement would overflow");
  }
  table_.set(key, decimal(sum).text());
  return answers_.integer(sum);
}

shared_bytes key_value::append(command_view& command) {
  const auto key = table_.hashed(command.arguments.next());
  const auto suffix = command.arguments.next();
  const auto old = table_.find(key);
  if (old && old->size() + suffix.size() > keyspace::max_value_bytes) {
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
  const auto value = table_.find(table_.hashed(command.arguments.next()));
  if (!value) return answers_.nil();
  if (!has_room_for(value->size())) return answers_.failure(too_much_outstanding);
  return answers_.bytes(*value);
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
    const auto value = table_.find(table_.hashed(command.arguments.next()));
    if (!value) {
      answers_.add_nil();
      continue;
    }
    if (answers_.array_size() + value->size() > keyspace::max_answer_bytes) {
      return refuse_array(answer_too_large);
    }
    answers_.add_bytes(*value);
  }
  return finish_array();
}

shared_bytes key_value::exists(command_view& command) {
  std::int64_t found = 0;
  while (!command.arguments.at_end()) {
    if (table_.find(table_.hashed(command.arguments.next()))) ++found;
  }
  return answers_.integer(found);
}

shared_bytes key_value::length(command_view& command) {
  const auto value = table_.find(table_.hashed(command.arguments.next()));
  return answers_.integer(value ? static_cast<std::int64_t>(value->size()) : 0);
}

shared_bytes key_value::type(command_view& command) {
  const auto value = table_.find(table_.hashed(command.arguments.next()));
  return answers_.status(value ? "string" : "none");
}

shared_bytes key_value::scan(command_view& command) {
  const auto cursor = command.arguments.next_number();
  const auto count = command.arguments.next_number();
  const auto pattern = command.arguments.next();
  bool too_large = false;
  const auto next = table_.scan(cursor, count, [&](std::string_view key, std::string_view) {
    too_large = too_large || answers_.array_size() + key.size() > keyspace::max_answer_bytes;
    if (!too_large && keyspace::matches_glob(pattern, key)) answers_.add_bytes(key);
  });
  if (too_large) return refuse_array(answer_too_large);
  if (!has_room_for(answers_.array_size())) return refuse_array(too_much_outstanding);
  return answers_.finish_array_after(decimal(next).text());
}

shared_bytes key_value::keys(command_view& command) {
  const auto pattern = command.arguments.next();
  bool too_large = false;
  table_.for_each([&](std::string_view key, std::string_view) {
    too_large = too_large || answers_.array_size() + key.size() > keyspace::max_answer_bytes;
    if (!too_large && keyspace::matches_glob(pattern, key)) answers_.add_bytes(key);
  });
  if (too_large) return refuse_array(answer_too_large);
  return finish_array();
}

result<void> frozen_key_value::save(const snapshot_writer& writer) const {
  return keyspace::save_snapshot(content_, writer);
}

result<void> key_value::restore(const snapshot_reader& reader) {
  return keyspace::restore_snapshot(table_, reader);
}

}  // namespace mainstay
