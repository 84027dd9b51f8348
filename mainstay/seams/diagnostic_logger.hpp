/// The seam of diagnostic logging (R4): structured events for the operator.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>

namespace mainstay {

/// How much an operator should care.
enum class log_level : std::uint8_t { trace, debug, info, warning, error, critical };

/// One named value of an event.
struct log_field {
  std::string_view name;
  std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view> value;
};

/// Takes events. Any thread; never blocks on a slow sink for long, never throws. The views are
/// valid during the call only.
template <class Logger>
concept diagnostic_logger = requires(Logger& logger, log_level level, std::string_view component,
                                     std::string_view event, std::span<const log_field> fields) {
  /// Whether an event of this level would be written: lets callers skip making fields.
  { logger.enabled(level) } -> std::same_as<bool>;
  /// `component` is the part that speaks ("node", "wal", "tcp"), `event` a short sentence.
  logger.log(level, component, event, fields);
};

/// Discards everything.
struct null_logger {
  bool enabled(log_level) const { return false; }
  void log(log_level, std::string_view, std::string_view, std::span<const log_field>) {}
};

/// A type-erased reference to a logger, for code that is not a template. The logger must outlive
/// it. A default-made one discards everything.
class logger_ref {
 public:
  logger_ref() = default;
  template <diagnostic_logger Logger>
    requires(!std::same_as<Logger, logger_ref>)
  explicit logger_ref(Logger& logger)
      : logger_(&logger),
        enabled_([](void* l, log_level level) { return static_cast<Logger*>(l)->enabled(level); }),
        log_([](void* l, log_level level, std::string_view component, std::string_view event,
                std::span<const log_field> fields) {
          static_cast<Logger*>(l)->log(level, component, event, fields);
        }) {}

  bool enabled(log_level level) const { return logger_ != nullptr && enabled_(logger_, level); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields) const {
    if (logger_ != nullptr) log_(logger_, level, component, event, fields);
  }
  void log(log_level level, std::string_view component, std::string_view event,
           std::initializer_list<log_field> fields) const {
    log(level, component, event, std::span(fields.begin(), fields.size()));
  }

 private:
  void* logger_ = nullptr;
  bool (*enabled_)(void*, log_level) = nullptr;
  void (*log_)(void*, log_level, std::string_view, std::string_view,
               std::span<const log_field>) = nullptr;
};

}  // namespace mainstay
