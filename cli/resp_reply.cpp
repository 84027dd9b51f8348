/// A recursive reader of RESP2 replies over a complete view of what has arrived.
#include "cli/resp_reply.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace mainstay::cli {

namespace {

/// Reads one reply after the other from a view. Every function gives an empty optional when the
/// bytes end too early.
class reader {
 public:
  reader(std::string_view bytes, const reply_limits& limits) : bytes_(bytes), limits_(limits) {}

  std::size_t position() const { return position_; }

  result<std::optional<resp_reply>> read(int depth) {
    const auto start = position_;
    const auto line = read_line();
    if (!line) return std::unexpected(line.error());
    if (!*line) return std::optional<resp_reply>();
    if ((*line)->empty()) return refuse(start, "an empty line");

    const auto body = (*line)->substr(1);
    switch ((*line)->front()) {
      case '+':
        return text_reply(resp_reply::kind::simple, body);
      case '-':
        return text_reply(resp_reply::kind::error, body);
      case ':':
        return integer_reply(start, body);
      case '$':
        return bulk_reply(start, body);
      case '*':
        return array_reply(start, body, depth);
      case '_':
        return std::optional(resp_reply());
      default:
        return refuse(start, "an unknown type of reply");
    }
  }

 private:
  std::unexpected<error> refuse(std::size_t offset, std::string_view what) const {
    return fail(error_code::malformed, fmt::format("RESP reply, offset {}: {}", offset, what));
  }

  result<std::optional<std::string_view>> read_line() {
    const auto end = bytes_.find("\r\n", position_);
    const auto length = (end == std::string_view::npos ? bytes_.size() : end) - position_;
    if (length > limits_.max_line) return refuse(position_, "a line is too long");
    if (end == std::string_view::npos) return std::optional<std::string_view>();
    const auto line = bytes_.substr(position_, length);
    position_ = end + 2;
    return std::optional(line);
  }

  static std::optional<resp_reply> text_reply(resp_reply::kind type, std::string_view body) {
    return resp_reply{type, std::string(body), 0, {}};
  }

  result<std::int64_t> number_in(std::size_t offset, std::string_view digits) const {
    std::int64_t value = 0;
    const auto [stop, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc() || stop != digits.data() + digits.size())
      return refuse(offset, "a number is malformed");
    return value;
  }

  result<std::optional<resp_reply>> integer_reply(std::size_t offset, std::string_view body) {
    const auto value = number_in(offset, body);
    if (!value) return std::unexpected(value.error());
    return std::optional(resp_reply{resp_reply::kind::integer, {}, *value, {}});
  }

  result<std::optional<resp_reply>> bulk_reply(std::size_t offset, std::string_view body) {
    const auto length = number_in(offset, body);
    if (!length) return std::unexpected(length.error());
    if (*length == -1) return std::optional(resp_reply());
    if (*length < 0) return refuse(offset, "a negative length");
    const auto size = static_cast<std::size_t>(*length);
    if (size > limits_.max_bulk) return refuse(offset, "a string is too long");
    if (bytes_.size() - position_ < size + 2) return std::optional<resp_reply>();
    if (bytes_.substr(position_ + size, 2) != "\r\n") return refuse(offset, "a string runs over");
    const auto text = bytes_.substr(position_, size);
    position_ += size + 2;
    return text_reply(resp_reply::kind::bulk, text);
  }

  result<std::optional<resp_reply>> array_reply(std::size_t offset, std::string_view body,
                                                int depth) {
    const auto length = number_in(offset, body);
    if (!length) return std::unexpected(length.error());
    if (*length == -1) return std::optional(resp_reply());
    if (*length < 0) return refuse(offset, "a negative length");
    if (static_cast<std::size_t>(*length) > limits_.max_elements) {
      return refuse(offset, "an array has too many elements");
    }
    if (depth >= limits_.max_depth) return refuse(offset, "arrays are nested too deep");

    resp_reply array{resp_reply::kind::array, {}, 0, {}};
    for (std::int64_t i = 0; i < *length; ++i) {
      auto element = read(depth + 1);
      if (!element) return std::unexpected(element.error());
      if (!*element) return std::optional<resp_reply>();
      array.elements.push_back(std::move(**element));
    }
    return std::optional(std::move(array));
  }

  std::string_view bytes_;
  const reply_limits& limits_;
  std::size_t position_ = 0;
};

}  // namespace

result<parsed_reply> parse_reply(std::string_view bytes, const reply_limits& limits) {
  reader r(bytes, limits);
  auto reply = r.read(0);
  if (!reply) return std::unexpected(reply.error());
  if (!*reply) return parsed_reply{};
  return parsed_reply{std::move(**reply), r.position()};
}

std::string encode_command(const std::vector<std::string>& arguments) {
  std::string bytes = fmt::format("*{}\r\n", arguments.size());
  for (const auto& argument : arguments) {
    bytes += fmt::format("${}\r\n", argument.size());
    bytes += argument;
    bytes += "\r\n";
  }
  return bytes;
}

}  // namespace mainstay::cli
