/// Replies of the Redis serialization protocol, version 2, and how they are read from bytes. The
/// server's own parser reads requests; this one reads what a server sends, within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"

namespace mainstay::cli {

/// One reply.
struct resp_reply {
  enum class kind : std::uint8_t { simple, error, integer, bulk, nil, array };

  kind type = kind::nil;
  std::string text;                  ///< of simple, error and bulk
  std::int64_t number = 0;           ///< of integer
  std::vector<resp_reply> elements;  ///< of array

  friend bool operator==(const resp_reply&, const resp_reply&) = default;
};

/// A reply and how many bytes it took; `consumed` is 0 when more bytes are needed.
struct parsed_reply {
  resp_reply reply;
  std::size_t consumed = 0;
};

/// Limits that hold before anything is allocated.
struct reply_limits {
  std::size_t max_line = 64 * 1024;          ///< bytes of a line without its payload
  std::size_t max_bulk = 512 * 1024 * 1024;  ///< bytes of one bulk string
  std::size_t max_elements = 1024 * 1024;    ///< of one array
  int max_depth = 8;                         ///< arrays within arrays
};

/// Reads the first reply in `bytes`. Errors: `malformed`, with the offset.
result<parsed_reply> parse_reply(std::string_view bytes, const reply_limits& limits = {});

/// The RESP form of a command: an array of bulk strings.
std::string encode_command(const std::vector<std::string>& arguments);

}  // namespace mainstay::cli
