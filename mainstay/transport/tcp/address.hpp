/// Addresses as people write them: "host:port", "[::1]:port". Says nothing about whether anyone is
/// there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mainstay::tcp {

/// A host, as name or number without brackets, and a port.
struct host_and_port {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const host_and_port&, const host_and_port&) = default;
};

/// Nothing when `text` is not of one of the two forms, or the port not from 0 to 65,535.
std::optional<host_and_port> parse_address(std::string_view text);

/// The form that `parse_address` reads.
std::string to_text(const host_and_port& address);

}  // namespace mainstay::tcp
