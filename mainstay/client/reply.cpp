#include "mainstay/client/reply.hpp"

#include <charconv>
#include <optional>

namespace mainstay {

namespace {

constexpr std::size_t largest_text = std::size_t{512} << 20;
constexpr std::int64_t longest_list = 1 << 24;
constexpr int deepest_list = 8;

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::unexpected<error> malformed(const char* what) { return fail(error_code::malformed, what); }

}  // namespace

void append_command(std::string& out, std::span<const std::string> arguments) {
  out += '*' + std::to_string(arguments.size()) + "\r\n";
  for (const auto& one : arguments) {
    out += '$' + std::to_string(one.size()) + "\r\n";
    out += one;
    out += "\r\n";
  }
}

result<bool> reply_reader::next(reply& into) {
  std::size_t at = 0;
  into = {};
  auto whole = read(at, into, 0);
  if (whole && *whole) unread_.erase(0, at);
  return whole;
}

result<bool> reply_reader::read(std::size_t& at, reply& into, int depth) const {
  const auto end = unread_.find("\r\n", at);
  if (end == std::string::npos) return false;
  if (end == at) return malformed("an empty line in place of a reply");
  const char kind = unread_[at];
  const auto line = std::string_view(unread_).substr(at + 1, end - at - 1);
  at = end + 2;
  if (kind == '+' || kind == '-') {
    into.kind = kind == '+' ? reply::type::text : reply::type::error;
    into.text = line;
    return true;
  }
  const auto number = number_in(line);
  if (!number) return malformed("a reply without its number");
  if (kind == ':') {
    into.kind = reply::type::integer;
    into.number = *number;
    return true;
  }
  if (kind != '$' && kind != '*') return malformed("a reply of unknown kind");
  if (*number == -1) return true;  // nothing
  if (*number < 0) return malformed("a reply of negative size");
  if (kind == '$') {
    const auto size = static_cast<std::size_t>(*number);
    if (size > largest_text) return malformed("a reply that is too large");
    if (unread_.size() - at < size + 2) return false;
    if (unread_.compare(at + size, 2, "\r\n") != 0) return malformed("a text without its end");
    into.kind = reply::type::text;
    into.text = unread_.substr(at, size);
    at += size + 2;
    return true;
  }
  if (*number > longest_list || depth == deepest_list) return malformed("too long a list");
  into.kind = reply::type::list;
  for (std::int64_t i = 0; i < *number; ++i) {
    auto whole = read(at, into.items.emplace_back(), depth + 1);
    if (!whole || !*whole) return whole;
  }
  return true;
}

}  // namespace mainstay
