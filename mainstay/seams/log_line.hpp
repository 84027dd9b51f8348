/// How events become lines, the same for every logging library.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/seams/diagnostic_logger.hpp"

namespace mainstay {

/// How a line looks.
enum class log_format : std::uint8_t {
  text,     ///< `2026-05-01T12:00:00.000Z info node became leader term=3 node=1`
  json,     ///< one object a line: time, level, component, event, and the fields
  message,  ///< `became leader term=3 node=1`, for libraries that write the rest themselves
};

/// "trace", "debug", "info", "warning", "error" or "critical".
std::string_view name_of(log_level level);

/// One event, as its caller told it. The views are those of `diagnostic_logger::log`.
struct log_event {
  log_level level;
  std::string_view component;
  std::string_view event;
  std::span<const log_field> fields;
};

/// The line without its end. No value can end it, or pass for another field: what is not plain is
/// quoted and escaped.
std::string line_of(const log_event& event, log_format format,
                    std::chrono::system_clock::time_point now);

}  // namespace mainstay
