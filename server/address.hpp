/// "host:port" as operators write it: what is valid, whether it stays on this machine, and where it
/// leads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "mainstay/base/error.hpp"
#include "mainstay/transport/tcp/address.hpp"

namespace mainstay::server {

using tcp::host_and_port;

/// Takes an address apart as peers do, and refuses what no host is called. Errors:
/// `invalid_argument`, with the text and the rule.
result<host_and_port> parse_address(std::string_view text);

/// True for "localhost", 127.0.0.0/8 and ::1: traffic to it never leaves the machine. Names are not
/// looked up, so that a name's other meaning elsewhere cannot fool it.
bool is_loopback(std::string_view host);

/// Looks an address up. Blocks. Errors: `invalid_argument`, `io_failed`.
result<boost::asio::ip::tcp::endpoint> resolve(const std::string& text);

}  // namespace mainstay::server
