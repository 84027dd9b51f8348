#include "mainstay/logging/spdlog/spdlog_logger.hpp"

#include <chrono>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace mainstay {

namespace {

/// Lines that wait for the sink at most; each takes about 300 bytes.
constexpr std::size_t longest_queue = 8192;

spdlog::level::level_enum spdlog_level(log_level level) {
  switch (level) {
    case log_level::trace:
      return spdlog::level::trace;
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warning:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
    case log_level::critical:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

}  // namespace

spdlog_logger::spdlog_logger(log_format format, log_levels levels)
    : spdlog_logger(nullptr, format, std::move(levels)) {
  writer_ = std::make_shared<spdlog::details::thread_pool>(longest_queue, 1);
  sink_ = std::make_shared<spdlog::async_logger>(
      "mainstay", std::make_shared<spdlog::sinks::stderr_sink_mt>(), writer_,
      spdlog::async_overflow_policy::overrun_oldest);
  sink_->set_pattern("%v");
  sink_->set_level(spdlog::level::trace);
  sink_->flush_on(spdlog::level::info);
}

spdlog_logger::spdlog_logger(std::shared_ptr<spdlog::logger> sink, log_format format,
                             log_levels levels)
    : sink_(std::move(sink)), format_(format), levels_(std::move(levels)) {
  if (!sink_) return;
  sink_->set_level(spdlog::level::trace);
  sink_->flush_on(spdlog::level::info);
}

void spdlog_logger::log(log_level level, std::string_view component, std::string_view event,
                        std::span<const log_field> fields) {
  if (!levels_.enabled(component, level)) return;
  sink_->log(spdlog_level(level),
             line_of({level, component, event, fields}, format_, std::chrono::system_clock::now()));
}

void spdlog_logger::flush() { sink_->flush(); }

}  // namespace mainstay
