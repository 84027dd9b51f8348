#include "server/address.hpp"

#include <charconv>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

namespace mainstay::server {

namespace asio = boost::asio;

result<host_and_port> parse_address(std::string_view text) {
  const auto refuse = [&] {
    return fail(error_code::invalid_argument,
                fmt::format("\"{}\" is not an address: write HOST:PORT or [IPV6]:PORT", text));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > 300) return refuse();
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return refuse();
  }
  std::uint16_t port = 0;
  const auto [end, failure] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (failure != std::errc{} || end != port_text.data() + port_text.size()) return refuse();
  if (host.empty() || host.find_first_of(" \t\r\n/@,=") != std::string_view::npos) return refuse();
  return host_and_port{std::string(host), port};
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(std::string(host), failure);
  return !failure && address.is_loopback();
}

result<asio::ip::tcp::endpoint> resolve(const std::string& text) {
  const auto parts = parse_address(text);
  if (!parts) return std::unexpected(parts.error());
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  boost::system::error_code failure;
  const auto found = resolver.resolve(parts->host, std::to_string(parts->port),
                                      asio::ip::tcp::resolver::passive, failure);
  if (failure || found.empty()) {
    return fail(error_code::io_failed,
                fmt::format("cannot find the address {}: {}", text, failure.message()));
  }
  return found.begin()->endpoint();
}

}  // namespace mainstay::server
