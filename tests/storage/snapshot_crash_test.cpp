// A crash at every operation on the files while images are saved, received and installed and the
// log is compacted and reset behind them, with everything that may then be on the disk.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tests/storage/snapshot_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;

/// The state after entry `index`.
std::vector<std::byte> state_at(std::uint64_t index) { return state_of(300'000, index); }

class snapshot_crash_run {
 public:
  explicit snapshot_crash_run(std::uint64_t seed) : random_(seed) {
    files_.hook = [this](const file_operation&) {
      crash_here();
      return result<void>{};
    };
  }

  void run() {
    auto opened = open_log(files_);
    ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 12, 1))).has_value());
    save(*opened.log, 10);
    compact(*opened.log, 8);
    opened.close();
    opened = open_log(files_);
    install(*opened.log, 30);
    reset(*opened.log, 30);
    ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(31, 40, 2))).has_value());
    save(*opened.log, 35);
    compact(*opened.log, 33);
    install(*opened.log, 50);
    crash_here();
  }

  std::uint64_t images() const { return images_; }

 private:
  void save(wal::segmented_log& log, std::uint64_t index) {
    submitted_ = index;
    const auto made = mainstay::save(log.snapshots(), contents_at(index), state_at(index));
    ASSERT_TRUE(made.has_value()) << made.error().message;
    acknowledged_ = index;
  }

  void install(wal::segmented_log& log, std::uint64_t index) {
    const auto image = make_image(contents_at(index), state_at(index));
    const auto received = send(log.snapshots(), image, 40'000);
    ASSERT_TRUE(received.has_value() && received->complete);
    submitted_ = index;
    ASSERT_TRUE(log.snapshots().install(tested_group, image.snapshot.id).has_value());
    acknowledged_ = index;
  }

  void compact(wal::segmented_log& log, std::uint64_t index) {
    ASSERT_TRUE(log.add_base(tested_group, log_index(index)).has_value());
    ASSERT_TRUE(log.flush().has_value());
    ASSERT_TRUE(log.maintain().has_value());
  }

  void reset(wal::segmented_log& log, std::uint64_t index) {
    core::persist_batch batch;
    batch.reset_to = core::term_run{log_index(index), term(2)};
    ASSERT_TRUE(write_durably(log, batch).has_value());
  }

  void crash_here() {
    for (const auto kind : {crash_kind::lost, crash_kind::kept, crash_kind::cut, crash_kind::torn,
                            crash_kind::torn}) {
      auto image = files_.crash(kind, random_);
      check(*image, kind == crash_kind::torn);
    }
  }

  /// Opens what was found. With `again`, that is interrupted too, at every operation.
  void check(simulated_disk& image, bool again) {
    if (testing::Test::HasFailure()) return;  // one is enough
    ++images_;
    if (again) {
      image.hook = [&](const file_operation&) {
        auto second = image.crash(crash_kind::torn, random_);
        check(*second, false);
        return result<void>{};
      };
    }
    auto opened = try_open(image);
    image.hook = {};
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    const auto state = opened->log->state_of(tested_group, 0);
    ASSERT_TRUE(state.has_value()) << state.error().message;
    const auto index = state->snapshot ? state->snapshot->id.last_included_index : log_index{};
    ASSERT_GE(index, log_index(acknowledged_));
    ASSERT_LE(index, log_index(submitted_));
    // Hazard 101: whatever is gone from the log, an image stands for it.
    ASSERT_LE(state->base_index, index);
    if (state->snapshot) {
      ASSERT_EQ(load(opened->log->snapshots(), state->snapshot->id), state_at(index.value()));
    }
    goes_on(*opened, image);
  }

  /// Whatever was found takes an image from a leader, and only that one is there in the end.
  void goes_on(opened_log& opened, simulated_disk& image) {
    const auto next = make_image(contents_at(next_index), state_at(next_index));
    auto& images = opened.log->snapshots();
    const auto received = send(images, next, 150'000);
    ASSERT_TRUE(received.has_value()) << received.error().message;
    ASSERT_TRUE(images.install(tested_group, next.snapshot.id).has_value());
    opened.close();
    auto reopened = try_open(image);
    ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
    ASSERT_EQ(reopened->log->snapshots().newest(tested_group), next.snapshot);
    const auto paths = image.paths();
    const auto left = std::ranges::count_if(paths, [](const std::string& path) {
      return path.ends_with(".image") || path.ends_with(".saving") || path.ends_with(".partial");
    });
    ASSERT_EQ(left, 1);
  }

  // An image that is received in most of the runs, so that partial ones are gone on with.
  static constexpr std::uint64_t next_index = 50;

  random_generator random_;
  simulated_disk files_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t submitted_ = 0;
  std::uint64_t images_ = 0;
};

class SnapshotCrash : public testing::TestWithParam<std::uint64_t> {};

// Hazards 97, 101: a name counts when its directory is flushed, and an image when its name counts;
// only then the log may forget.
TEST_P(SnapshotCrash, EveryDiskIsTakenAndHasTheImageThatWasAcknowledged) {
  snapshot_crash_run run(GetParam());

  run.run();

  EXPECT_GT(run.images(), 300U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SnapshotCrash, testing::Range<std::uint64_t>(1, 4));

}  // namespace

}  // namespace mainstay
