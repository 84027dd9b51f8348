/// Diagnostic events through spdlog, as lines of text or of JSON. It writes where its sinks write;
/// spdlog's global registry is left alone.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "mainstay/seams/log_levels.hpp"
#include "mainstay/seams/log_line.hpp"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace mainstay {

/// Satisfies `diagnostic_logger`. Any thread.
class spdlog_logger {
 public:
  /// Writes to standard error, on a thread of its own: nobody who logs waits for a slow terminal or
  /// pipe. When the sink falls thousands of lines behind, the oldest are dropped.
  spdlog_logger(log_format format, log_levels levels);
  /// Writes to a logger of the caller's, whose pattern should be "%v".
  spdlog_logger(std::shared_ptr<spdlog::logger> sink, log_format format, log_levels levels);

  bool enabled(log_level level) const { return levels_.enabled(level); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields);
  /// Asks for what is still held to be written. The end of the logger waits for that.
  void flush();

 private:
  std::shared_ptr<spdlog::details::thread_pool> writer_;  ///< null: the sink is the caller's
  std::shared_ptr<spdlog::logger> sink_;
  log_format format_;
  log_levels levels_;
};

}  // namespace mainstay
