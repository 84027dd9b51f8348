/// Boost.Log and log4cpp: each writes the same line as every other adapter, and passes on what its
/// library can use.
#include <array>
#include <log4cpp/Category.hh>
#include <log4cpp/OstreamAppender.hh>
#include <log4cpp/PatternLayout.hh>
#include <sstream>
#include <string>

#include <boost/core/null_deleter.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/trivial.hpp>
#include <gtest/gtest.h>

#include "mainstay/logging/boost_log/boost_log_logger.hpp"
#include "mainstay/logging/log4cpp/log4cpp_logger.hpp"

namespace mainstay {
namespace {

static_assert(diagnostic_logger<boost_log_logger>);
static_assert(diagnostic_logger<log4cpp_logger>);

constexpr std::array<log_field, 3> fields{
    {{"term", std::uint64_t{3}}, {"sound", true}, {"reason", std::string_view("a \"b\"\nc")}}};
const std::string message = R"(became leader term=3 sound=true reason="a \"b\"\u000ac")";

/// A sink of Boost.Log that keeps what it is given.
class BoostLog : public testing::Test {
 protected:
  using sink = boost::log::sinks::synchronous_sink<boost::log::sinks::text_ostream_backend>;

  void SetUp() override {
    sink_ = boost::make_shared<sink>();
    sink_->locked_backend()->add_stream(
        boost::shared_ptr<std::ostream>(&written_, boost::null_deleter()));
    boost::log::core::get()->add_sink(sink_);
  }
  void TearDown() override { boost::log::core::get()->remove_sink(sink_); }

  std::string written() {
    sink_->flush();
    return written_.str();
  }

  std::ostringstream written_;
  boost::shared_ptr<sink> sink_;
};

TEST_F(BoostLog, MessageIsTheLine) {
  boost_log_logger().log(log_level::info, "node", "became leader", fields);

  EXPECT_EQ(written(), message + "\n");
}

TEST_F(BoostLog, FieldsAreAttributesThatSinksCanFilterAndFormat) {
  namespace expressions = boost::log::expressions;
  sink_->set_filter(expressions::attr<std::uint64_t>("term") == std::uint64_t{3} &&
                    expressions::attr<std::string>("Channel") == "node");
  sink_->set_formatter(expressions::stream
                       << expressions::attr<boost::log::trivial::severity_level>("Severity") << ' '
                       << expressions::attr<std::string>("Event") << ' '
                       << expressions::attr<bool>("sound"));
  boost_log_logger logger;

  logger.log(log_level::warning, "node", "became leader", fields);
  logger.log(log_level::warning, "tcp", "became leader", fields);

  EXPECT_EQ(written(), "warning became leader true\n");
}

TEST_F(BoostLog, LowerLevelsAreLeftOutByComponent) {
  boost_log_logger logger(log_format::message, *log_levels::parse("error,tcp=debug"));

  logger.log(log_level::info, "node", "quiet", {});
  logger.log(log_level::info, "tcp", "loud", {});

  EXPECT_EQ(written(), "loud\n");
}

/// An appender of log4cpp that keeps what it is given.
class Log4cpp : public testing::Test {
 protected:
  void SetUp() override {
    auto layout = std::make_unique<log4cpp::PatternLayout>();
    layout->setConversionPattern("%p %c %m%n");
    auto appender = std::make_unique<log4cpp::OstreamAppender>("test", &written_);
    appender->setLayout(layout.release());
    category().setAdditivity(false);
    category().setPriority(log4cpp::Priority::INFO);
    category().addAppender(appender.release());
  }
  void TearDown() override { category().removeAllAppenders(); }

  log4cpp::Category& category() { return log4cpp::Category::getInstance("test"); }

  std::ostringstream written_;
};

TEST_F(Log4cpp, ComponentsAreCategories) {
  log4cpp_logger("test").log(log_level::warning, "node", "became leader", fields);

  EXPECT_EQ(written_.str(), "WARN test.node " + message + "\n");
}

TEST_F(Log4cpp, ItsPrioritiesAndOurLevelsBothHold) {
  log4cpp_logger logger("test", log_format::message, *log_levels::parse("trace,wal=error"));

  logger.log(log_level::debug, "node", "below the category's priority", {});
  logger.log(log_level::info, "wal", "below the component's level", {});
  logger.log(log_level::critical, "wal", "the disk failed", {});

  EXPECT_EQ(written_.str(), "CRIT test.wal the disk failed\n");
}

}  // namespace
}  // namespace mainstay
