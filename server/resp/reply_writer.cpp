#include "server/resp/reply_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "mainstay/base/assert.hpp"

namespace mainstay::resp {

namespace {

/// A malformed answer could nest as deep as it is long; ours nest three times.
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
  std::array<std::size_t, deepest_answer + 1> left{1};  // values to come, of each array around
  for (std::size_t depth = 0; true;) {
    while (left[depth] == 0) {
      if (depth == 0) return;
      --depth;
    }
    --left[depth];
    const auto next = reader.next();
    if (next.kind != keyspace::answer_kind::array) {
      value(next);
    } else if (depth == deepest_answer) {
      out_.resize(begin);
      return error("ERR malformed answer of the state machine");
    } else {
      array(next.count);
      left[++depth] = next.count;
    }
  }
}

void reply_writer::value(const keyspace::answer_value& v) {
  switch (v.kind) {
    case keyspace::answer_kind::ok:
      return ok();
    case keyspace::answer_kind::nil:
      return null();
    case keyspace::answer_kind::integer:
      return integer(v.integer);
    case keyspace::answer_kind::bytes:
      return bulk(v.text);
    case keyspace::answer_kind::status:
      return simple(v.text);
    case keyspace::answer_kind::failure:
      return error(v.text);
    case keyspace::answer_kind::array:
      return array(v.count);
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
