/// Requests of RESP2 and RESP3 clients: bytes in, commands out. Pure code, without sockets; it does
/// not know any command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"

namespace mainstay::resp {

/// What a request may have at most; checked on the claim, before memory is taken for it.
struct request_limits {
  std::size_t arguments = 1 << 20;        ///< of one command
  std::size_t argument_bytes = 64 << 20;  ///< of one argument
  std::size_t request_bytes = 80 << 20;   ///< of one command with its framing
  std::size_t inline_bytes = 64 << 10;    ///< of a command typed as a line
};

/// Parses a stream of requests: arrays of bulk strings, or lines as typed into telnet, with quotes
/// as Redis has them. It remembers how far it has come, so that a large request which arrives in
/// small pieces is walked over once.
class request_parser {
 public:
  /// What came of a call to `next`.
  enum class progress : std::uint8_t {
    complete,    ///< `arguments()` is a request; `consumed()` bytes belong to it
    incomplete,  ///< more bytes are needed
    broken,      ///< the stream is lost; `failure()` says why
  };

  explicit request_parser(request_limits limits) : limits_(limits) {}

  /// Looks for one request at the beginning of `unread`: the bytes after all that was consumed. On
  /// `incomplete`, call again with the bytes behind `consumed()` (wherever they are now) and more
  /// after them: empty requests are consumed even then.
  progress next(std::string_view unread);

  /// The request: at least one argument, views into `unread` or, of a line, into the parser. Valid
  /// until the next call. Empty requests (a blank line, an empty array) are passed over.
  std::span<const std::string_view> arguments() const { return arguments_; }
  /// How many bytes the request and the empty ones before it took.
  std::size_t consumed() const { return consumed_; }
  /// The text of a protocol error, as Redis words it.
  const std::string& failure() const { return failure_; }
  /// After `incomplete`: how many bytes the request has at least, as far as is known.
  std::size_t wanted() const { return wanted_; }

 private:
  /// Where an argument lies within the request.
  struct extent {
    std::size_t offset;
    std::size_t size;
  };

  progress parse_array(std::string_view request);
  progress parse_elements(std::string_view request);
  progress parse_line(std::string_view request);
  progress begin_argument(std::string_view request, bool& ready);
  progress finish(std::string_view request);
  progress wait_for(std::size_t bytes);
  progress break_off(std::string text);
  void reset();

  request_limits limits_;
  std::size_t position_ = 0;       ///< how far into the current request parsing has come
  std::size_t expected_ = 0;       ///< arguments that its array announced
  bool in_array_ = false;          ///< the array's head has been read
  bool in_argument_ = false;       ///< so has the head of its next argument
  std::size_t argument_size_ = 0;  ///< the size that this head announced
  std::vector<extent> extents_;
  std::vector<std::string_view> arguments_;
  std::vector<std::string> line_arguments_;
  std::size_t consumed_ = 0;
  std::size_t wanted_ = 0;
  std::string failure_;
};

}  // namespace mainstay::resp
