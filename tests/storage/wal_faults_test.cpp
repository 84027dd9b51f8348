// Operations on files that fail: writes, flushes, full disks; and what a crash in the middle of the
// log's own housekeeping leaves behind.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;
using conformance::entry_at;
using kind = file_operation::kind;

class FailingDisk : public testing::Test {
 protected:
  /// Lets the operation fail from now on.
  void fail_every(kind what, error_code code = error_code::io_failed) {
    files_.hook = [what, code](const file_operation& operation) -> result<void> {
      if (operation.what != what) return {};
      return fail(code, "told to fail: " + operation.path);
    };
  }
  void heal() { files_.hook = nullptr; }

  simulated_disk files_;
};

// Hazard 98: after a failed flush the next "success" says nothing about what the first lost.
TEST_F(FailingDisk, FailedFlushIsFinalAlthoughTheNextWouldSucceed) {
  auto opened = open_log(files_);
  ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 2, 1))).has_value());
  const auto flushes = files_.flushes();
  fail_every(kind::datasync);

  const auto failed = write_durably(*opened.log, batch_of(entries_of(3, 3, 1)));
  heal();
  const auto next = write_durably(*opened.log, batch_of(entries_of(3, 3, 1)));

  EXPECT_EQ(failed.error().code, error_code::io_failed);
  EXPECT_NE(failed.error().message.find(segment_path(1)), std::string::npos);
  EXPECT_EQ(next, failed);
  EXPECT_EQ(files_.flushes(), flushes);
}

// Hazard 98: the page cache still shows what the failed flush lost; recovery must not build on it.
TEST_F(FailingDisk, WhatRecoveryReadsIsOnTheDiskBeforeItIsBelieved) {
  auto opened = open_log(files_);
  ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 2, 1))).has_value());
  fail_every(kind::datasync);
  ASSERT_FALSE(write_durably(*opened.log, batch_of(entries_of(3, 3, 1))).has_value());
  heal();
  opened.close();

  opened = open_log(files_);
  const auto seen = entries_in(*opened.log);
  ASSERT_TRUE(write_durably(*opened.log, batch_of({entry_at(seen.size() + 1, 2)})).has_value());
  opened.close();
  random_generator random(1);
  auto image = files_.crash(crash_kind::lost, random);

  auto expected = seen;
  expected.push_back(entry_at(seen.size() + 1, 2));
  EXPECT_EQ(entries_in(*open_log(*image).log), expected);
}

// Hazards 94, 95, 98: recovery writes the newest batch again and then proves it. A crash between
// the two must not leave the proof of a batch that is not there: that would be told as damage.
TEST_F(FailingDisk, CrashDuringRecoveryLeavesNoProofWithoutItsBatch) {
  auto opened = open_log(files_);
  ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 2, 1))).has_value());
  fail_every(kind::datasync);
  ASSERT_FALSE(write_durably(*opened.log, batch_of(entries_of(3, 5, 1, 2000))).has_value());
  opened.close();

  std::vector<std::unique_ptr<simulated_disk>> images;
  random_generator random(1);
  files_.hook = [&](const file_operation&) {
    images.push_back(files_.crash(crash_kind::lost, random));
    images.push_back(files_.crash(crash_kind::kept, random));
    for (int i = 0; i < 50; ++i) images.push_back(files_.crash(crash_kind::torn, random));
    return result<void>{};
  };
  opened = open_log(files_);
  heal();

  ASSERT_GT(images.size(), 100U);
  for (const auto& image : images) {
    auto again = try_open(*image);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    const auto found = entries_in(*again->log).size();
    EXPECT_TRUE(found == 2 || found == 5) << found;
  }
}

TEST_F(FailingDisk, FailedWriteIsFinal) {
  auto opened = open_log(files_);
  fail_every(kind::write);
  ASSERT_FALSE(write_durably(*opened.log, batch_of(entries_of(1, 1, 1))).has_value());
  heal();

  EXPECT_EQ(write_durably(*opened.log, batch_of(entries_of(1, 1, 1))).error().code,
            error_code::io_failed);
  EXPECT_EQ(opened->plan_read(group_id(1), log_index(1), log_index(1), 1).error().code,
            error_code::io_failed);
}

// The room was prepared; a disk that has none for it now may have written anything.
TEST_F(FailingDisk, NoSpaceInTheMiddleOfAnAppendIsAFailureAndNotARefusal) {
  auto opened = open_log(files_);
  fail_every(kind::write, error_code::no_space);

  const auto outcome = write_durably(*opened.log, batch_of(entries_of(1, 1, 1)));
  heal();

  EXPECT_EQ(outcome.error().code, error_code::io_failed);
  EXPECT_TRUE(opened->failure().has_value());
}

