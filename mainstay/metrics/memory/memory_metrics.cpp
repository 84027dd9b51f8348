#include "mainstay/metrics/memory/memory_metrics.hpp"

namespace mainstay {

namespace {

std::string key_of(const metric_id& id) {
  std::string key(id.name);
  if (id.labels.empty()) return key;
  char separator = '{';
  for (const auto& label : id.labels) {
    key += separator;
    key.append(label.name).append("=\"").append(label.value).append("\"");
    separator = ',';
  }
  return key + '}';
}

}  // namespace

void memory_metrics::add_count(metric_id id, std::uint64_t count) {
  const std::scoped_lock lock(mutex_);
  figures_[key_of(id)].count += count;
}

void memory_metrics::add_duration(metric_id id, duration d) {
  const std::scoped_lock lock(mutex_);
  auto& known = figures_[key_of(id)];
  ++known.durations;
  known.total += d;
}

void memory_metrics::set_gauge(metric_id id, double value) {
  const std::scoped_lock lock(mutex_);
  figures_[key_of(id)].gauge = value;
}

memory_metrics::figure memory_metrics::look_up(const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  const auto found = figures_.find(key);
  return found == figures_.end() ? figure{} : found->second;
}

std::uint64_t memory_metrics::count(const std::string& key) const { return look_up(key).count; }
std::uint64_t memory_metrics::durations(const std::string& key) const {
  return look_up(key).durations;
}
duration memory_metrics::total(const std::string& key) const { return look_up(key).total; }
double memory_metrics::gauge(const std::string& key) const { return look_up(key).gauge; }

}  // namespace mainstay
