#include "server/resp/inline_request.hpp"

#include <cctype>
#include <charconv>

namespace mainstay::resp {

namespace {

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

/// Takes characters of one line from the front.
class line_reader {
 public:
  explicit line_reader(std::string_view line) : rest_(line) {}

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool at_end() const { return rest_.empty(); }

  /// One word, quoted or not; false when a quote does not end, or ends within a word.
  bool read_word(std::string& word) {
    while (!rest_.empty() && !is_blank(rest_.front())) {
      const char c = take();
      if (c != '"' && c != '\'') {
        word += c;
        continue;
      }
      const bool closed = c == '"' ? read_double_quoted(word) : read_single_quoted(word);
      return closed && (rest_.empty() || is_blank(rest_.front()));
    }
    return true;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  bool read_double_quoted(std::string& word) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return true;
      if (c == '\\' && !rest_.empty()) {
        word += read_escape();
      } else {
        word += c;
      }
    }
    return false;
  }

  bool read_single_quoted(std::string& word) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '\'') return true;
      const bool escaped = c == '\\' && rest_.starts_with('\'');
      word += escaped ? take() : c;
    }
    return false;
  }

  char read_escape() {
    const char c = take();
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'b':
        return '\b';
      case 'a':
        return '\a';
      case 'x':
        return read_hexadecimal();
      default:
        return c;
    }
  }

  /// Two digits; without them the x stands for itself.
  char read_hexadecimal() {
    unsigned value = 0;
    if (rest_.size() < 2) return 'x';
    const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + 2, value, 16);
    if (failure != std::errc{} || end != rest_.data() + 2) return 'x';
    rest_.remove_prefix(2);
    return static_cast<char>(value);
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<std::string>> split_line(std::string_view line) {
  std::vector<std::string> words;
  line_reader reader(line);
  for (reader.skip_blanks(); !reader.at_end(); reader.skip_blanks()) {
    if (!reader.read_word(words.emplace_back())) return std::nullopt;
  }
  return words;
}

}  // namespace mainstay::resp
