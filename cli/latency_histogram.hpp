/// A histogram of durations with constant relative error, in the manner of HdrHistogram: every
/// power of two is cut into 64 equal steps, so a percentile is at most 1.6 % above the truth. Not
/// meant for several threads at once; merge theirs instead.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mainstay::cli {

/// Counts values in nanoseconds, from 0 to 2^64 - 1.
class latency_histogram {
 public:
  latency_histogram() : counts_(bucket_count) {}

  /// Counts `value` as seen `times` times. A handful of instructions, no allocation.
  void record(std::uint64_t value, std::uint64_t times = 1) {
    counts_[bucket_of(value)] += times;
    total_ += times;
    sum_ += static_cast<double>(value) * static_cast<double>(times);
    maximum_ = std::max(maximum_, value);
  }

  /// Adds all that another one counted.
  void merge(const latency_histogram& other) {
    for (std::size_t i = 0; i < bucket_count; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    sum_ += other.sum_;
    maximum_ = std::max(maximum_, other.maximum_);
  }

  /// How many values were counted.
  std::uint64_t count() const { return total_; }
  /// The largest value, exactly; 0 when there is none.
  std::uint64_t maximum() const { return maximum_; }
  /// The mean, exactly; 0 when there is none.
  double mean() const { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }

  /// The smallest recordable value that at least `fraction` (0 to 1) of the counted values do not
  /// exceed; 0 when there is none.
  std::uint64_t percentile(double fraction) const {
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(total_) - 1e-6)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(upper_bound_of(i), maximum_);
    }
    return maximum_;
  }

 private:
  static constexpr int step_bits = 6;
  static constexpr std::uint64_t steps = 1U << step_bits;
  static constexpr std::size_t bucket_count = (64 - step_bits + 1) * steps;

  /// Values below 64 have a bucket each; above, the leading bit picks the power of two and the six
  /// bits after it the step.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < steps) return value;
    const auto shift = static_cast<int>(std::bit_width(value)) - 1 - step_bits;
    return static_cast<std::size_t>(shift) * steps + (value >> shift);
  }

  static std::uint64_t upper_bound_of(std::size_t bucket) {
    if (bucket < 2 * steps) return bucket;
    const auto shift = bucket / steps - 1;
    const auto step = bucket % steps + steps;
    return (step << shift) + ((std::uint64_t{1} << shift) - 1);
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  double sum_ = 0;
  std::uint64_t maximum_ = 0;
};

}  // namespace mainstay::cli
