#include "mainstay/node/options.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "mainstay/node/operation.hpp"

namespace mainstay {

namespace {

using std::to_string;

std::unexpected<error> refuse(std::string message) {
  return fail(error_code::invalid_argument, std::move(message));
}

std::string in_milliseconds(duration d) {
  return to_string(std::chrono::duration<double, std::milli>(d).count()) + " ms";
}

/// A duration of the options: its name, its value, and the least that it may be.
struct time_rule {
  const char* name;
  duration value;
  duration least;
  const char* least_name;
};

result<void> check_times(const node_options& o) {
  const duration shortest = std::chrono::milliseconds(1);
  const duration longest = std::chrono::hours(1);
  const time_rule rules[] = {
      {"timeouts.request_vote", o.timeouts.request_vote, shortest, "1 ms"},
      {"timeouts.append_entries", o.timeouts.append_entries, o.core.heartbeat_interval,
       "core.heartbeat_interval"},
      {"timeouts.read_index", o.timeouts.read_index, shortest, "1 ms"},
      {"timeouts.install_snapshot", o.timeouts.install_snapshot, o.core.heartbeat_interval,
       "core.heartbeat_interval"},
      {"timeouts.forward_commands", o.timeouts.forward_commands, shortest, "1 ms"},
      {"disk_full_retry", o.disk_full_retry, shortest, "1 ms"},
      {"snapshots.retry", o.snapshots.retry, shortest, "1 ms"},
  };
  for (const auto& rule : rules) {
    if (rule.value >= rule.least && rule.value <= longest) continue;
    return refuse(std::string(rule.name) + " (" + in_milliseconds(rule.value) +
                  ") must be between " + rule.least_name + " (" + in_milliseconds(rule.least) +
                  ") and one hour");
  }
  return {};
}

result<void> check_sizes(const node_options& o) {
  constexpr std::uint64_t largest = std::uint64_t{1} << 40;
  // A command that is allowed must not be refused by the budget of an idle node.
  const std::uint64_t one_command = o.core.max_command_bytes + 2 * detail::operation::allowance;
  if (o.max_pending_bytes < one_command || o.max_pending_bytes > largest) {
    return refuse("max_pending_bytes (" + to_string(o.max_pending_bytes) +
                  ") must be between core.max_command_bytes + 256 (" + to_string(one_command) +
                  ") and 2^40");
  }
  constexpr std::uint64_t largest_forward = 64 << 20;  // it goes in one message
  if (o.max_forward_bytes < 1024 || o.max_forward_bytes > largest_forward) {
    return refuse("max_forward_bytes (" + to_string(o.max_forward_bytes) +
                  ") must be between 1024 and 67108864");
  }
  return {};
}

std::unexpected<error> bad_member(std::string_view part, const char* rule) {
  return refuse("members: \"" + std::string(part) + "\" " + rule +
                "; write ID=HOST:PORT, separated by commas");
}

/// The whole of `digits` as a number; 0 when it is none.
std::uint64_t number_in(std::string_view digits) {
  std::uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [read_to, failure] = std::from_chars(digits.data(), end, number);
  return failure == std::errc{} && read_to == end ? number : 0;
}

result<core::member> parse_member(std::string_view part) {
  const auto equals = part.find('=');
  if (equals == std::string_view::npos) return bad_member(part, "has no '='");
  const std::uint64_t id = number_in(part.substr(0, equals));
  if (id == 0) return bad_member(part, "does not begin with an id above 0");
  const std::string_view address = part.substr(equals + 1);
  const auto colon = address.rfind(':');
  const bool has_host = colon != std::string_view::npos && colon > 0;
  if (!has_host || address.find_first_of("=; \t") != std::string_view::npos) {
    return bad_member(part, "has no HOST:PORT");
  }
  const std::uint64_t port = number_in(address.substr(colon + 1));
  if (port == 0 || port > 65535) return bad_member(part, "has no port between 1 and 65535");
  return core::member{node_id(id), std::string(address)};
}

}  // namespace

result<core::configuration> parse_members(std::string_view text) {
  core::configuration members;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    auto one = parse_member(text.substr(0, comma));
    if (!one) return std::unexpected(one.error());
    members.voters.push_back(*std::move(one));
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  std::ranges::sort(members.voters, {}, &core::member::id);
  if (auto ok = core::check(members); !ok) return std::unexpected(ok.error());
  return members;
}

result<core::valid_config> check(const node_options& o) {
  if (!o.id) return refuse("id (0) must not be 0");
  if (!o.group) return refuse("group (0) must not be 0");
  if (auto ok = core::check(o.members); !ok) return refuse("members: " + ok.error().message);
  if (!o.members.contains(o.id)) {
    return refuse("members must contain this node's id (" + to_string(o.id.value()) + ")");
  }
  auto core = core::valid_config::check(o.core);
  if (!core) return refuse("core." + core.error().message);
  if (auto ok = check_times(o); !ok) return std::unexpected(ok.error());
  if (auto ok = check_sizes(o); !ok) return std::unexpected(ok.error());
  if (auto ok = check(o.sessions); !ok) return std::unexpected(ok.error());
  return core;
}

}  // namespace mainstay
