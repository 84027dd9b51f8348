#include "server/resp/reply_writer.hpp"

#include <algorithm>
#include <charconv>

#include "mainstay/base/assert.hpp"
#include "mainstay/machines/key_value/answer.hpp"

namespace mainstay::resp {

namespace {

/// A malformed answer could nest as deep as it is long; ours nest twice.
constexpr std::size_t deepest_answer = 4;

}  // namespace

void reply_writer::line(char type, std::string_view text) {
  out_ += type;
  const std::size_t begin = out_.size();
  out_ += text;
  std::replace_if(
      out_.begin() + static_cast<std::ptrdiff_t>(begin), out_.end(),
      [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out_ += "\r\n";
}

void reply_writer::number(char type, std::int64_t value) {
  char text[24];
  text[0] = type;
  const auto [end, failure] = std::to_chars(text + 1, text + sizeof text - 2, value);
  MAINSTAY_ASSERT(failure == std::errc{});
  end[0] = '\r';
  end[1] = '\n';
  out_.append(text, static_cast<std::size_t>(end + 2 - text));
}

void reply_writer::simple(std::string_view text) { line('+', text); }

void reply_writer::error(std::string_view text) { line('-', text); }

void reply_writer::integer(std::int64_t value) { number(':', value); }

void reply_writer::bulk(std::string_view bytes) {
  number('$', static_cast<std::int64_t>(bytes.size()));
  out_ += bytes;
  out_ += "\r\n";
}

void reply_writer::null() { out_ += protocol_ == protocol::resp3 ? "_\r\n" : "$-1\r\n"; }

void reply_writer::array(std::size_t count) { number('*', static_cast<std::int64_t>(count)); }

void reply_writer::map(std::size_t count) {
  if (protocol_ == protocol::resp3) {
    number('%', static_cast<std::int64_t>(count));
  } else {
    array(count * 2);
  }
}

void reply_writer::answer(std::string_view encoded) {
  if (encoded.empty()) return ok();

  keyspace::answer_reader reader(encoded);
  const std::size_t begin = out_.size();
  std::size_t left = 1;  // values still to come; nesting adds up, as arrays come last
  std::size_t arrays = 0;
  for (; left > 0; --left) {
    const auto value = reader.next();
    switch (value.kind) {
      case keyspace::answer_kind::ok:
        ok();
        break;
      case keyspace::answer_kind::nil:
        null();
        break;
      case keyspace::answer_kind::integer:
        integer(value.integer);
        break;
      case keyspace::answer_kind::bytes:
        bulk(value.text);
        break;
      case keyspace::answer_kind::status:
        simple(value.text);
        break;
      case keyspace::answer_kind::failure:
        error(value.text);
        break;
      case keyspace::answer_kind::array:
        array(value.count);
        left += value.count;
        if (++arrays > deepest_answer) {
          out_.resize(begin);
          return error("ERR malformed answer of the state machine");
        }
        break;
    }
  }
}

void reply_writer::failure(const mainstay::error& e) {
  std::string text;
  if (e.code == error_code::invalid_argument) {
    text = "ERR ";
  } else if (e.code == error_code::session_expired) {
    text = "SESSIONEXPIRED ";
  } else if (e.code == error_code::stale_serial) {
    text = "STALESERIAL ";
  } else {
    text = outcome_of(e.code) == outcome::refused ? "UNAVAILABLE " : "UNKNOWN ";
  }
  text += e.message.empty() ? name_of(e.code) : std::string_view(e.message);
  if (e.leader) text += " (node " + std::to_string(e.leader.value()) + " leads)";
  error(text);
}

}  // namespace mainstay::resp
