#include "mainstay/transport/tcp/tcp_options.hpp"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "mainstay/transport/tcp/address.hpp"

namespace mainstay {

namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;

/// A size and what it may be.
struct size_rule {
  std::string_view field;
  std::size_t value;
  std::size_t least;
  std::size_t most = SIZE_MAX;
};

result<void> refuse(std::string_view field, std::string_view value, std::string_view rule) {
  return fail(error_code::invalid_argument, fmt::format("{} is {}, but {}", field, value, rule));
}

result<void> check_identity(const tcp_options& o) {
  if (!o.cluster) return refuse("cluster", "0", "a cluster id is above 0");
  if (!o.self) return refuse("self", "0", "a node id is above 0");
  if (!o.disk) return refuse("disk", "0", "a disk incarnation is above 0");
  if (o.listen_address.empty() || tcp::parse_address(o.listen_address)) return {};
  return refuse("listen_address", '"' + o.listen_address + '"', "must be host:port");
}

result<void> check_sizes(const tcp_limits& l) {
  const std::array rules = {
      size_rule{"max_frame_bytes", l.max_frame_bytes, 4 * kibibyte, 1024 * mebibyte},
      size_rule{"max_calls_in_flight", l.max_calls_in_flight, 1, 65535},
      size_rule{"max_bytes_in_flight", l.max_bytes_in_flight, l.max_frame_bytes},
      size_rule{"max_calls_while_connecting", l.max_calls_while_connecting, 1},
      size_rule{"max_unanswered_requests", l.max_unanswered_requests, 1},
      size_rule{"max_unanswered_bytes", l.max_unanswered_bytes, l.max_frame_bytes},
      size_rule{"max_inbound_connections", l.max_inbound_connections, 1},
      size_rule{"max_half_open_connections", l.max_half_open_connections, 1},
      size_rule{"receive_block_bytes", l.receive_block_bytes, 4 * kibibyte, 16 * mebibyte},
  };
  for (const auto& rule : rules) {
    if (rule.value >= rule.least && rule.value <= rule.most) continue;
    return refuse(rule.field, std::to_string(rule.value),
                  fmt::format("must be from {} to {}", rule.least, rule.most));
  }
  return {};
}

result<void> check_durations(const tcp_limits& l) {
  const std::array<std::pair<std::string_view, duration>, 5> positive = {{
      {"connect_timeout", l.connect_timeout},
      {"idle_timeout", l.idle_timeout},
      {"dead_peer_timeout", l.dead_peer_timeout},
      {"reconnect_min", l.reconnect_min},
      {"reconnect_max", l.reconnect_max},
  }};
  constexpr duration least = std::chrono::milliseconds(1);
  constexpr duration most = std::chrono::hours(24);
  for (const auto& [field, value] : positive) {
    if (value >= least && value <= most) continue;
    return refuse(field, fmt::format("{} ns", value.count()), "must be from 1 ms to 24 hours");
  }
  if (l.reconnect_max >= l.reconnect_min) return {};
  return refuse("reconnect_max", fmt::format("{} ns", l.reconnect_max.count()),
                fmt::format("must not be below reconnect_min ({} ns)", l.reconnect_min.count()));
}

}  // namespace

result<valid_tcp_options> check(tcp_options options) {
  for (auto&& outcome :
       {check_identity(options), check_sizes(options.limits), check_durations(options.limits)}) {
    if (!outcome) return std::unexpected(outcome.error());
  }
  if (!options.identities) options.identities = std::make_shared<peer_identities>();
  return valid_tcp_options(std::move(options));
}

}  // namespace mainstay