TEST_F(FailingDisk, FailureToFlushTheDirectoryIsFinal) {
  auto opened = open_log(files_);
  fail_every(kind::sync_names);

  std::uint64_t i = 0;
  result<void> outcome;
  while (outcome && i < 100) {
    outcome = write_durably(*opened.log, batch_of({entry_at(++i, 1, 1000)}));
  }

  EXPECT_EQ(outcome.error().code, error_code::io_failed);
}

class FullDisk : public testing::Test {
 protected:
  FullDisk() : opened_(open_log(files_)) { fill(); }

  /// Appends until there is no room; `last_` is what was taken.
  void fill() {
    files_.capacity = 3 * wal::min_segment_size;
    result<void> outcome;
    while ((outcome = write_durably(*opened_.log, batch_of({entry_at(last_ + 1, 1, 1000)})))) {
      ++last_;
      ASSERT_LT(last_, 1000U);
    }
    refusal_ = outcome.error();
  }

  simulated_disk files_;
  opened_log opened_;
  std::uint64_t last_ = 0;
  error refusal_;
};

TEST_F(FullDisk, RefusesAndWritesNothing) {
  EXPECT_EQ(refusal_.code, error_code::no_space);
  EXPECT_FALSE(opened_->failure().has_value());

  std::vector<file_operation> seen;
  files_.hook = [&](const file_operation& operation) {
    if (operation.what == kind::write) seen.push_back(operation);
    return result<void>{};
  };
  const auto again = write_durably(*opened_.log, batch_of({entry_at(last_ + 1, 1, 1000)}));

  EXPECT_EQ(again.error().code, error_code::no_space);
  EXPECT_TRUE(seen.empty());
}

TEST_F(FullDisk, KeepsWhatIsThere) {
  EXPECT_EQ(entries_in(*opened_.log), entries_of(1, last_, 1, 1000));
  opened_.close();

  EXPECT_EQ(entries_in(*open_log(files_).log), entries_of(1, last_, 1, 1000));
}

TEST_F(FullDisk, TakesTheSameBatchOnceSpaceReturned) {
  files_.capacity.reset();

  ASSERT_TRUE(write_durably(*opened_.log, batch_of({entry_at(last_ + 1, 1, 1000)})).has_value());

  opened_.close();
  EXPECT_EQ(entries_in(*open_log(files_).log), entries_of(1, last_ + 1, 1, 1000));
}

TEST_F(FullDisk, CompactionMakesRoomWithoutARestart) {
  // A base marker needs a few bytes; the refused entry left more than that.
  ASSERT_TRUE(opened_->add_base(group_id(1), log_index(last_)).has_value());
  ASSERT_TRUE(opened_->flush().has_value());
  ASSERT_TRUE(opened_->maintain().has_value());

  EXPECT_TRUE(write_durably(*opened_.log, batch_of({entry_at(last_ + 1, 1, 1000)})).has_value());
}

TEST_F(FullDisk, FailureOfAPreparationFromBeforeSpaceReturnedDoesNotCount) {
  simulated_disk files;
  auto opened = open_log(files);
  files.capacity = 0;
  ASSERT_TRUE(opened->maintain().has_value());  // starts a preparation, whose failure is not told
  files.capacity.reset();

  EXPECT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 20, 1, 1000))).has_value());
}

TEST_F(FullDisk, LeavesNoHalfPreparedFilesBehind) {
  for (const auto& path : files_.paths()) EXPECT_FALSE(path.ends_with(".new")) << path;
}

class Housekeeping : public testing::Test {
 protected:
  /// Appends entries [first, last] of 1000 bytes, each in a flush of its own.
  static void append(wal::segmented_log& log, std::uint64_t first, std::uint64_t last) {
    for (auto i = first; i <= last; ++i) {
      ASSERT_TRUE(write_durably(log, batch_of({entry_at(i, 1, 1000)})).has_value());
    }
  }
  static void compact(wal::segmented_log& log, std::uint64_t index) {
    ASSERT_TRUE(log.add_base(group_id(1), log_index(index)).has_value());
    ASSERT_TRUE(log.flush().has_value());
    ASSERT_TRUE(log.maintain().has_value());
  }
  std::size_t count(std::string_view suffix) const {
    std::size_t found = 0;
    for (const auto& path : files_.paths()) found += path.ends_with(suffix) ? 1 : 0;
    return found;
  }

  simulated_disk files_;
};

TEST_F(Housekeeping, CompactedLogRunsInAFixedNumberOfFiles) {
  auto opened = open_log(files_);
  for (std::uint64_t i = 0; i < 30; ++i) {
    append(*opened.log, 20 * i + 1, 20 * i + 20);
    compact(*opened.log, 20 * i + 20);
  }

  EXPECT_LE(count(".wal"), 4U);
  EXPECT_LE(count(".spare"), 2U);
  EXPECT_GT(opened->end().sequence, 30U);
}

