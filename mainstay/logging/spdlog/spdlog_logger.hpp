/// Diagnostic events through spdlog, as lines of text or of JSON. It writes where its sinks write;
/// spdlog's global registry is left alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "mainstay/seams/diagnostic_logger.hpp"

namespace spdlog {
class logger;
}

namespace mainstay {

/// How a line looks.
enum class log_format : std::uint8_t {
  text,  ///< `2026-05-01T12:00:00.000Z info node became leader term=3 node=1`
  json,  ///< one object a line: time, level, component, event, and the fields
};

/// Satisfies `diagnostic_logger`. Any thread.
class spdlog_logger {
 public:
  /// Writes to standard error.
  spdlog_logger(log_format format, log_level least);
  /// Writes to a logger of the caller's, whose pattern should be "%v".
  spdlog_logger(std::shared_ptr<spdlog::logger> sink, log_format format, log_level least);

  bool enabled(log_level level) const { return level >= least_; }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields);
  /// Writes out what spdlog still holds.
  void flush();

 private:
  std::shared_ptr<spdlog::logger> sink_;
  log_format format_;
  log_level least_;
};

}  // namespace mainstay
