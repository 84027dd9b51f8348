#include "server/address.hpp"

#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

namespace mainstay::server {

namespace asio = boost::asio;

result<host_and_port> parse_address(std::string_view text) {
  auto parts = text.size() <= 300 ? tcp::parse_address(text) : std::nullopt;
  if (!parts || parts->host.find_first_of(" \t\r\n/@,=") != std::string::npos) {
    return fail(error_code::invalid_argument,
                fmt::format("\"{}\" is not an address: write HOST:PORT or [IPV6]:PORT", text));
  }
  return *std::move(parts);
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
