/// How new segments are prepared: written full for small batches, only allocated for large ones.
#include "mainstay/storage/wal/segment_supply.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/storage/log_fixture.hpp"

namespace mainstay {
namespace {

using conformance::batch_of;
using conformance::entries_of;

/// Carries jobs out at once, and remembers them.
class remembering_runner final : public wal::supply_runner {
 public:
  explicit remembering_runner(wal::file_system& files) : below_(files) {}
  void start(wal::supply_job job) override {
    jobs.push_back(job);
    below_.start(std::move(job));
  }
  std::optional<wal::supply_outcome> collect(bool wait) override { return below_.collect(wait); }

  std::vector<wal::supply_job> jobs;

 private:
  wal::inline_runner below_;
};

/// The jobs of a log into which batches of that many bytes are written until it is in its third
/// segment.
std::vector<wal::supply_job> jobs_with_batches_of(std::uint64_t bytes) {
  simulated_disk files;
  remembering_runner runner(files);
  auto options = small_log_options();
  options.segment_size = 1 << 20;
  auto log = wal::segmented_log::open(options, files, runner);
  EXPECT_TRUE(log) << log.error().message;
  for (std::uint64_t index = 1; (*log)->end().sequence < 3; ++index) {
    EXPECT_TRUE(write_durably(**log, batch_of(entries_of(index, index, 1, bytes))));
  }
  return std::exchange(runner.jobs, {});
}

TEST(SegmentSupply, FirstSegmentIsWrittenFull) {
  EXPECT_TRUE(jobs_with_batches_of(1000).front().prewrite);
}

TEST(SegmentSupply, SegmentsForSmallBatchesAreWrittenFull) {
  EXPECT_TRUE(jobs_with_batches_of(wal::large_batch / 2).back().prewrite);
}

TEST(SegmentSupply, SegmentsForLargeBatchesAreOnlyAllocated) {
  EXPECT_FALSE(jobs_with_batches_of(2 * wal::large_batch).back().prewrite);
}

}  // namespace
}  // namespace mainstay
