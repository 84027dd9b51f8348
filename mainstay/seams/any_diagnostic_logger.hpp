/// A logger chosen at run time: whatever satisfies `diagnostic_logger`, behind virtual functions.
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "mainstay/seams/diagnostic_logger.hpp"

namespace mainstay {

/// Satisfies `diagnostic_logger` by one that it owns.
class any_diagnostic_logger {
 public:
  /// Makes a `Logger` of the arguments, in place: loggers need not move.
  template <diagnostic_logger Logger, class... Arguments>
  static any_diagnostic_logger of(Arguments&&... arguments) {
    return any_diagnostic_logger(
        std::make_unique<holder<Logger>>(std::forward<Arguments>(arguments)...));
  }

  bool enabled(log_level level) const { return inside_->enabled(level); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields) {
    inside_->log(level, component, event, fields);
  }

 private:
  struct contract {
    virtual ~contract() = default;
    virtual bool enabled(log_level level) = 0;
    virtual void log(log_level level, std::string_view component, std::string_view event,
                     std::span<const log_field> fields) = 0;
  };

  template <class Logger>
  struct holder final : contract {
    template <class... Arguments>
    explicit holder(Arguments&&... arguments) : logger(std::forward<Arguments>(arguments)...) {}

    bool enabled(log_level level) override { return logger.enabled(level); }
    void log(log_level level, std::string_view component, std::string_view event,
             std::span<const log_field> fields) override {
      logger.log(level, component, event, fields);
    }

    Logger logger;
  };

  explicit any_diagnostic_logger(std::unique_ptr<contract> inside) : inside_(std::move(inside)) {}

  std::unique_ptr<contract> inside_;
};

}  // namespace mainstay
