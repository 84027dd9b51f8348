#include "mainstay/core/config.hpp"

#include <string>

namespace mainstay::core {

namespace {

using std::to_string;

std::string in_milliseconds(duration d) {
  return to_string(std::chrono::duration<double, std::milli>(d).count()) + " ms";
}

std::unexpected<error> refuse(std::string message) {
  return fail(error_code::invalid_argument, std::move(message));
}

result<void> check_timing(const config& c) {
  const auto shortest = std::chrono::milliseconds(1);
  const auto longest = std::chrono::hours(1);
  if (c.heartbeat_interval < shortest) {
    return refuse("heartbeat_interval (" + in_milliseconds(c.heartbeat_interval) +
                  ") must be at least 1 ms");
  }
  if (c.election_timeout_min <= c.heartbeat_interval) {
    return refuse("election_timeout_min (" + in_milliseconds(c.election_timeout_min) +
                  ") must exceed heartbeat_interval (" + in_milliseconds(c.heartbeat_interval) +
                  ")");
  }
  if (c.election_timeout_max <= c.election_timeout_min) {
    return refuse("election_timeout_max (" + in_milliseconds(c.election_timeout_max) +
                  ") must exceed election_timeout_min (" + in_milliseconds(c.election_timeout_min) +
                  ")");
  }
  if (c.election_timeout_max > longest) {
    return refuse("election_timeout_max (" + in_milliseconds(c.election_timeout_max) +
                  ") must be at most one hour");
  }
  if (c.commit_notice_delay < duration::zero() || c.commit_notice_delay > c.heartbeat_interval) {
    return refuse("commit_notice_delay (" + in_milliseconds(c.commit_notice_delay) +
                  ") must be between 0 and heartbeat_interval (" +
                  in_milliseconds(c.heartbeat_interval) + ")");
  }
  return {};
}

result<void> check_lease(const config& c) {
  if (c.lease_reads && !c.check_quorum) {
    return refuse("lease_reads (on) needs check_quorum, which is off");
  }
  if (c.max_clock_drift > 500'000) {
    return refuse("max_clock_drift (" + to_string(c.max_clock_drift) +
                  ") must be at most 500000 millionths");
  }
  return {};
}

/// One byte or count limit: its name, its value, and the range that it must lie in.
struct size_rule {
  const char* name;
  std::uint64_t value;
  std::uint64_t least;
  const char* least_name;
  std::uint64_t most = std::uint64_t{1} << 40;
  const char* most_name = "2^40";
};

/// What goes in one message: with larger ones a message could have more entries than any decoder
/// takes (2^20 of `core::size_of`), or not fit in a frame at all.
constexpr std::uint64_t largest_in_message = 64 << 20;
constexpr std::uint64_t largest_command = 256 << 20;

result<void> check_sizes(const config& c) {
  const size_rule rules[] = {
      {"max_append_bytes", c.max_append_bytes, 1024, "1024", largest_in_message, "67108864"},
      {"max_inflight_messages", c.max_inflight_messages, 1, "1"},
      {"max_inflight_bytes", c.max_inflight_bytes, c.max_append_bytes, "max_append_bytes"},
      {"max_command_bytes", c.max_command_bytes, 1, "1", largest_command, "268435456"},
      {"max_uncommitted_bytes", c.max_uncommitted_bytes, c.max_command_bytes + 64,
       "max_command_bytes + 64"},
      {"log_window_bytes", c.log_window_bytes, 4096, "4096"},
      {"max_applying_bytes", c.max_applying_bytes, 1, "1"},
      {"max_read_rounds", c.max_read_rounds, 1, "1"},
      {"max_waiting_reads", c.max_waiting_reads, 1, "1"},
      {"snapshot_chunk_bytes", c.snapshot_chunk_bytes, smallest_snapshot_chunk, "16384",
       largest_in_message, "67108864"},
      {"max_snapshot_transfers", c.max_snapshot_transfers, 1, "1"},
      {"snapshot_bytes_per_second", c.snapshot_bytes_per_second, 0, "0"},
      {"compaction_tail_bytes", c.compaction_tail_bytes, 0, "0"},
  };
  for (const auto& rule : rules) {
    if (rule.value > rule.most) {
      return refuse(std::string(rule.name) + " (" + to_string(rule.value) + ") must be at most " +
                    rule.most_name);
    }
    if (rule.value < rule.least) {
      return refuse(std::string(rule.name) + " (" + to_string(rule.value) + ") must be at least " +
                    rule.least_name + " (" + to_string(rule.least) + ")");
    }
  }
  return {};
}

}  // namespace

result<valid_config> valid_config::check(const config& c) {
  if (auto ok = check_timing(c); !ok) return std::unexpected(ok.error());
  if (auto ok = check_lease(c); !ok) return std::unexpected(ok.error());
  if (auto ok = check_sizes(c); !ok) return std::unexpected(ok.error());
  return valid_config(c);
}

}  // namespace mainstay::core
