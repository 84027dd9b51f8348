#include "mainstay/machines/key_value/glob.hpp"

#include <algorithm>
#include <cstddef>

namespace mainstay::keyspace {

namespace {

/// The outcome of comparing one element of a pattern with one byte.
struct element_match {
  bool matched;
  std::size_t length;  ///< of the element, in bytes of the pattern
};

unsigned char byte_at(std::string_view text, std::size_t position) {
  return static_cast<unsigned char>(text[position]);
}

/// A class, from its bracket on. As in Redis, a class that is not closed ends with the pattern, and
/// the first `]` closes it wherever it stands.
element_match match_class(std::string_view pattern, unsigned char byte) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;

  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    const std::size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      found = found || byte_at(pattern, at + 1) == byte;
      at += 2;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      const auto [low, high] = std::minmax({byte_at(pattern, at), byte_at(pattern, at + 2)});
      found = found || (low <= byte && byte <= high);
      at += 3;
    } else {
      found = found || byte_at(pattern, at) == byte;
      at += 1;
    }
  }
  const std::size_t length = std::min(at + 1, pattern.size());
  return {found != negated, length};
}

/// The first element of `pattern`, which is not a star and not empty, against one byte.
element_match match_element(std::string_view pattern, unsigned char byte) {
  switch (pattern.front()) {
    case '?':
      return {true, 1};
    case '[':
      return match_class(pattern, byte);
    case '\\':
      if (pattern.size() >= 2) return {byte_at(pattern, 1) == byte, 2};
      return {byte == '\\', 1};
    default:
      return {byte_at(pattern, 0) == byte, 1};
  }
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  constexpr auto none = std::string_view::npos;
  std::size_t pattern_at = 0;
  std::size_t text_at = 0;
  std::size_t after_star = none;  // where the pattern goes on after the last star
  std::size_t star_text = 0;      // where the text goes on when that star takes one byte more

  // Only the last star is ever tried again: whatever an earlier one could take, it can take too.
  // That is what keeps patterns such as *a*a*a*b from exploding.
  while (text_at < text.size()) {
    if (pattern_at < pattern.size() && pattern[pattern_at] == '*') {
      after_star = ++pattern_at;
      star_text = text_at;
      continue;
    }
    if (pattern_at < pattern.size()) {
      const auto element = match_element(pattern.substr(pattern_at), byte_at(text, text_at));
      if (element.matched) {
        pattern_at += element.length;
        ++text_at;
        continue;
      }
    }
    if (after_star == none) return false;
    pattern_at = after_star;
    text_at = ++star_text;
  }
  while (pattern_at < pattern.size() && pattern[pattern_at] == '*') ++pattern_at;
  return pattern_at == pattern.size();
}

}  // namespace mainstay::keyspace
