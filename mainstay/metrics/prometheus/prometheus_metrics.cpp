#include "mainstay/metrics/prometheus/prometheus_metrics.hpp"

#include <map>
#include <mutex>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "mainstay/seams/metric_descriptions.hpp"

namespace mainstay {

/// The registry's families by name, so that each is looked up here and not made anew.
class prometheus_metrics::families {
 public:
  prometheus::Counter& counter(const metric_id& id) {
    const std::scoped_lock lock(mutex_);
    return family(counters_, id, prometheus::BuildCounter()).Add(labels_of(id));
  }
  prometheus::Gauge& gauge(const metric_id& id) {
    const std::scoped_lock lock(mutex_);
    return family(gauges_, id, prometheus::BuildGauge()).Add(labels_of(id));
  }
  prometheus::Histogram& histogram(const metric_id& id) {
    static const prometheus::Histogram::BucketBoundaries seconds{
        1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
        1e-2, 2.5e-2, 5e-2, 0.1,  0.25,   0.5,  1,    2.5,    10};
    const std::scoped_lock lock(mutex_);
    return family(histograms_, id, prometheus::BuildHistogram()).Add(labels_of(id), seconds);
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 private:
  template <class Family, class Builder>
  Family& family(std::map<std::string, Family*, std::less<>>& known, const metric_id& id,
                 Builder builder) {
    const auto found = known.find(id.name);
    if (found != known.end()) return *found->second;
    const std::string name(id.name);
    Family& made = builder.Name(name).Help(std::string(description_of(name))).Register(registry_);
    known.emplace(name, &made);
    return made;
  }
  static prometheus::Labels labels_of(const metric_id& id) {
    prometheus::Labels labels;
    for (const auto& label : id.labels) labels.emplace(label.name, label.value);
    return labels;
  }

  prometheus::Registry registry_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, prometheus::Family<prometheus::Counter>*, std::less<>> counters_;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*, std::less<>> gauges_;
  std::map<std::string, prometheus::Family<prometheus::Histogram>*, std::less<>> histograms_;
};

prometheus_metrics::prometheus_metrics() : families_(std::make_unique<families>()) {}
prometheus_metrics::~prometheus_metrics() = default;

void prometheus_metrics::add_count(metric_id id, std::uint64_t count) {
  families_->counter(id).Increment(static_cast<double>(count));
}

void prometheus_metrics::add_duration(metric_id id, duration d) {
  families_->histogram(id).Observe(std::chrono::duration<double>(d).count());
}

void prometheus_metrics::set_gauge(metric_id id, double value) { families_->gauge(id).Set(value); }

std::string prometheus_metrics::text() const { return families_->text(); }

}  // namespace mainstay
