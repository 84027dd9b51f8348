/// Says commands to a key-value machine and reads its answers as text, so that tests read like a
/// session of redis-cli.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/machines/key_value/key_value.hpp"

namespace mainstay {

/// One value of an answer and all within it: `ok`, `nil`, `3`, `"text"`, `string`, `["a" nil]`.
inline std::string describe(keyspace::answer_reader& reader) {
  const auto value = reader.next();
  switch (value.kind) {
    case keyspace::answer_kind::ok:
      return "ok";
    case keyspace::answer_kind::nil:
      return "nil";
    case keyspace::answer_kind::integer:
      return std::to_string(value.integer);
    case keyspace::answer_kind::bytes:
      return '"' + std::string(value.text) + '"';
    case keyspace::answer_kind::status:
    case keyspace::answer_kind::failure:
      return std::string(value.text);
    case keyspace::answer_kind::array:
      break;
  }
  std::string text = "[";
  for (std::size_t i = 0; i < value.count; ++i) {
    if (i > 0) text += ' ';
    text += describe(reader);
  }
  return text + ']';
}

inline std::string describe(const shared_bytes& answer) {
  keyspace::answer_reader reader(answer.text());
  return describe(reader);
}

/// Encodes a command on its own.
inline shared_bytes command(keyspace::operation o, std::vector<std::string_view> arguments,
                            std::uint8_t flags = 0) {
  byte_arena arena(16);
  return encode(arena, o, flags, arguments);
}

/// Applies a command, or asks a query, and describes the answer.
inline std::string say(key_value& machine, const shared_bytes& payload) {
  const auto decoded = keyspace::decode_command(payload.text());
  if (decoded && is_query(decoded->operation)) return describe(machine.query(payload).value());
  return describe(machine.apply({log_index(1), log_time{}, payload}).value());
}

inline std::string say(key_value& machine, keyspace::operation o,
                       std::vector<std::string_view> arguments = {}, std::uint8_t flags = 0) {
  return say(machine, command(o, std::move(arguments), flags));
}

/// INCRBY.
inline std::string increment(key_value& machine, std::string_view key, std::int64_t amount) {
  const keyspace::number_argument number(static_cast<std::uint64_t>(amount));
  return say(machine, keyspace::operation::increment, {key, number.text()});
}

/// SCAN.
inline std::string scan(key_value& machine, std::uint64_t cursor, std::uint64_t count,
                        std::string_view pattern = "*") {
  const keyspace::number_argument from(cursor);
  const keyspace::number_argument about(count);
  return say(machine, keyspace::operation::scan, {from.text(), about.text(), pattern});
}

/// The whole snapshot of a machine.
inline std::string saved(key_value& machine) {
  std::string bytes;
  const auto outcome = machine.save([&](std::span<const std::byte> piece) -> result<void> {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  });
  return outcome ? bytes : outcome.error().message;
}

/// Restores from bytes that arrive at most `step` at a time.
inline result<void> restore(key_value& machine, std::string_view bytes, std::size_t step = 1000) {
  return machine.restore([&](std::span<std::byte> room) -> result<std::size_t> {
    const auto piece = bytes.substr(0, std::min({step, room.size(), bytes.size()}));
    std::memcpy(room.data(), piece.data(), piece.size());
    bytes.remove_prefix(piece.size());
    return piece.size();
  });
}

}  // namespace mainstay
