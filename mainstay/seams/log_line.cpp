#include "mainstay/seams/log_line.hpp"

#include <array>
#include <charconv>
#include <type_traits>

namespace mainstay {

namespace {

template <class Number>
void put_number(std::string& line, Number value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  line.append(digits.data(), end);
}

/// With leading zeros, `width` digits.
void put_padded(std::string& line, unsigned value, std::size_t width) {
  std::string digits;
  put_number(digits, value);
  line.append(width - std::min(width, digits.size()), '0').append(digits);
}

/// UTC, in milliseconds (ISO 8601).
void put_time(std::string& line, std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  const auto today = floor<days>(now);
  const year_month_day date(today);
  const hh_mm_ss time(floor<milliseconds>(now - today));
  put_number(line, static_cast<int>(date.year()));
  line += '-';
  put_padded(line, static_cast<unsigned>(date.month()), 2);
  line += '-';
  put_padded(line, static_cast<unsigned>(date.day()), 2);
  line += 'T';
  put_padded(line, static_cast<unsigned>(time.hours().count()), 2);
  line += ':';
  put_padded(line, static_cast<unsigned>(time.minutes().count()), 2);
  line += ':';
  put_padded(line, static_cast<unsigned>(time.seconds().count()), 2);
  line += '.';
  put_padded(line, static_cast<unsigned>(time.subseconds().count()), 3);
  line += 'Z';
}

/// A quoted string with everything escaped that could end it, or the line.
void put_quoted(std::string& line, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  line += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      line.append("\\u00");
      line += digits[byte >> 4];
      line += digits[byte & 15];
    } else {
      line += c;
    }
  }
  line += '"';
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789_-.:/") == std::string_view::npos;
}

void put_value(std::string& line, const log_field& field, log_format format) {
  std::visit(
      [&](const auto& value) {
        using kind = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<kind, std::string_view>) {
          if (format != log_format::json && is_plain(value)) {
            line.append(value);
          } else {
            put_quoted(line, value);
          }
        } else if constexpr (std::is_same_v<kind, bool>) {
          line.append(value ? "true" : "false");
        } else {
          put_number(line, value);
        }
      },
      field.value);
}

std::string json_line(const log_event& e, std::chrono::system_clock::time_point now) {
  std::string line = R"({"time":")";
  put_time(line, now);
  line.append(R"(","level":")").append(name_of(e.level)).append(R"(","component":)");
  put_quoted(line, e.component);
  line.append(R"(,"event":)");
  put_quoted(line, e.event);
  for (const auto& field : e.fields) {
    line += ',';
    put_quoted(line, field.name);
    line += ':';
    put_value(line, field, log_format::json);
  }
  line += '}';
  return line;
}

}  // namespace

std::string_view name_of(log_level level) {
  constexpr std::array<std::string_view, 6> names{"trace",   "debug", "info",
                                                  "warning", "error", "critical"};
  return names.at(static_cast<std::size_t>(level));
}

std::string line_of(const log_event& event, log_format format,
                    std::chrono::system_clock::time_point now) {
  if (format == log_format::json) return json_line(event, now);
  std::string line;
  if (format == log_format::text) {
    put_time(line, now);
    line.append(" ").append(name_of(event.level)).append(" ").append(event.component).append(" ");
  }
  line.append(event.event);
  for (const auto& field : event.fields) {
    line.append(" ").append(field.name).append("=");
    put_value(line, field, format);
  }
  return line;
}

}  // namespace mainstay
