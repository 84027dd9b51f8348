/// The scanner skips payloads unread, and takes the commonest reply, +OK, by whole.
#include "cli/reply_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mainstay::cli {

namespace {

constexpr std::string_view ok = "+OK\r\n";
constexpr std::size_t longest_line = 32 * 1024;
constexpr std::size_t most_kinds = 63;

void count_error(std::string_view text, reply_counts& counts) {
  auto word = text.substr(0, text.find(' '));
  ++counts.failed;
  auto& errors = counts.errors;
  const bool full = errors.size() >= most_kinds;
  if (full && std::ranges::find(errors, word, &error_count::word) == errors.end()) word = "(other)";
  const auto found = std::ranges::find(errors, word, &error_count::word);
  if (found != errors.end()) {
    ++found->count;
  } else {
    errors.push_back({std::string(word), 1});
  }
}

}  // namespace

std::size_t reply_scanner::scan(std::string_view bytes, reply_counts& counts) {
  std::size_t position = 0;
  while (!malformed_ && position < bytes.size()) {
    if (payload_left_ > 0) {
      const auto skipped = std::min<std::uint64_t>(payload_left_, bytes.size() - position);
      payload_left_ -= skipped;
      position += skipped;
      if (payload_left_ == 0) ++counts.succeeded;
      continue;
    }
    if (bytes.compare(position, ok.size(), ok) == 0) {
      ++counts.succeeded;
      position += ok.size();
      continue;
    }
    const auto end = bytes.find('\r', position);
    if (end == std::string_view::npos || end + 1 >= bytes.size()) {
      malformed_ = bytes.size() - position > longest_line;
      break;
    }
    malformed_ =
        bytes[end + 1] != '\n' || !scan_line(bytes.substr(position, end - position), counts);
    position = end + 2;
  }
  return position;
}

bool reply_scanner::scan_line(std::string_view line, reply_counts& counts) {
  if (line.empty()) return false;
  switch (line.front()) {
    case '-':
      count_error(line.substr(1), counts);
      return true;
    case '$':
      return begin_bulk(line.substr(1), counts);
    case '_':
      ++counts.missing;
      [[fallthrough]];
    case '+':
    case ':':
      ++counts.succeeded;
      return true;
    default:
      return false;
  }
}

bool reply_scanner::begin_bulk(std::string_view digits, reply_counts& counts) {
  std::int64_t length = 0;
  const auto [stop, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (failure != std::errc() || stop != digits.data() + digits.size() || length < -1) return false;
  if (length == -1) {
    ++counts.missing;
    ++counts.succeeded;
  } else {
    payload_left_ = static_cast<std::uint64_t>(length) + 2;
  }
  return true;
}

}  // namespace mainstay::cli
