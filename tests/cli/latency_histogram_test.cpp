/// The histogram against an exact twin: sorted values.
#include "cli/latency_histogram.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"

namespace mainstay::cli {
namespace {

TEST(LatencyHistogram, PercentilesAreAtMostOneStepAboveTheTruth) {
  random_generator random(7);
  latency_histogram histogram;
  std::vector<std::uint64_t> exact;
  for (int i = 0; i < 20'000; ++i) {
    const auto value = random.next() >> (20 + random.below(40));
    histogram.record(value);
    exact.push_back(value);
  }
  std::ranges::sort(exact);

  for (const double fraction : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(fraction * 20'000.0));
    const auto truth = exact[rank == 0 ? 0 : rank - 1];
    const auto told = histogram.percentile(fraction);

    EXPECT_GE(told, truth) << fraction;
    EXPECT_LE(static_cast<double>(told), static_cast<double>(truth) * (1 + 1.0 / 64)) << fraction;
  }
}

TEST(LatencyHistogram, SmallValuesAreExact) {
  for (std::uint64_t value = 0; value < 128; ++value) {
    latency_histogram histogram;
    histogram.record(value);
    histogram.record(1'000'000);

    EXPECT_EQ(histogram.percentile(0.5), value);
  }
}

TEST(LatencyHistogram, HoldsTheLargestValueThereIs) {
  latency_histogram histogram;

  histogram.record(~std::uint64_t{0});

  EXPECT_EQ(histogram.percentile(0.5), ~std::uint64_t{0});
  EXPECT_EQ(histogram.maximum(), ~std::uint64_t{0});
}

TEST(LatencyHistogram, RepeatedValueCountsAsOften) {
  latency_histogram histogram;

  histogram.record(10, 99);
  histogram.record(1000);

  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_EQ(histogram.percentile(0.99), 10U);
  EXPECT_EQ(histogram.percentile(1.0), 1000U);
  EXPECT_DOUBLE_EQ(histogram.mean(), (99 * 10 + 1000) / 100.0);
}

TEST(LatencyHistogram, MergedEqualsRecordedTogether) {
  latency_histogram together;
  latency_histogram left;
  latency_histogram right;
  for (std::uint64_t value = 1; value < 10'000; value += 7) {
    together.record(value);
    (value % 2 == 0 ? left : right).record(value);
  }

  left.merge(right);

  EXPECT_EQ(left.count(), together.count());
  EXPECT_EQ(left.percentile(0.3), together.percentile(0.3));
  EXPECT_EQ(left.maximum(), together.maximum());
}

TEST(LatencyHistogram, EmptyOneGivesZero) {
  const latency_histogram histogram;

  EXPECT_EQ(histogram.percentile(0.5), 0U);
  EXPECT_EQ(histogram.mean(), 0);
}

}  // namespace
}  // namespace mainstay::cli
