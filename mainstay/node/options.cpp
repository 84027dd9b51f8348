#include "mainstay/node/options.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace mainstay {

namespace {

std::string in_milliseconds(duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

result<void> check_timeout(const char* name, duration value, duration least) {
  const auto longest = std::chrono::hours(1);
  if (value >= least && value <= longest) return {};
  return fail(error_code::invalid_argument, std::string("timeouts.") + name + " (" +
                                                in_milliseconds(value) + ") must be between " +
                                                in_milliseconds(least) + " and one hour");
}

result<void> check_timeouts(const node_options& o) {
  const auto& t = o.timeouts;
  const duration heartbeat = o.core.heartbeat_interval;
  const duration shortest = std::chrono::milliseconds(1);
  if (auto ok = check_timeout("request_vote", t.request_vote, shortest); !ok) return ok;
  if (auto ok = check_timeout("append_entries", t.append_entries, heartbeat); !ok) return ok;
  if (auto ok = check_timeout("read_index", t.read_index, shortest); !ok) return ok;
  return check_timeout("forward_commands", t.forward_commands, shortest);
}

std::unexpected<error> too_small(const char* name, std::uint64_t value, const char* rule) {
  return fail(error_code::invalid_argument,
              std::string(name) + " (" + std::to_string(value) + ") must be " + rule);
}

std::unexpected<error> bad_member(std::string_view part, const char* rule) {
  return fail(error_code::invalid_argument, "members: \"" + std::string(part) + "\" " + rule +
                                                "; write ID=HOST:PORT, separated by commas");
}

result<core::member> parse_member(std::string_view part) {
  const auto equals = part.find('=');
  if (equals == std::string_view::npos) return bad_member(part, "has no '='");
  const std::string_view digits = part.substr(0, equals);
  const std::string_view address = part.substr(equals + 1);
  std::uint64_t id = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  const bool all_read = failure == std::errc{} && end == digits.data() + digits.size();
  if (!all_read || id == 0) return bad_member(part, "does not begin with an id above 0");
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == address.size()) {
    return bad_member(part, "has no HOST:PORT");
  }
  return core::member{node_id(id), std::string(address)};
}

}  // namespace

result<core::configuration> parse_members(std::string_view text) {
  core::configuration members;
  while (!text.empty()) {
    const auto comma = text.find(',');
    auto one = parse_member(text.substr(0, comma));
    if (!one) return std::unexpected(one.error());
    members.voters.push_back(*std::move(one));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  std::ranges::sort(members.voters, {}, &core::member::id);
  if (auto ok = core::check(members); !ok) return std::unexpected(ok.error());
  return members;
}

result<core::valid_config> check(const node_options& o) {
  if (!o.id) return fail(error_code::invalid_argument, "id must not be 0");
  if (!o.group) return fail(error_code::invalid_argument, "group must not be 0");
  if (auto ok = core::check(o.members); !ok) return std::unexpected(ok.error());
  if (!o.members.contains(o.id)) {
    return fail(error_code::invalid_argument,
                "members must contain this node's id (" + std::to_string(o.id.value()) + ")");
  }
  if (auto ok = check_timeouts(o); !ok) return std::unexpected(ok.error());
  if (o.max_pending_bytes < 4096) {
    return too_small("max_pending_bytes", o.max_pending_bytes, "at least 4096");
  }
  if (o.max_forward_bytes < 1024) {
    return too_small("max_forward_bytes", o.max_forward_bytes, "at least 1024");
  }
  if (o.disk_full_retry < std::chrono::milliseconds(1)) {
    return fail(
        error_code::invalid_argument,
        "disk_full_retry (" + in_milliseconds(o.disk_full_retry) + ") must be at least 1 ms");
  }
  return core::valid_config::check(o.core);
}

}  // namespace mainstay