TEST_F(Housekeeping, RecycledSegmentIsNeverWrittenFullAgain) {
  auto opened = open_log(files_);
  append(*opened.log, 1, 60);
  compact(*opened.log, 60);
  bool created = false;
  files_.hook = [&](const file_operation& operation) {
    created = created || operation.what == kind::create;
    return result<void>{};
  };

  append(*opened.log, 61, 80);

  EXPECT_FALSE(created);
}

// A reader on another thread still holds the file: its bytes must stay what they were.
TEST_F(Housekeeping, SegmentThatIsBeingReadIsNotRecycled) {
  auto opened = open_log(files_);
  append(*opened.log, 1, 30);
  const auto plan = opened->plan_read(group_id(1), log_index(1), log_index(30), 100000);
  ASSERT_TRUE(plan.has_value());

  compact(*opened.log, 30);
  append(*opened.log, 31, 90);

  EXPECT_EQ(wal::read_entries(*plan), entries_of(1, 30, 1, 1000));
}

// A recycled file is full of records that once held; none may pass for one of today.
TEST_F(Housekeeping, OldBytesOfARecycledSegmentNeverPass) {
  std::uint64_t last = 60;
  auto opened = open_log(files_);
  append(*opened.log, 1, last);
  compact(*opened.log, last);

  for (; last < 100; ++last) {
    append(*opened.log, last + 1, last + 1);
    random_generator random(last);
    auto image = files_.crash(crash_kind::kept, random);
    ASSERT_EQ(open_log(*image)->state_of(group_id(1), 0)->last_index, log_index(last + 1));
  }
}

TEST_F(Housekeeping, LaggingGroupKeepsItsSegments) {
  auto opened = open_log(files_);
  ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 1, 1)), group_id(2)).has_value());
  append(*opened.log, 1, 60);
  compact(*opened.log, 60);
  opened.close();

  EXPECT_EQ(entries_in(*open_log(files_).log, group_id(2)), entries_of(1, 1, 1));
}

// The new segment's checkpoint lists the group before any record of it.
TEST_F(Housekeeping, GroupWhoseFirstBatchOpensASegmentIsFoundAgain) {
  auto opened = open_log(files_);
  ASSERT_TRUE(
      write_durably(*opened.log, batch_of(entries_of(1, 11, 1, 1000)), group_id(2)).has_value());
  ASSERT_EQ(opened->end().sequence, 1U);

  ASSERT_TRUE(
      write_durably(*opened.log, batch_of(entries_of(1, 3, 1, 1000)), group_id(1)).has_value());
  ASSERT_EQ(opened->end().sequence, 2U);
  opened.close();

  EXPECT_EQ(entries_in(*open_log(files_).log, group_id(1)), entries_of(1, 3, 1, 1000));
}

// A batch without anything in it leaves no record behind, but the next checkpoint lists its group.
TEST_F(Housekeeping, GroupWithNothingButAnEmptyBatchIsNoDamage) {
  auto opened = open_log(files_);
  ASSERT_TRUE(write_durably(*opened.log, {}, group_id(1)).has_value());

  ASSERT_TRUE(
      write_durably(*opened.log, batch_of(entries_of(1, 30, 1, 1000)), group_id(2)).has_value());
  opened.close();

  EXPECT_TRUE(try_open(files_).has_value());
}

// Hazard 91: the log rolls, the old file goes, and the crash comes before new entries. The last
// index is not forgotten: a gap behind it is refused.
TEST_F(Housekeeping, EmptyLogAfterCompactionRemembersItsLastIndex) {
  auto opened = open_log(files_);
  append(*opened.log, 1, 60);
  compact(*opened.log, 60);
  opened.close();
  random_generator random(1);
  auto image = files_.crash(crash_kind::lost, random);

  auto recovered = open_log(*image);
  const auto state = recovered->state_of(group_id(1), 0);

  EXPECT_EQ(state->base_index, log_index(60));
  EXPECT_EQ(state->last_index, log_index(60));
  EXPECT_EQ(write_durably(*recovered.log, batch_of({entry_at(62, 1)})).error().code,
            error_code::invalid_argument);
  EXPECT_TRUE(write_durably(*recovered.log, batch_of({entry_at(61, 1)})).has_value());
}

// Hazard 104: the crash comes when the base marker is durable and its segments are not gone yet.
// They come back in any selection; nothing that is needed goes with them.
TEST_F(Housekeeping, SegmentsThatComeBackAfterCompactionDoNoHarm) {
  auto opened = open_log(files_);
  append(*opened.log, 1, 70);
  const auto before = files_.paths();
  std::vector<std::vector<std::byte>> old;
  for (const auto& path : before) old.push_back(files_.contents(path));
  compact(*opened.log, 40);
  opened.close();

  for (std::size_t skipped = 0; skipped < before.size(); ++skipped) {
    random_generator random(skipped);
    auto image = files_.crash(crash_kind::kept, random);
    const auto there = image->paths();
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (i != skipped && std::ranges::find(there, before[i]) == there.end()) {
        image->replace(before[i], old[i]);
      }
    }
    auto recovered = open_log(*image);
    ASSERT_EQ(entries_in(*recovered.log), entries_of(41, 70, 1, 1000));
    ASSERT_TRUE(recovered->maintain().has_value());
    recovered.close();
    ASSERT_EQ(entries_in(*open_log(*image).log), entries_of(41, 70, 1, 1000));
  }
}

