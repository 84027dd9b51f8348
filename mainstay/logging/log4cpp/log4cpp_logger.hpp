/// Diagnostic events through log4cpp: each component is a category, whose appenders write.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "mainstay/seams/log_levels.hpp"
#include "mainstay/seams/log_line.hpp"

namespace mainstay {

/// Satisfies `diagnostic_logger`. Any thread. The component "tcp" writes to the category
/// "<root>.tcp", so that appenders and priorities can be set for all of them at "<root>". log4cpp
/// keeps its categories for the whole process. Events of the level trace have the priority DEBUG.
class log4cpp_logger {
 public:
  explicit log4cpp_logger(std::string root, log_format format = log_format::message,
                          log_levels levels = {});

  bool enabled(log_level level) const { return levels_.enabled(level); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields);

 private:
  std::string root_;
  log_format format_;
  log_levels levels_;
};

/// Lets a category write messages as they are, a line each, to standard error; for processes that
/// set up no other appender.
void log_category_to_standard_error(const std::string& category);

}  // namespace mainstay
