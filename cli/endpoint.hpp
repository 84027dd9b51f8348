/// Where a server listens, as it is written on a command line: "host:port" or "[v6]:port".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"

namespace mainstay::cli {

/// A host name or address, and a port.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Reads "host:port"; an IPv6 address stands in brackets. Errors: `invalid_argument`, with the text
/// and the rule that it breaks.
result<endpoint> parse_endpoint(std::string_view text);

/// The form that `parse_endpoint` reads.
std::string to_string(const endpoint& e);

}  // namespace mainstay::cli
