#include "mainstay/logging/log4cpp/log4cpp_logger.hpp"

#include <chrono>
#include <iostream>
#include <log4cpp/Category.hh>
#include <log4cpp/OstreamAppender.hh>
#include <log4cpp/PatternLayout.hh>
#include <memory>
#include <utility>

namespace mainstay {

namespace {

log4cpp::Priority::Value priority_of(log_level level) {
  switch (level) {
    case log_level::trace:
    case log_level::debug:
      return log4cpp::Priority::DEBUG;
    case log_level::info:
      return log4cpp::Priority::INFO;
    case log_level::warning:
      return log4cpp::Priority::WARN;
    case log_level::error:
      return log4cpp::Priority::ERROR;
    case log_level::critical:
      return log4cpp::Priority::CRIT;
  }
  return log4cpp::Priority::INFO;
}

}  // namespace

log4cpp_logger::log4cpp_logger(std::string root, log_format format, log_levels levels)
    : root_(std::move(root)), format_(format), levels_(std::move(levels)) {}

void log4cpp_logger::log(log_level level, std::string_view component, std::string_view event,
                         std::span<const log_field> fields) {
  if (!levels_.enabled(component, level)) return;
  auto& category = log4cpp::Category::getInstance(root_ + "." + std::string(component));
  const auto priority = priority_of(level);
  if (!category.isPriorityEnabled(priority)) return;
  category.log(priority, line_of({level, component, event, fields}, format_,
                                 std::chrono::system_clock::now()));
}

void log_category_to_standard_error(const std::string& category) {
  auto layout = std::make_unique<log4cpp::PatternLayout>();
  layout->setConversionPattern("%m%n");
  auto appender = std::make_unique<log4cpp::OstreamAppender>("standard error", &std::cerr);
  appender->setLayout(layout.release());  // the appender owns it
  auto& root = log4cpp::Category::getInstance(category);
  root.setAdditivity(false);
  root.setPriority(log4cpp::Priority::DEBUG);
  root.addAppender(appender.release());  // the category owns it
}

}  // namespace mainstay
