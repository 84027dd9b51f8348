#include "mainstay/node/options.hpp"

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

}  // namespace

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
