/// Every rule of valid_config: a broken one is refused with the field, its value and the rule, and
/// the value next to it is taken.
#include "mainstay/core/config.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mainstay::core_test {
namespace {

using core::config;
using core::valid_config;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t largest = std::uint64_t{1} << 40;
constexpr std::uint64_t in_message = std::uint64_t{64} << 20;

std::string refusal(const config& c) {
  const auto checked = valid_config::check(c);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, error_code::invalid_argument);
  return checked.error().message;
}

TEST(ValidConfig, TheDefaultsAreValid) { EXPECT_EQ(refusal({}), ""); }

TEST(ValidConfig, KeepsWhatItWasGiven) {
  const config c{.heartbeat_interval = milliseconds(20), .max_read_rounds = 7};

  const auto valid = valid_config::check(c).value();

  EXPECT_EQ(*valid, c);
  EXPECT_EQ(valid->max_read_rounds, 7U);
}

TEST(ValidConfig, HeartbeatIntervalIsAtLeastAMillisecond) {
  config c{.heartbeat_interval = microseconds(999), .commit_notice_delay = {}};
  EXPECT_THAT(refusal(c),
              AllOf(HasSubstr("heartbeat_interval (0.999"), HasSubstr("at least 1 ms")));

  c.heartbeat_interval = milliseconds(1);
  EXPECT_EQ(refusal(c), "");
}

TEST(ValidConfig, ElectionTimeoutExceedsTheHeartbeatInterval) {
  config c{.election_timeout_min = milliseconds(50), .heartbeat_interval = milliseconds(50)};
  EXPECT_THAT(refusal(c), AllOf(HasSubstr("election_timeout_min (50"),
                                HasSubstr("must exceed heartbeat_interval (50")));

  c.election_timeout_min += duration(1);
  EXPECT_EQ(refusal(c), "");
}

TEST(ValidConfig, LeasesNeedFollowersThatRefuseVotes) {
  config c{.check_quorum = false, .lease_reads = true};
  EXPECT_THAT(refusal(c), HasSubstr("lease_reads (on) needs check_quorum, which is off"));

  c.check_quorum = true;
  EXPECT_EQ(refusal(c), "");
}

