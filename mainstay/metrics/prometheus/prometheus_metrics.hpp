/// Metrics for Prometheus, through prometheus-cpp: counters, gauges and histograms of seconds, and
/// their text form. It serves no port; whoever has one asks for the text.
#pragma once

#include <memory>
#include <string>

#include "mainstay/seams/metrics.hpp"

namespace mainstay {

/// Satisfies `metrics_sink`. Any thread.
class prometheus_metrics {
 public:
  prometheus_metrics();
  prometheus_metrics(const prometheus_metrics&) = delete;
  prometheus_metrics& operator=(const prometheus_metrics&) = delete;
  ~prometheus_metrics();

  void add_one(metric_id id) { add_count(id, 1); }
  void add_count(metric_id id, std::uint64_t count);
  /// The histogram is in seconds, from 10 µs to 10 s.
  void add_duration(metric_id id, duration d);
  void set_gauge(metric_id id, double value);

  /// All figures in Prometheus' text format, version 0.0.4.
  std::string text() const;

 private:
  class families;
  std::unique_ptr<families> families_;
};

}  // namespace mainstay
