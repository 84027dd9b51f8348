/// The pace at which snapshots are saved.
#include "mainstay/storage/wal/paced_sink.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace mainstay::wal {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Counts what it is given, and can fail.
struct counting_sink final : snapshot_sink {
  std::size_t* taken;
  bool fails = false;

  explicit counting_sink(std::size_t* count) : taken(count) {}
  result<void> write(std::span<const std::byte> bytes) override {
    if (fails) return fail(error_code::no_space, "no space left");
    *taken += bytes.size();
    return {};
  }
  result<core::snapshot> commit() override { return core::snapshot{}; }
};

class PacedSink : public testing::Test {
 protected:
  waiting clock() {
    return {[this] { return now_; }, [this](duration span) { now_ += span; }};
  }
  std::size_t taken_ = 0;
  instant now_{seconds(100)};
  std::vector<std::byte> piece_ = std::vector<std::byte>(10'000);
};

TEST_F(PacedSink, SpreadsWhatItTakesOverTime) {
  paced_sink sink(std::make_unique<counting_sink>(&taken_), 1'000'000, clock());

  for (int i = 0; i < 300; ++i) ASSERT_TRUE(sink.write(piece_));

  EXPECT_EQ(taken_, 3'000'000U);
  EXPECT_GE(now_ - instant(seconds(100)), milliseconds(2998));
  EXPECT_LE(now_ - instant(seconds(100)), milliseconds(3001));
}

TEST_F(PacedSink, DoesNotWaitWhenTheDiskIsSlowerAnyway) {
  paced_sink sink(std::make_unique<counting_sink>(&taken_), 1'000'000, clock());

  for (int i = 0; i < 10; ++i) {
    now_ += seconds(1);
    ASSERT_TRUE(sink.write(piece_));
  }

  EXPECT_EQ(now_, instant(seconds(110)));
}

TEST_F(PacedSink, DoesNotMakeUpForAStallOfTheDisk) {
  paced_sink sink(std::make_unique<counting_sink>(&taken_), 1'000'000, clock());
  ASSERT_TRUE(sink.write(piece_));
  now_ += seconds(1);

  for (int i = 0; i < 100; ++i) ASSERT_TRUE(sink.write(piece_));

  EXPECT_GE(now_ - instant(seconds(101)), milliseconds(998));
}

TEST_F(PacedSink, AFailureIsPassedOnAtOnce) {
  auto inside = std::make_unique<counting_sink>(&taken_);
  inside->fails = true;
  paced_sink sink(std::move(inside), 1, clock());

  EXPECT_EQ(sink.write(piece_).error().code, error_code::no_space);
  EXPECT_EQ(now_, instant(seconds(100)));
}

}  // namespace
}  // namespace mainstay::wal
