#include "server/resp/request_parser.hpp"

#include <optional>

#include "server/resp/inline_request.hpp"
#include "server/resp/whole_number.hpp"

namespace mainstay::resp {

namespace {

/// A head line is a type's byte, a number and CR LF; more digits than this are no number.
constexpr std::size_t longest_head = 32;
/// Room for arguments that grew over this for one large request is given back.
constexpr std::size_t kept_arguments = 1024;

/// The line at `position` without its CR LF; nothing when its end is not there yet.
std::optional<std::string_view> head_line(std::string_view request, std::size_t position) {
  const auto end = request.find('\r', position);
  if (end == std::string_view::npos || end + 1 >= request.size()) return std::nullopt;
  if (end - position >= longest_head) return std::nullopt;  // the same when it comes bit by bit
  return request.substr(position, end - position);
}

}  // namespace

request_parser::progress request_parser::next(std::string_view unread) {
  consumed_ = 0;
  if (!failure_.empty()) return progress::broken;
  while (true) {
    const auto request = unread.substr(consumed_);
    if (request.empty()) return wait_for(1);
    const std::size_t before = consumed_;
    const auto outcome =
        in_array_ || request.front() == '*' ? parse_array(request) : parse_line(request);
    if (outcome != progress::complete || !arguments_.empty()) return outcome;
    if (consumed_ == before) return break_off("Protocol error: empty request");
  }
}

request_parser::progress request_parser::parse_array(std::string_view request) {
  if (in_array_) return parse_elements(request);

  const auto head = head_line(request, 1);
  if (!head) {
    if (request.size() - 1 > longest_head) {
      return break_off("Protocol error: too big mbulk count string");
    }
    return wait_for(request.size() + 1);
  }
  const auto count = whole_number<std::int64_t>(*head);
  if (!count || *count > static_cast<std::int64_t>(limits_.arguments)) {
    return break_off("Protocol error: invalid multibulk length");
  }
  position_ = head->size() + 3;
  expected_ = *count > 0 ? static_cast<std::size_t>(*count) : 0;
  in_array_ = true;
  return parse_elements(request);
}

request_parser::progress request_parser::parse_elements(std::string_view request) {
  while (extents_.size() < expected_) {
    if (!in_argument_) {
      bool ready = false;
      const auto outcome = begin_argument(request, ready);
      if (!ready) return outcome;
    }
    const std::size_t end = position_ + argument_size_ + 2;
    if (request.size() < end) return wait_for(end);
    if (request[end - 2] != '\r' || request[end - 1] != '\n') {
      return break_off("Protocol error: expected CRLF after a bulk string");
    }
    extents_.push_back({position_, argument_size_});
    position_ = end;
    in_argument_ = false;
  }
  return finish(request);
}

/// Reads `$length CR LF`; `ready` when the argument itself can be looked for.
request_parser::progress request_parser::begin_argument(std::string_view request, bool& ready) {
  if (position_ >= request.size()) return wait_for(position_ + 1);
  if (request[position_] != '$') {
    const char found = request[position_];
    const bool printable = found >= ' ' && found <= '~';
    return break_off(std::string("Protocol error: expected '$', got '") +
                     (printable ? found : '?') + "'");
  }
  const auto head = head_line(request, position_ + 1);
  if (!head) {
    if (request.size() - position_ - 1 > longest_head) {
      return break_off("Protocol error: too big bulk count string");
    }
    return wait_for(request.size() + 1);
  }
  const auto size = whole_number<std::int64_t>(*head);
  if (!size || *size < 0 || *size > static_cast<std::int64_t>(limits_.argument_bytes)) {
    return break_off("Protocol error: invalid bulk length");
  }
  argument_size_ = static_cast<std::size_t>(*size);
  position_ += head->size() + 3;
  if (position_ + argument_size_ > limits_.request_bytes) {
    return break_off("Protocol error: request is longer than the limit");
  }
  in_argument_ = true;
  ready = true;
  return progress::incomplete;
}

request_parser::progress request_parser::finish(std::string_view request) {
  arguments_.clear();
  for (const auto& each : extents_) arguments_.push_back(request.substr(each.offset, each.size));
  consumed_ += position_;
  reset();
  return progress::complete;
}

request_parser::progress request_parser::parse_line(std::string_view request) {
  const auto end = request.find('\n', position_);
  if (end == std::string_view::npos) {
    if (request.size() > limits_.inline_bytes) {
      return break_off("Protocol error: too big inline request");
    }
    position_ = request.size();
    return wait_for(request.size() + 1);
  }
  if (end > limits_.inline_bytes) return break_off("Protocol error: too big inline request");
  auto line = request.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto words = split_line(line);
  if (!words) return break_off("Protocol error: unbalanced quotes in request");

  line_arguments_ = std::move(*words);
  arguments_.assign(line_arguments_.begin(), line_arguments_.end());
  consumed_ += end + 1;
  reset();
  return progress::complete;
}

request_parser::progress request_parser::wait_for(std::size_t bytes) {
  wanted_ = bytes;
  return progress::incomplete;
}

request_parser::progress request_parser::break_off(std::string text) {
  failure_ = std::move(text);
  return progress::broken;
}

void request_parser::reset() {
  position_ = 0;
  expected_ = 0;
  in_array_ = false;
  in_argument_ = false;
  extents_.clear();
  if (extents_.capacity() > kept_arguments) extents_.shrink_to_fit();
}

}  // namespace mainstay::resp
