#include "mainstay/seams/log_levels.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "mainstay/seams/log_line.hpp"

namespace mainstay {

namespace {

std::optional<log_level> level_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(log_level::critical); ++i) {
    if (name_of(log_level(i)) == name) return log_level(i);
  }
  return std::nullopt;
}

}  // namespace

result<log_levels> log_levels::parse(std::string_view text) {
  log_levels levels;
  std::optional<log_level> least;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);

    const auto equals = part.find('=');
    const bool is_general = equals == std::string_view::npos;
    const auto level = level_named(is_general ? part : part.substr(equals + 1));
    if (!level || equals == 0 || (is_general && least)) {
      return fail(error_code::invalid_argument,
                  "\"" + std::string(part) +
                      "\" is neither a level nor component=level; the levels are trace, debug, "
                      "info, warning, error and critical, and one of them may stand alone");
    }
    if (is_general) {
      least = level;
    } else {
      levels.set(std::string(part.substr(0, equals)), *level);
    }
  }
  if (least) {
    levels.least_ = *least;
    levels.lowest_ = *least;
    for (const auto& [component, level] : levels.components_) {
      levels.lowest_ = std::min(levels.lowest_, level);
    }
  }
  return levels;
}

void log_levels::set(std::string component, log_level least) {
  components_.insert_or_assign(std::move(component), least);
  lowest_ = std::min(lowest_, least);
}

}  // namespace mainstay
