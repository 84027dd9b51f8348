// The offline look into a log: it names everything that is there, and goes on behind damage.
#include <string>
#include <vector>

#include <fmt/format.h>

#include "mainstay/storage/wal/inspect.hpp"

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;

/// One line per item: "entry 2 of term 1 in group 1", with a mark in front of what is damaged.
std::vector<std::string> lines_of(simulated_disk& files) {
  std::vector<std::string> lines;
  const auto outcome = wal::inspect(files, log_directory, [&](const wal::inspected_item& item) {
    std::string line = item.damaged ? "damaged " : "";
    if (item.kind == wal::item_kind::segment) line += "segment";
    if (item.kind == wal::item_kind::batch) line += "batch";
    if (item.kind == wal::item_kind::end) line += "end";
    if (item.kind == wal::item_kind::record) {
      line += item.damaged
                  ? "record"
                  : fmt::format("{} {} of term {} in group {}", name_of(item.record.type),
                                item.record.index, item.record.term, item.record.group.value());
    }
    lines.push_back(std::move(line));
    return true;
  });
  EXPECT_TRUE(outcome.has_value());
  return lines;
}

class Inspection : public testing::Test {
 protected:
  Inspection() {
    auto opened = open_log(files_);
    EXPECT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 2, 1))).has_value());
    second_ = opened->end().offset;
    EXPECT_TRUE(write_durably(*opened.log, batch_of(entries_of(3, 4, 1))).has_value());
    EXPECT_TRUE(opened->prove().has_value());
    EXPECT_TRUE(files_.remove(segment_path(2)).has_value());
  }

  void flip(std::uint64_t offset) {
    auto bytes = files_.contents(segment_path(1));
    bytes[offset] ^= std::byte{1};
    files_.replace(segment_path(1), std::move(bytes));
  }

  simulated_disk files_;
  std::uint64_t second_ = 0;
};

TEST_F(Inspection, NamesEverythingInOrder) {
  EXPECT_EQ(lines_of(files_),
            (std::vector<std::string>{
                "segment", "batch", "bootstrap 0 of term 0 in group 0", "batch", "batch",
                "entry 1 of term 1 in group 1", "entry 2 of term 1 in group 1", "batch",
                "entry 3 of term 1 in group 1", "entry 4 of term 1 in group 1", "batch", "end"}));
}

TEST_F(Inspection, GoesOnBehindADamagedRecord) {
  flip(second_ + wal::batch_header_size + 20);

  const auto lines = lines_of(files_);

  EXPECT_EQ(std::vector<std::string>(lines.begin() + 7, lines.end()),
            (std::vector<std::string>{"batch", "damaged record", "damaged batch", "batch", "end"}));
}

TEST_F(Inspection, GoesOnBehindADamagedBatchHeader) {
  flip(second_ + 20);

  const auto lines = lines_of(files_);

  EXPECT_EQ(std::vector<std::string>(lines.begin() + 7, lines.end()),
            (std::vector<std::string>{"damaged batch", "batch", "end"}));
}

TEST_F(Inspection, SegmentWithADamagedHeaderIsNamed) {
  flip(30);

  EXPECT_EQ(lines_of(files_), (std::vector<std::string>{"damaged segment"}));
}

TEST_F(Inspection, NeedsNoLockAndChangesNothing) {
  auto held = files_.lock(log_directory + "/lock");
  std::size_t changes = 0;
  files_.hook = [&](const file_operation&) {
    ++changes;
    return result<void>{};
  };

  EXPECT_FALSE(lines_of(files_).empty());

  EXPECT_EQ(changes, 0U);
}

TEST_F(Inspection, VisitorCanEndIt) {
  std::size_t seen = 0;

  ASSERT_TRUE(wal::inspect(files_, log_directory, [&](const wal::inspected_item&) {
                return ++seen < 3;
              }).has_value());

  EXPECT_EQ(seen, 3U);
}

// ---- Whose log it is --------------------------------------------------------------------------

TEST_F(Inspection, TellsWhoseLogItIs) {
  const auto found = wal::find_log(files_, log_directory);

  ASSERT_TRUE(found.has_value() && found->has_value());
  EXPECT_EQ((*found)->identity, small_log_options().identity);
  EXPECT_EQ((*found)->size, small_log_options().segment_size);
}

TEST_F(Inspection, AnUnreadableHeaderIsNotTakenForAnEmptyDirectory) {
  flip(3);

  EXPECT_EQ(wal::find_log(files_, log_directory).error().code, error_code::corrupt);
}

TEST(FindLog, WhatWasNeverWrittenToHoldsNone) {
  simulated_disk files;
  ASSERT_TRUE(files.create_directory(log_directory).has_value());

  const auto found = wal::find_log(files, log_directory);

  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->has_value());
}

}  // namespace

}  // namespace mainstay
