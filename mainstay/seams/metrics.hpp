/// The seam of metrics (R13): counters, durations and gauges with a name and dimensions.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "mainstay/base/time.hpp"

namespace mainstay {

/// One dimension of a metric: `{"peer", "2"}`.
struct metric_label {
  std::string_view name;
  std::string_view value;
};

/// A metric's name in Prometheus spelling without unit conversion ("mainstay_commits_total") and
/// its labels. The views are valid during the call only.
struct metric_id {
  std::string_view name;
  std::span<const metric_label> labels;
};

/// Takes measurements. Any thread; cheap enough for every batch, not meant for every command.
template <class Metrics>
concept metrics_sink =
    requires(Metrics& m, metric_id id, std::uint64_t count, duration d, double value) {
      m.add_one(id);
      m.add_count(id, count);
      /// Adds to a histogram of durations, in nanoseconds.
      m.add_duration(id, d);
      m.set_gauge(id, value);
    };

/// Discards everything.
struct null_metrics {
  void add_one(metric_id) {}
  void add_count(metric_id, std::uint64_t) {}
  void add_duration(metric_id, duration) {}
  void set_gauge(metric_id, double) {}
};

}  // namespace mainstay
