/// Keeps events that come again and again from filling a disk: a peer that connects and is refused
/// every second, a client that sends garbage all day.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mainstay/seams/diagnostic_logger.hpp"

namespace mainstay {

/// How often the same event is written.
struct log_limit {
  std::uint32_t burst = 20;  ///< lines in each interval
  std::chrono::seconds interval = std::chrono::minutes(1);
};

/// Satisfies `diagnostic_logger`. Any thread. Events are the same when component, event and the
/// field "peer" are; the first that is written after others were not has the field "suppressed",
/// how many. Critical events are always written.
template <diagnostic_logger Logger, class Clock = std::chrono::steady_clock>
class limited_logger {
 public:
  /// The logger must outlive this one.
  explicit limited_logger(Logger& inside, log_limit limit = {}) : inside_(inside), limit_(limit) {}

  bool enabled(log_level level) const { return inside_.enabled(level); }
  void log(log_level level, std::string_view component, std::string_view event,
           std::span<const log_field> fields) {
    if (!inside_.enabled(level)) return;
    if (level == log_level::critical) return inside_.log(level, component, event, fields);
    const auto suppressed = admit(key_of(component, event, fields));
    if (suppressed < 0) return;
    if (suppressed == 0) return inside_.log(level, component, event, fields);
    std::vector<log_field> more(fields.begin(), fields.end());
    more.push_back({"suppressed", suppressed});
    inside_.log(level, component, event, more);
  }

 private:
  struct counted {
    typename Clock::time_point began{};
    std::uint32_t written = 0;
    std::int64_t suppressed = 0;
  };

  /// Kinds of events beyond this share a count, so that memory stays bounded.
  static constexpr std::size_t most_kinds = 4096;

  static std::size_t key_of(std::string_view component, std::string_view event,
                            std::span<const log_field> fields) {
    constexpr std::hash<std::string_view> hash;
    std::size_t key = hash(component) * 31 + hash(event);
    for (const auto& field : fields) {
      if (field.name != "peer") continue;
      const auto* peer = std::get_if<std::uint64_t>(&field.value);
      key = key * 31 + (peer == nullptr ? 0 : *peer + 1);
    }
    return key;
  }

  /// How many were suppressed before this one; -1 when it is.
  std::int64_t admit(std::size_t key) {
    const auto now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (events_.size() >= most_kinds && !events_.contains(key)) key = 0;
    auto& one = events_[key];
    if (one.written == 0 || now - one.began >= limit_.interval) {
      one.began = now;
      one.written = 0;
    }
    if (one.written == limit_.burst) {
      ++one.suppressed;
      return -1;
    }
    ++one.written;
    return std::exchange(one.suppressed, 0);
  }

  Logger& inside_;
  log_limit limit_;
  std::mutex mutex_;
  std::unordered_map<std::size_t, counted> events_;  // guarded by mutex_
};

}  // namespace mainstay
