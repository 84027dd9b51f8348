/// Replies of a server, as RESP 2 has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"

namespace mainstay {

/// One reply.
struct reply {
  enum class type : std::uint8_t { text, error, integer, nothing, list };
  type kind = type::nothing;
  std::string text;          ///< of `text` and `error`
  std::int64_t number = 0;   ///< of `integer`
  std::vector<reply> items;  ///< of `list`

  friend bool operator==(const reply&, const reply&) = default;
};

/// Encodes a command and its arguments, and appends it.
void append_command(std::string& out, std::span<const std::string> arguments);

/// Makes replies of bytes that come in pieces.
class reply_reader {
 public:
  void add(std::string_view bytes) { unread_ += bytes; }
  /// Takes the next reply, once it is whole: true. Errors: `malformed`; then the stream is lost.
  result<bool> next(reply& into);

 private:
  result<bool> read(std::size_t& at, reply& into, int depth) const;
  std::string unread_;
};

}  // namespace mainstay
