#include <array>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/metrics/memory/memory_metrics.hpp"
#include "mainstay/metrics/prometheus/prometheus_metrics.hpp"

namespace mainstay {
namespace {

static_assert(metrics_sink<memory_metrics>);
static_assert(metrics_sink<prometheus_metrics>);
static_assert(metrics_sink<null_metrics>);

template <class Metrics>
void feed(Metrics& metrics) {
  const std::array labels{metric_label{"role", "leader"}};
  metrics.add_one({"changes_total", labels});
  metrics.add_count({"changes_total", labels}, 4);
  metrics.add_duration({"flush_seconds", {}}, std::chrono::milliseconds(3));
  metrics.set_gauge({"term", {}}, 7);
}

TEST(MemoryMetrics, KeepsEveryFigureByNameAndLabels) {
  memory_metrics metrics;

  feed(metrics);

  EXPECT_EQ(metrics.count(R"(changes_total{role="leader"})"), 5u);
  EXPECT_EQ(metrics.durations("flush_seconds"), 1u);
  EXPECT_EQ(metrics.total("flush_seconds"), std::chrono::milliseconds(3));
  EXPECT_EQ(metrics.gauge("term"), 7);
  EXPECT_EQ(metrics.count("never_total"), 0u);
}

/// Four threads that add to the same figures and to one of their own, while `read` goes on.
template <class Metrics, class Read>
void feed_from_threads(Metrics& metrics, Read read) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&metrics, i] {
      const auto number = std::to_string(i);
      const std::array own{metric_label{"thread", number}};
      for (int round = 0; round < 500; ++round) {
        feed(metrics);
        metrics.add_one({"rounds_total", own});
      }
    });
  }
  for (int round = 0; round < 20; ++round) read();
  for (auto& t : threads) t.join();
}

// For the thread sanitizer as well.
TEST(MemoryMetrics, ThreadsLoseNoFigure) {
  memory_metrics metrics;

  feed_from_threads(metrics, [&] { (void)metrics.gauge("term"); });

  EXPECT_EQ(metrics.count(R"(changes_total{role="leader"})"), 4u * 500 * 5);
  EXPECT_EQ(metrics.count(R"(rounds_total{thread="3"})"), 500u);
}

TEST(PrometheusMetrics, ThreadsLoseNoFigure) {
  prometheus_metrics metrics;

  feed_from_threads(metrics, [&] { (void)metrics.text(); });

  const auto text = metrics.text();
  EXPECT_NE(text.find("changes_total{role=\"leader\"} 10000"), std::string::npos);
  EXPECT_NE(text.find("flush_seconds_count 2000"), std::string::npos);
  EXPECT_NE(text.find("rounds_total{thread=\"3\"} 500"), std::string::npos);
}

TEST(PrometheusMetrics, TextHoldsEveryFigure) {
  prometheus_metrics metrics;

  feed(metrics);
  const auto text = metrics.text();

  EXPECT_NE(text.find("changes_total{role=\"leader\"} 5"), std::string::npos);
  EXPECT_NE(text.find("flush_seconds_count 1"), std::string::npos);
  EXPECT_NE(text.find("flush_seconds_bucket{le=\"0.005\"} 1"), std::string::npos);
  EXPECT_NE(text.find("term 7"), std::string::npos);
}

}  // namespace
}  // namespace mainstay