TEST(ValidConfig, ClocksDifferByHalfAtMost) {
  config c{.max_clock_drift = 500'001};
  EXPECT_THAT(refusal(c), HasSubstr("max_clock_drift (500001) must be at most 500000 millionths"));

  c.max_clock_drift = 500'000;
  EXPECT_EQ(refusal(c), "");
}

TEST(ValidConfig, ElectionTimeoutsHaveASpread) {
  config c{.election_timeout_min = milliseconds(150), .election_timeout_max = milliseconds(150)};
  EXPECT_THAT(refusal(c), AllOf(HasSubstr("election_timeout_max (150"),
                                HasSubstr("must exceed election_timeout_min (150")));

  c.election_timeout_max += duration(1);
  EXPECT_EQ(refusal(c), "");
}

TEST(ValidConfig, ElectionTimeoutIsAtMostAnHour) {
  config c{.election_timeout_max = hours(1) + duration(1)};
  EXPECT_THAT(refusal(c),
              AllOf(HasSubstr("election_timeout_max (3600000"), HasSubstr("at most one hour")));

  c.election_timeout_max = hours(1);
  EXPECT_EQ(refusal(c), "");
}

TEST(ValidConfig, CommitNoticeLiesWithinAHeartbeat) {
  config c{.commit_notice_delay = duration(-1)};
  EXPECT_THAT(refusal(c), AllOf(HasSubstr("commit_notice_delay (-0.0"),
                                HasSubstr("between 0 and heartbeat_interval (50")));
  c.commit_notice_delay = c.heartbeat_interval + duration(1);
  EXPECT_THAT(refusal(c), HasSubstr("commit_notice_delay (50.000001"));

  c.commit_notice_delay = c.heartbeat_interval;
  EXPECT_EQ(refusal(c), "");
  c.commit_notice_delay = {};
  EXPECT_EQ(refusal(c), "");
}

/// A size or count: where it stands, its least value, and what that is called.
struct size_rule {
  const char* name;
  std::uint64_t config::* field;
  std::uint64_t least;
  const char* least_name;
  std::uint64_t most = largest;
  const char* most_name = "2^40";
};

void PrintTo(const size_rule& rule, std::ostream* out) { *out << rule.name; }

class ValidConfigSizes : public testing::TestWithParam<size_rule> {};

TEST_P(ValidConfigSizes, HaveALeastAndALargestValue) {
  const auto& rule = GetParam();
  config c;

  c.*rule.field = rule.least - 1;
  EXPECT_THAT(refusal(c),
              AllOf(HasSubstr(std::string(rule.name) + " (" + std::to_string(rule.least - 1) + ")"),
                    HasSubstr("must be at least " + std::string(rule.least_name))));
  c.*rule.field = rule.most + 1;
  EXPECT_THAT(refusal(c),
              AllOf(HasSubstr(std::string(rule.name) + " (" + std::to_string(rule.most + 1) + ")"),
                    HasSubstr("must be at most " + std::string(rule.most_name))));
  c.*rule.field = rule.least;
  EXPECT_EQ(refusal(c), "");
}

INSTANTIATE_TEST_SUITE_P(
    Rule, ValidConfigSizes,
    testing::Values(size_rule{"max_append_bytes", &config::max_append_bytes, 1024, "1024",
                              in_message, "67108864"},
                    size_rule{"max_inflight_messages", &config::max_inflight_messages, 1, "1"},
                    size_rule{"max_inflight_bytes", &config::max_inflight_bytes,
                              config{}.max_append_bytes, "max_append_bytes (1048576)"},
                    size_rule{"max_command_bytes", &config::max_command_bytes, 1, "1",
                              4 * in_message, "268435456"},
                    size_rule{"snapshot_chunk_bytes", &config::snapshot_chunk_bytes, 16384, "16384",
                              in_message, "67108864"},
                    size_rule{"max_uncommitted_bytes", &config::max_uncommitted_bytes,
                              config{}.max_command_bytes + 64, "max_command_bytes + 64 (4194368)"},
                    size_rule{"log_window_bytes", &config::log_window_bytes, 4096, "4096"},
                    size_rule{"max_applying_bytes", &config::max_applying_bytes, 1, "1"},
                    size_rule{"max_read_rounds", &config::max_read_rounds, 1, "1"},
                    size_rule{"max_waiting_reads", &config::max_waiting_reads, 1, "1"}),
    [](const auto& one) { return one.param.name; });

// No setting of any size slips through a sum that overflows, or makes the check itself fail.
RC_GTEST_PROP(ValidConfig, TakesOnlySettingsThatKeepTheRules, ()) {
  const auto number = [] {
    return *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 1 << 20),
                           rc::gen::just(~std::uint64_t{0}), rc::gen::just(largest),
                           rc::gen::arbitrary<std::uint64_t>());
  };
  config c;
  c.max_append_bytes = number();
  c.max_inflight_bytes = number();
  c.max_command_bytes = number();
  c.max_uncommitted_bytes = number();
  c.log_window_bytes = number();

  const bool kept = c.max_append_bytes >= 1024 && c.max_append_bytes <= in_message &&
                    c.max_append_bytes <= c.max_inflight_bytes && c.max_inflight_bytes <= largest &&
                    c.max_command_bytes >= 1 && c.max_command_bytes <= 4 * in_message &&
                    c.max_uncommitted_bytes <= largest &&
                    c.max_uncommitted_bytes >= c.max_command_bytes + 64 &&
                    c.log_window_bytes >= 4096 && c.log_window_bytes <= largest;

  RC_ASSERT(valid_config::check(c).has_value() == kept);
}

}  // namespace
}  // namespace mainstay::core_test
