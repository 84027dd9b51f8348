/// Diagnostic events through Boost.Log: each is a record that the process's sinks filter, format
/// and write.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "mainstay/seams/log_levels.hpp"
#include "mainstay/seams/log_line.hpp"

namespace mainstay {

/// Satisfies `diagnostic_logger`. Any thread. A record has the attributes "Severity" (of
/// boost::log::trivial), "Channel" (the component), "Event", and one of the field's own name and
/// type for each field; its message is the line in `format`. Where records go is up to the sinks of
/// boost::log::core, which belongs to the process.
class boost_log_logger {
 public:
  explicit boost_log_logger(log_format format = log_format::message, log_levels levels = {})
      : format_(format), levels_(std::move(levels)) {}

  bool enabled(log_level level) const { return levels_.enabled(level); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields);

 private:
  log_format format_;
  log_levels levels_;
};

/// Adds a sink to boost::log::core that writes messages as they are, a line each, to standard
/// error; for processes that have no other. It lasts as long as the process.
void log_messages_to_standard_error();

}  // namespace mainstay
