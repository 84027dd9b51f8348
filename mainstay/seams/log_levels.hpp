/// Which events are written: a least level for all components, and others for some.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"

namespace mainstay {

/// A least level for each component.
class log_levels {
 public:
  log_levels() = default;
  /// The same for all.
  log_levels(log_level least) : least_(least), lowest_(least) {}  // NOLINT(google-explicit-*)

  /// Reads "info" or "info,tcp=debug,wal=warning". Errors: `invalid_argument`, with the part that
  /// is wrong and what there is.
  static result<log_levels> parse(std::string_view text);

  /// Sets the level of one component.
  void set(std::string component, log_level least);
  /// Whether any component writes events of this level.
  bool enabled(log_level level) const { return level >= lowest_; }
  /// Whether this component does.
  bool enabled(std::string_view component, log_level level) const {
    if (level < lowest_) return false;
    const auto own = components_.find(component);
    return level >= (own == components_.end() ? least_ : own->second);
  }

 private:
  log_level least_ = log_level::info;
  log_level lowest_ = log_level::info;  ///< of all
  std::map<std::string, log_level, std::less<>> components_;
};

}  // namespace mainstay
