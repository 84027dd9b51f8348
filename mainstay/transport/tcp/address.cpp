#include "mainstay/transport/tcp/address.hpp"

#include <charconv>

namespace mainstay::tcp {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped_at, failure] = std::from_chars(text.data(), end, port);
  if (failure != std::errc() || stopped_at != end) return std::nullopt;
  return port;
}

}  // namespace

std::optional<host_and_port> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return std::nullopt;  // a bare IPv6 address: where it ends and the port begins is a guess
  }
  if (host.empty() || !port) return std::nullopt;
  return host_and_port{std::string(host), *port};
}

std::string to_text(const host_and_port& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  const auto host = brackets ? '[' + address.host + ']' : address.host;
  return host + ':' + std::to_string(address.port);
}

}  // namespace mainstay::tcp