// Hazard 97: a new segment's name is durable before anything in it is reported.
TEST_F(Housekeeping, AcknowledgedEntriesSurviveTheLossOfAllUnflushedNames) {
  auto opened = open_log(files_);
  for (std::uint64_t i = 1; i <= 60; ++i) {
    append(*opened.log, i, i);
    random_generator random(i);
    auto image = files_.crash(crash_kind::lost, random);
    ASSERT_EQ(open_log(*image)->state_of(group_id(1), 0)->last_index, log_index(i));
  }
}

// Hazard 100: what was handed over is written out before the flush that acknowledges it.
TEST_F(Housekeeping, FlushComesAfterEveryWriteThatItAcknowledges) {
  auto opened = open_log(files_);
  ASSERT_TRUE(opened->maintain().has_value());
  std::vector<kind> order;
  files_.hook = [&](const file_operation& operation) {
    order.push_back(operation.what);
    return result<void>{};
  };

  const auto first = batch_of(entries_of(1, 3, 1));
  const auto second = batch_of(entries_of(4, 6, 1, 2500));
  ASSERT_TRUE(opened->add(group_id(1), first).has_value());
  ASSERT_TRUE(opened->add(group_id(1), second).has_value());
  ASSERT_TRUE(opened->flush().has_value());

  EXPECT_EQ(order, (std::vector<kind>{kind::write, kind::datasync}));
}

// Hazard 32: a truncation takes the entries behind it back; no crash shows them beside the new.
TEST_F(Housekeeping, TruncatedEntriesAreNeverSeenBesideTheirReplacement) {
  auto opened = open_log(files_);
  ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 10, 1))).has_value());
  const auto rewrite = batch_of(entries_of(8, 8, 2), log_index(8));
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  files_.hook = [&](const file_operation&) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      random_generator random(seed);
      auto image = files_.crash(crash_kind::torn, random);
      const auto entries = entries_in(*open_log(*image).log);
      seen.emplace(entries.size(), entries.back().term.value());
    }
    return result<void>{};
  };

  ASSERT_TRUE(write_durably(*opened.log, rewrite).has_value());
  files_.hook = nullptr;

  EXPECT_EQ(seen, (std::set<std::pair<std::uint64_t, std::uint64_t>>{{10, 1}, {8, 2}}));
  EXPECT_EQ(opened->plan_read(group_id(1), log_index(9), log_index(10), 1).error().code,
            error_code::invalid_argument);
}

TEST_F(Housekeeping, SegmentSizeCanChangeBetweenTwoOpenings) {
  auto opened = open_log(files_);
  append(*opened.log, 1, 20);
  opened.close();
  auto options = small_log_options();
  options.segment_size = 4 * wal::min_segment_size;

  opened = open_log(files_, options);
  ASSERT_TRUE(write_durably(*opened.log, batch_of({entry_at(21, 1, 12000)})).has_value());
  ASSERT_TRUE(write_durably(*opened.log, batch_of({entry_at(22, 1, 12000)})).has_value());
  opened.close();

  EXPECT_EQ(entries_in(*open_log(files_, options).log).size(), 22U);
}

TEST_F(Housekeeping, BatchOfManySegmentsIsTakenWhole) {
  auto opened = open_log(files_);
  const auto batch = batch_of(entries_of(1, 100, 1, 2000));

  ASSERT_TRUE(write_durably(*opened.log, batch).has_value());
  opened.close();

  EXPECT_EQ(entries_in(*open_log(files_).log), batch.entries);
}

TEST_F(Housekeeping, PayloadBeyondAQuarterOfASegmentIsRefused) {
  auto opened = open_log(files_);

  EXPECT_TRUE(write_durably(*opened.log, batch_of({entry_at(1, 1, wal::min_segment_size / 4)}))
                  .has_value());
  EXPECT_EQ(write_durably(*opened.log, batch_of({entry_at(2, 1, wal::min_segment_size / 4 + 1)}))
                .error()
                .code,
            error_code::invalid_argument);
}

TEST_F(Housekeeping, SecondOpeningOfADirectoryIsRefused) {
  auto opened = open_log(files_);

  EXPECT_EQ(try_open(files_).error().code, error_code::io_failed);
}

}  // namespace

}  // namespace mainstay
