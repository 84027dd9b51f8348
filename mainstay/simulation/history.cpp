#include "mainstay/simulation/history.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::simulation {

namespace {

constexpr std::array<std::string_view, 3> outcome_names{"done", "refused", "unknown"};
constexpr std::string_view hex_digits = "0123456789abcdef";

/// Bytes as a JSON string: what is not printable ASCII stands as \u00xx, one a byte.
void append_string(std::string& out, std::string_view bytes) {
  out += '"';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\u00";
      out += hex_digits[byte >> 4U];
      out += hex_digits[byte & 0xfU];
    }
  }
  out += '"';
}

void append_line(std::string& out, const client_operation& o) {
  out += "{\"client\":" + std::to_string(o.client) + ",\"op\":";
  append_string(out, o.name);
  out += ",\"key\":";
  append_string(out, o.key);
  out += ",\"arg\":";
  append_string(out, o.argument);
  if (o.expected) {
    out += ",\"expected\":";
    append_string(out, *o.expected);
  }
  out += ",\"result\":";
  if (o.result) {
    append_string(out, *o.result);
  } else {
    out += "null";
  }
  out += ",\"start\":" + std::to_string(o.start) + ",\"end\":" + std::to_string(o.end);
  out += ",\"outcome\":\"";
  out += name_of(o.outcome);
  out += "\"}\n";
}

/// Reads the JSON that the format allows: one flat object of strings, integers and nulls. After the
/// first fault there is nothing left to read, so that whatever is under way comes to its end.
class line_reader {
 public:
  explicit line_reader(std::string_view line) : rest_(line) {}

  client_operation read();
  /// What is wrong with the line; empty when nothing is.
  const std::string& why() const { return why_; }

 private:
  void refuse(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    rest_ = {};
  }
  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }
  /// Takes `c`, with the spaces around it, if it is next.
  bool takes(char c) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    skip_spaces();
    return true;
  }
  void expect(char c) {
    if (!takes(c)) refuse(std::string("expected '") + c + "' " + place());
  }
  std::string place() const {
    if (rest_.empty()) return "at the end of the line";
    return "before '" + std::string(rest_.substr(0, 12)) + "'";
  }
  std::string string();
  char escaped();
  template <class Number>
  Number number(const std::string& member);
  bool takes_null() {
    if (!rest_.starts_with("null")) return false;
    rest_.remove_prefix(4);
    return true;
  }
  operation_outcome outcome();
  /// Reads the value of a member. False when the format knows no such member.
  bool read_member(const std::string& member, client_operation& into);
  void note(const std::string& member);
  void check_members();

  std::string_view rest_;
  std::string why_;
  std::vector<std::string> seen_;
};

constexpr std::array<std::string_view, 8> required{"client", "op",    "key", "arg",
                                                   "result", "start", "end", "outcome"};

client_operation line_reader::read() {
  client_operation o;
  expect('{');
  do {
    const std::string member = string();
    expect(':');
    note(member);
    if (!read_member(member, o)) refuse("no member is called \"" + member + "\"");
  } while (takes(','));
  expect('}');
  if (!rest_.empty()) refuse("nothing may follow the object");
  check_members();
  if (o.end < o.start) refuse("it ends before it starts");
  if (o.outcome != operation_outcome::done && o.result) {
    refuse("only an operation that is done has a result");
  }
  return o;
}

bool line_reader::read_member(const std::string& member, client_operation& into) {
  if (member == "client") {
    into.client = number<std::uint64_t>(member);
  } else if (member == "op") {
    into.name = string();
  } else if (member == "key") {
    into.key = string();
  } else if (member == "arg") {
    into.argument = string();
  } else if (member == "expected") {
    into.expected = string();
  } else if (member == "result") {
    if (!takes_null()) into.result = string();
  } else if (member == "start") {
    into.start = number<std::int64_t>(member);
  } else if (member == "end") {
    into.end = number<std::int64_t>(member);
  } else if (member == "outcome") {
    into.outcome = outcome();
  } else {
    return false;
  }
  return true;
}

