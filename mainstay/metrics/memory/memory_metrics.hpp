/// Metrics kept in memory, for tests: every figure can be asked for by name and labels.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "mainstay/seams/metrics.hpp"

namespace mainstay {

/// Satisfies `metrics_sink`. Any thread.
class memory_metrics {
 public:
  void add_one(metric_id id) { add_count(id, 1); }
  void add_count(metric_id id, std::uint64_t count);
  void add_duration(metric_id id, duration d);
  void set_gauge(metric_id id, double value);

  /// What was added, 0 when nothing was. `key` is as `name` or `name{label="value",…}`.
  std::uint64_t count(const std::string& key) const;
  /// How many durations were added, and their sum.
  std::uint64_t durations(const std::string& key) const;
  duration total(const std::string& key) const;
  /// The last value that was set; 0 when none was.
  double gauge(const std::string& key) const;

 private:
  struct figure {
    std::uint64_t count = 0;
    std::uint64_t durations = 0;
    duration total{};
    double gauge = 0;
  };
  figure look_up(const std::string& key) const;

  mutable std::mutex mutex_;
  std::map<std::string, figure> figures_;  // guarded by mutex_
};

}  // namespace mainstay
