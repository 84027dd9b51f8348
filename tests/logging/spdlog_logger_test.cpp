#include "mainstay/logging/spdlog/spdlog_logger.hpp"

#include <array>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

namespace mainstay {
namespace {

static_assert(diagnostic_logger<spdlog_logger>);

/// What one event looks like.
std::string line_of(log_format format, log_level level, log_level least = log_level::info) {
  std::ostringstream written;
  auto sink = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(written));
  sink->set_pattern("%v");
  spdlog_logger logger(sink, format, least);
  const std::array<log_field, 4> fields{{{"term", std::uint64_t{3}},
                                         {"lag", std::int64_t{-4}},
                                         {"sound", true},
                                         {"reason", std::string_view("a \"b\"\nc")}}};

  logger.log(level, "node", "became leader", fields);
  return written.str();
}

TEST(SpdlogLogger, TextLineCarriesEveryField) {
  const auto line = line_of(log_format::text, log_level::info);

  EXPECT_NE(line.find(" info node became leader term=3 lag=-4 sound=true reason="),
            std::string::npos);
}

// For the thread sanitizer as well.
TEST(SpdlogLogger, LinesOfThreadsAreNotMixed) {
  std::ostringstream written;
  auto sink = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(written));
  sink->set_pattern("%v");
  spdlog_logger logger(sink, log_format::json, log_level::info);
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&logger, i] {
      const std::array<log_field, 1> fields{{{"thread", i}}};
      for (int line = 0; line < 200; ++line) logger.log(log_level::info, "node", "x", fields);
    });
  }
  for (auto& t : threads) t.join();

  std::istringstream lines(written.str());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(line.starts_with(R"({"time":")") && line.ends_with("}")) << line;
  }
  EXPECT_EQ(count, 800);
}

TEST(SpdlogLogger, NoValueCanForgeALine) {
  EXPECT_NE(line_of(log_format::text, log_level::info).find(R"(reason="a \"b\"\u000ac")"),
            std::string::npos);
  EXPECT_NE(line_of(log_format::json, log_level::info).find(R"("reason":"a \"b\"\u000ac"})"),
            std::string::npos);
}

TEST(SpdlogLogger, JsonLineIsOneObject) {
  const auto line = line_of(log_format::json, log_level::error);

  EXPECT_TRUE(line.starts_with(R"({"time":")"));
  EXPECT_NE(line.find(R"("level":"error","component":"node","event":"became leader","term":3)"),
            std::string::npos);
}

TEST(SpdlogLogger, LowerLevelsAreLeftOut) {
  EXPECT_EQ(line_of(log_format::text, log_level::debug), "");
  EXPECT_NE(line_of(log_format::text, log_level::debug, log_level::debug), "");
}

}  // namespace
}  // namespace mainstay
