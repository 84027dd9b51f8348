/// Levels by component, and the limit on events that repeat.
#include "mainstay/logging/limited/limited_logger.hpp"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/seams/log_levels.hpp"
#include "mainstay/seams/log_line.hpp"

namespace mainstay {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// A clock that the test moves.
struct manual_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<manual_clock>;
  static constexpr bool is_steady = true;
  static time_point now() { return current; }
  static inline time_point current{};
};

/// Keeps its lines.
struct kept_lines {
  bool enabled(log_level level) const { return level >= log_level::info; }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields) {
    lines.push_back(line_of({level, component, event, fields}, log_format::message, {}));
  }
  std::vector<std::string> lines;
};

class LimitedLogger : public testing::Test {
 protected:
  void log(std::string_view event, std::uint64_t peer, log_level level = log_level::info) {
    const std::array<log_field, 1> fields{{{"peer", peer}}};
    logger_.log(level, "tcp", event, fields);
  }
  std::vector<std::string> lines() { return std::exchange(inside_.lines, {}); }

  kept_lines inside_;
  limited_logger<kept_lines, manual_clock> logger_{inside_, {.burst = 2, .interval = seconds(60)}};
};

TEST_F(LimitedLogger, RepeatedEventsAreCountedAndToldLater) {
  for (int i = 0; i < 5; ++i) log("refused", 1);
  EXPECT_THAT(lines(), ElementsAre("refused peer=1", "refused peer=1"));

  manual_clock::current += seconds(60);
  log("refused", 1);
  log("refused", 1);

  EXPECT_THAT(lines(), ElementsAre("refused peer=1 suppressed=3", "refused peer=1"));
}

TEST_F(LimitedLogger, OtherPeersAndOtherEventsHaveTheirOwnCount) {
  for (int i = 0; i < 5; ++i) log("refused", 1);
  log("refused", 2);
  log("connected", 1);

  EXPECT_THAT(lines(), ElementsAre("refused peer=1", "refused peer=1", "refused peer=2",
                                   "connected peer=1"));
}

TEST_F(LimitedLogger, CriticalEventsAreAlwaysWritten) {
  for (int i = 0; i < 5; ++i) log("the disk failed", 1, log_level::critical);

  EXPECT_THAT(lines(), SizeIs(5));
}

TEST_F(LimitedLogger, ManyKindsOfEventsTakeBoundedMemoryAndShareTheirCount) {
  for (std::uint64_t peer = 1; peer <= 10'000; ++peer) log("refused", peer);

  EXPECT_THAT(lines(), SizeIs(testing::Lt(4200U)));
}

TEST(LogLevels, AComponentMayHaveItsOwn) {
  const auto levels = log_levels::parse("tcp=debug,warning,wal=error");

  ASSERT_TRUE(levels) << levels.error().message;
  EXPECT_TRUE(levels->enabled("tcp", log_level::debug));
  EXPECT_TRUE(levels->enabled("node", log_level::warning));
  EXPECT_FALSE(levels->enabled("node", log_level::info));
  EXPECT_FALSE(levels->enabled("wal", log_level::warning));
  EXPECT_TRUE(levels->enabled(log_level::debug));
  EXPECT_FALSE(levels->enabled(log_level::trace));
}

TEST(LogLevels, WhatIsNoLevelIsNamed) {
  for (const auto* text : {"", "loud", "info,", "tcp=loud", "=debug", "info,debug", "tcp="}) {
    const auto levels = log_levels::parse(text);

    ASSERT_FALSE(levels) << text;
    EXPECT_THAT(levels.error().message, HasSubstr("neither a level nor component=level"));
  }
}

TEST(LogLine, TimeIsIsoInUtc) {
  using namespace std::chrono;
  const system_clock::time_point moment =
      sys_days(2026y / February / 3) + hours(4) + minutes(5) + seconds(6) + milliseconds(7);

  EXPECT_EQ(line_of({log_level::error, "wal", "stopped", {}}, log_format::text, moment),
            "2026-02-03T04:05:06.007Z error wal stopped");
}

}  // namespace
}  // namespace mainstay
