/// Parsing and printing of endpoints; names are resolved elsewhere.
#include "cli/endpoint.hpp"

#include <charconv>

#include <fmt/format.h>

namespace mainstay::cli {

namespace {

std::unexpected<error> refuse(std::string_view text, std::string_view rule) {
  return fail(error_code::invalid_argument, fmt::format("endpoint '{}': {}", text, rule));
}

}  // namespace

result<endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "must be HOST:PORT");

  auto host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse(text, "an IPv6 address must stand in brackets");
  }
  if (host.empty()) return refuse(text, "the host is missing");

  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size() || port == 0) {
    return refuse(text, "the port must be a number from 1 to 65535");
  }
  return endpoint{std::string(host), port};
}

std::string to_string(const endpoint& e) {
  const bool is_v6 = e.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", e.host, e.port) : fmt::format("{}:{}", e.host, e.port);
}

}  // namespace mainstay::cli