void line_reader::note(const std::string& member) {
  for (const auto& before : seen_) {
    if (before == member) refuse("\"" + member + "\" stands twice");
  }
  seen_.push_back(member);
}

void line_reader::check_members() {
  for (const auto name : required) {
    bool found = false;
    for (const auto& member : seen_) found = found || member == name;
    if (!found) refuse("\"" + std::string(name) + "\" is missing");
  }
}

std::string line_reader::string() {
  std::string text;
  if (rest_.empty() || rest_.front() != '"') return refuse("expected a string " + place()), text;
  rest_.remove_prefix(1);
  while (!rest_.empty() && rest_.front() != '"') {
    const auto byte = static_cast<unsigned char>(rest_.front());
    if (byte < 0x20 || byte >= 0x7f) {
      refuse("a byte that must be written as \\u00xx");
    } else if (byte == '\\') {
      text += escaped();
    } else {
      text += rest_.front();
      rest_.remove_prefix(1);
    }
  }
  if (rest_.empty()) return refuse("a string does not end"), text;
  rest_.remove_prefix(1);
  return text;
}

/// The byte of an escape, of which JSON has nine.
char line_reader::escaped() {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const char kind = rest_.size() < 2 ? '\0' : rest_[1];
  if (kind == 'u') {
    unsigned code = 0;
    const std::string_view digits = rest_.substr(2, 4);
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || failure != std::errc{} || end != digits.data() + 4) {
      return refuse("\\u needs four hexadecimal digits"), '\0';
    }
    if (code > 0xff) return refuse("strings hold bytes: nothing above \\u00ff"), '\0';
    rest_.remove_prefix(6);
    return static_cast<char>(code);
  }
  const auto letter = letters.find(kind);
  if (kind == '\0' || letter == std::string_view::npos) {
    return refuse("an escape that JSON lacks"), '\0';
  }
  rest_.remove_prefix(2);
  return meanings[letter];
}

template <class Number>
Number line_reader::number(const std::string& member) {
  Number value = 0;
  const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
  const auto length = static_cast<std::size_t>(end - rest_.data());
  const std::string_view digits = rest_.substr(rest_.starts_with('-') ? 1 : 0, length);
  const bool is_padded = length > 1 && digits.front() == '0';
  if (failure != std::errc{} || is_padded) {
    return refuse("\"" + member + "\" must be an integer of 64 bits"), value;
  }
  rest_.remove_prefix(length);
  return value;
}

operation_outcome line_reader::outcome() {
  const std::string text = string();
  for (std::size_t i = 0; i < outcome_names.size(); ++i) {
    if (outcome_names[i] == text) return static_cast<operation_outcome>(i);
  }
  refuse("the outcome must be done, refused or unknown");
  return operation_outcome::unknown;
}

}  // namespace

std::string_view name_of(operation_outcome o) { return outcome_names[std::to_underlying(o)]; }

std::size_t history::begin(client_operation started) {
  started.outcome = operation_outcome::unknown;
  started.result.reset();
  started.end = started.start;
  operations_.push_back(std::move(started));
  is_open_.push_back(true);
  ++open_;
  return operations_.size() - 1;
}

void history::finish(std::size_t number, std::int64_t end, operation_outcome outcome,
                     std::optional<std::string> result) {
  MAINSTAY_ASSERT(number < operations_.size());
  MAINSTAY_ASSERT(is_open_[number]);
  MAINSTAY_ASSERT(end >= operations_[number].start);
  MAINSTAY_ASSERT(outcome == operation_outcome::done || !result);
  is_open_[number] = false;
  --open_;
  operations_[number].end = end;
  operations_[number].outcome = outcome;
  operations_[number].result = std::move(result);
}

std::string write_history(std::span<const client_operation> operations) {
  std::string out;
  for (const auto& o : operations) append_line(out, o);
  return out;
}

result<std::vector<client_operation>> read_history(std::string_view text) {
  std::vector<client_operation> operations;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line_reader reader(line);
    operations.push_back(reader.read());
    if (!reader.why().empty()) {
      return fail(error_code::malformed, "line " + std::to_string(number) + ": " + reader.why());
    }
  }
  return operations;
}

}  // namespace mainstay::simulation
