// Damaged files: what was durable and reads differently now must be refused, with the place; what
// was never proven durable may be a torn write and is cut off.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "mainstay/storage/wal/batch_scanner.hpp"

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;
using conformance::entry_at;

/// A log with every type of record, then some entries; each step is a batch of its own.
class DamagedLog : public testing::Test {
 protected:
  DamagedLog() {
    auto opened = open_log(files_);
    step(*opened.log, batch_of(core::hard_state{term(1), node_id(2)}));
    step(*opened.log, batch_of(entries_of(1, 3, 1)));
    step(*opened.log, batch_of(entries_of(3, 4, 2), log_index(3)));
    EXPECT_TRUE(opened->add_base(group_id(1), log_index(1)).has_value());
    EXPECT_TRUE(opened->flush().has_value());
    last_batch_ = opened->end().offset;
    step(*opened.log, batch_of(entries_of(5, 6, 2)));
    end_ = opened->end().offset;
  }

  static void step(wal::segmented_log& log, const core::persist_batch& batch) {
    EXPECT_TRUE(write_durably(log, batch).has_value());
  }

  /// Closes the log in good order: the evidence of the last flush is on the disk.
  void prove() {
    auto opened = open_log(files_);
    proven_ = opened->end().offset;
  }

  void flip(std::uint64_t offset, unsigned bit) {
    auto bytes = files_.contents(path_);
    bytes[offset] ^= std::byte(1U << bit);
    files_.replace(path_, std::move(bytes));
  }

  simulated_disk files_;
  std::string path_ = segment_path(1);
  std::uint64_t last_batch_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t proven_ = 0;
};

// Hazard 94: no damaged bit below the evidence is ever taken for a torn tail.
TEST_F(DamagedLog, EveryFlippedBitOfProvenRecordsIsRefusedWithItsPlace) {
  prove();

  for (std::uint64_t offset = wal::segment_header_size; offset < end_; ++offset) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      flip(offset, bit);
      auto opened = try_open(files_);
      flip(offset, bit);

      ASSERT_FALSE(opened.has_value()) << "offset " << offset << " bit " << bit;
      EXPECT_EQ(opened.error().code, error_code::corrupt);
      EXPECT_NE(opened.error().message.find(path_ + ": damaged at offset "), std::string::npos);
    }
  }
  EXPECT_EQ(entries_in(*open_log(files_).log).size(), 5U);
}

TEST_F(DamagedLog, EveryFlippedBitOfASegmentHeaderIsRefused) {
  for (std::uint64_t offset = 0; offset < wal::segment_header_size; ++offset) {
    flip(offset, offset % 8);
    auto opened = try_open(files_);
    flip(offset, offset % 8);

    ASSERT_FALSE(opened.has_value()) << "offset " << offset;
    const bool version = offset >= 8 && offset < 12;
    EXPECT_EQ(opened.error().code, version ? error_code::unsupported : error_code::corrupt);
    EXPECT_NE(opened.error().message.find(path_), std::string::npos);
  }
}

// Hazard 95: what no evidence covers is what a torn write looks like.
TEST_F(DamagedLog, DamageToTheLastBatchBeforeAnyEvidenceIsCutOff) {
  for (auto offset = last_batch_; offset < end_; offset += 3) {
    random_generator random(offset);
    auto image = files_.crash(crash_kind::kept, random);
    auto bytes = image->contents(path_);
    bytes[offset] ^= std::byte{1};
    image->replace(path_, std::move(bytes));

    auto opened = try_open(*image);

    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(entries_in(*opened->log).back().index, log_index(4));
    step(*opened->log, batch_of(entries_of(5, 9, 3)));
    opened->close();
    EXPECT_EQ(entries_in(*open_log(*image).log).back(), entry_at(9, 3));
  }
}

TEST_F(DamagedLog, DamageToTheProofAtTheEndLosesNothing) {
  prove();
  ASSERT_EQ(proven_, end_ + wal::batch_header_size);

  for (auto offset = end_; offset < proven_; ++offset) {
    random_generator random(1);
    auto image = files_.crash(crash_kind::kept, random);
    auto bytes = image->contents(path_);
    bytes[offset] ^= std::byte{1};
    image->replace(path_, std::move(bytes));

    EXPECT_EQ(entries_in(*open_log(*image).log).size(), 5U);
  }
}

// Hazard 94: the place is told with the index, so that the entry can be fetched from peers.
TEST_F(DamagedLog, RefusalNamesTheIndexThatIsDamaged) {
  prove();
  const auto entry_6 =
      last_batch_ + wal::batch_header_size + wal::record_size(entry_at(5, 2).payload.size());
  flip(entry_6 + wal::record_header_size + 2, 0);

  auto opened = try_open(files_);

  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message.find(fmt::format("{}: damaged at offset {}", path_, entry_6)),
            std::string::npos)
      << opened.error().message;
  EXPECT_NE(opened.error().message.find("entry 6 of group 1"), std::string::npos);
}

TEST_F(DamagedLog, LostSectorsBelowTheEvidenceAreRefused) {
  prove();
  auto bytes = files_.contents(path_);
  // The last sector holds the proof as well: that one looks torn.
  for (auto at = wal::segment_header_size; at + 512 <= end_; at += 512) {
    auto lost = bytes;
    std::memset(lost.data() + at, 0, 512);
    files_.replace(path_, std::move(lost));

    auto opened = try_open(files_);

    ASSERT_FALSE(opened.has_value()) << at;
    EXPECT_EQ(opened.error().code, error_code::corrupt);
  }
}

TEST_F(DamagedLog, RefusalChangesNothingOnTheDisk) {
  prove();
  flip(last_batch_ + 70, 3);
  const auto before = files_.contents(path_);
  const auto paths = files_.paths();
  std::vector<file_operation> seen;
  files_.hook = [&](const file_operation& operation) {
    seen.push_back(operation);
    return result<void>{};
  };

  EXPECT_FALSE(try_open(files_).has_value());

  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(files_.contents(path_), before);
  EXPECT_EQ(files_.paths(), paths);
}

TEST_F(DamagedLog, ReadTellsDamageThatCameAfterOpening) {
  auto opened = open_log(files_);
  auto plan = opened->plan_read(group_id(1), log_index(2), log_index(6), 10000);
  ASSERT_TRUE(plan.has_value());
  ASSERT_TRUE(wal::read_entries(*plan).has_value());
  auto file = files_.open(path_, wal::open_mode::read_write);
  std::byte value{};
  ASSERT_TRUE((*file)->read({&value, 1}, last_batch_ + 120).has_value());
  value ^= std::byte{4};
  const std::array<std::span<const std::byte>, 1> piece{{{&value, 1}}};
  ASSERT_TRUE((*file)->write(piece, last_batch_ + 120).has_value());

  const auto entries = wal::read_entries(*plan);

  ASSERT_FALSE(entries.has_value());
  EXPECT_EQ(entries.error().code, error_code::corrupt);
  EXPECT_NE(entries.error().message.find(path_), std::string::npos);
  EXPECT_NE(entries.error().message.find("entry 5"), std::string::npos);
}

/// A log of several segments.
class SegmentedLog : public testing::Test {
 protected:
  SegmentedLog() {
    auto opened = open_log(files_);
    for (std::uint64_t i = 1; i <= 40; ++i) {
      EXPECT_TRUE(write_durably(*opened.log, batch_of({entry_at(i, 1, 1000)})).has_value());
    }
    EXPECT_GE(opened->end().sequence, 4U);
  }

  result<void> reopen() {
    auto opened = try_open(files_);
    if (!opened) return std::unexpected(opened.error());
    return {};
  }

  simulated_disk files_;
};

TEST_F(SegmentedLog, MissingMiddleSegmentIsRefused) {
  ASSERT_TRUE(files_.remove(segment_path(2)).has_value());

  const auto outcome = reopen();

  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, error_code::corrupt);
  EXPECT_NE(outcome.error().message.find("segment 2 is missing"), std::string::npos);
}

TEST_F(SegmentedLog, MissingFirstSegmentIsRefused) {
  ASSERT_TRUE(files_.remove(segment_path(1)).has_value());

  EXPECT_EQ(reopen().error().code, error_code::corrupt);
}

TEST_F(SegmentedLog, SegmentUnderAnotherNameIsRefused) {
  files_.replace(segment_path(2), files_.contents(segment_path(3)));

  EXPECT_EQ(reopen().error().code, error_code::corrupt);
}

TEST_F(SegmentedLog, ShortenedSegmentIsRefused) {
  auto bytes = files_.contents(segment_path(2));
  bytes.resize(bytes.size() - 1);
  files_.replace(segment_path(2), std::move(bytes));

  EXPECT_EQ(reopen().error().code, error_code::corrupt);
}

TEST_F(SegmentedLog, FirstBatchOfALaterSegmentIsProvenByTheSecond) {
  auto bytes = files_.contents(segment_path(3));
  bytes[wal::segment_header_size + 100] ^= std::byte{1};
  files_.replace(segment_path(3), std::move(bytes));

  const auto outcome = reopen();

  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().message.find(segment_path(3)), std::string::npos)
      << outcome.error().message;
}

TEST_F(SegmentedLog, EndOfASegmentIsProvenByTheNext) {
  wal::segment source;
  source.path = segment_path(2);
  source.file = *files_.open(source.path, wal::open_mode::read_only);
  wal::segment_header_bytes header;
  ASSERT_TRUE(source.file->read(header, 0).has_value());
  source.seed = wal::decode_segment_header(header)->seed;
  source.header = wal::decode_segment_header(header)->header;
  wal::batch_scanner scanner(source);
  std::uint64_t last = wal::segment_header_size;
  for (auto next = last; auto found = scanner.find_header(next).value(); next = last + 8) {
    last = found->self.offset;
  }
  auto bytes = files_.contents(segment_path(2));
  bytes[last + 80] ^= std::byte{1};
  files_.replace(segment_path(2), std::move(bytes));

  const auto outcome = reopen();

  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().message.find(segment_path(2)), std::string::npos)
      << outcome.error().message;
}

TEST_F(SegmentedLog, DirectoryOfAnotherNodeIsRefusedNamingBoth) {
  auto options = small_log_options();
  options.identity.node = node_id(3);

  const auto outcome = try_open(files_, options);

  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, error_code::wrong_identity);
  EXPECT_NE(outcome.error().message.find("node 1 of cluster 7, not to node 3 of cluster 7"),
            std::string::npos)
      << outcome.error().message;
}

TEST_F(SegmentedLog, SegmentOfAnotherIncarnationIsRefused) {
  simulated_disk other;
  auto options = small_log_options();
  options.identity.incarnation = incarnation(100);
  open_log(other, options);
  files_.replace(segment_path(1), other.contents(segment_path(1)));

  const auto outcome = reopen();

  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, error_code::corrupt);
  EXPECT_NE(outcome.error().message.find("of another incarnation"), std::string::npos)
      << outcome.error().message;
}

// Hazard 124: lengths are believed only within the bytes that are there.
class ForgedRecords : public testing::Test {
 protected:
  /// Writes a batch with these records behind a new log's own, as a second program might.
  void forge(const std::vector<wal::record_header>& records, std::size_t payload = 0) {
    {
      auto opened = open_log(files_);
      end_ = opened->end();
    }
    wal::segment source;
    source.file = *files_.open(segment_path(1), wal::open_mode::read_write);
    wal::segment_header_bytes header;
    ASSERT_TRUE(source.file->read(header, 0).has_value());
    const auto seed = wal::decode_segment_header(header)->seed;
    const auto chain = chain_of(seed);
    wal::batch_builder builder;
    builder.begin({.self = end_, .flushed = end_, .previous_checksum = chain}, seed, chain);
    const std::vector<std::byte> bytes(payload);
    for (const auto& record : records) builder.add(record, bytes);
    const auto pieces = builder.finish();
    ASSERT_TRUE(source.file->write(pieces, end_.offset).has_value());
    behind_ = end_;
    for (const auto& piece : pieces) behind_.offset += piece.size();
    chain_ = builder.chain();
  }

  /// A second segment that follows soundly, with only the bootstrap record in its checkpoint.
  void forge_second_segment() {
    auto bytes = files_.contents(segment_path(1));
    const auto first = wal::decode_segment_header(bytes)->header;
    std::ranges::fill(bytes, std::byte{0});
    wal::segment_header_bytes header;
    const auto seed = wal::encode({first.identity, 2, first.size}, header);
    std::ranges::copy(header, bytes.begin());
    wal::batch_builder builder;
    builder.begin(
        {.self = {2, wal::segment_header_size}, .flushed = behind_, .previous_checksum = chain_},
        seed, seed);
    const auto bootstrap = core::encode(small_log_options().bootstrap);
    builder.add({.type = wal::record_type::bootstrap}, bootstrap.span());
    auto at = bytes.begin() + wal::segment_header_size;
    for (const auto& piece : builder.finish()) at = std::ranges::copy(piece, at).out;
    files_.replace(segment_path(2), std::move(bytes));
  }

  /// The checksum of the new log's only record, the bootstrap.
  std::uint64_t chain_of(std::uint64_t seed) {
    const auto bytes = files_.contents(segment_path(1));
    const auto at = std::span(bytes).subspan(wal::segment_header_size + wal::batch_header_size);
    return wal::decode_record(at, seed).value().header.checksum;
  }

  void expect_refused(const std::string& why) {
    const auto outcome = try_open(files_);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, error_code::corrupt);
    EXPECT_NE(outcome.error().message.find(why), std::string::npos) << outcome.error().message;
  }

  simulated_disk files_;
  wal::position end_;
  wal::position behind_;     // what was forged
  std::uint64_t chain_ = 0;  // there
};

TEST_F(ForgedRecords, EntryThatSkipsAnIndexIsRefused) {
  forge({{.type = wal::record_type::entry, .group = group_id(1), .index = 2, .term = 1}});
  expect_refused("its index does not follow");
}

TEST_F(ForgedRecords, EntryWithoutTermIsRefused) {
  forge({{.type = wal::record_type::entry, .group = group_id(1), .index = 1, .term = 0}});
  expect_refused("its term is 0");
}

// Hazard 125: unknown types and kinds are not skipped over.
TEST_F(ForgedRecords, UnknownTypeIsRefused) {
  forge({{.type = static_cast<wal::record_type>(9), .group = group_id(1)}});
  expect_refused("an unknown type of record");
}

// Hazard 125: nor are kinds of entries.
TEST_F(ForgedRecords, UnknownKindOfEntryIsRefused) {
  forge(
      {{.type = wal::record_type::entry, .kind = 4, .group = group_id(1), .index = 1, .term = 1}});
  expect_refused("an unknown kind of entry");
}

TEST_F(ForgedRecords, TruncationOfNothingIsRefused) {
  forge({{.type = wal::record_type::truncate, .group = group_id(1), .index = 1}});
  expect_refused("entries that do not exist");
}

TEST_F(ForgedRecords, BaseBeyondTheLogIsRefused) {
  forge({{.type = wal::record_type::base, .group = group_id(1), .index = 4, .term = 1}});
  expect_refused("beyond the last entry");
}

TEST_F(ForgedRecords, HardStateThatGoesBackIsRefused) {
  forge({{.type = wal::record_type::hard_state, .group = group_id(1), .term = 5},
         {.type = wal::record_type::hard_state, .group = group_id(1), .term = 4}});
  expect_refused("the term goes back");
}

TEST_F(ForgedRecords, SecondBootstrapIsRefused) {
  forge({{.type = wal::record_type::bootstrap}});
  expect_refused("bootstrap record");
}

// Once the first segment is gone, nothing would be known of the group.
TEST_F(ForgedRecords, CheckpointThatLeavesOutAGroupIsRefused) {
  forge({{.type = wal::record_type::entry, .group = group_id(1), .index = 1, .term = 1}});
  forge_second_segment();
  expect_refused("leaves out a group");
}

TEST_F(ForgedRecords, GroupStateOutsideACheckpointIsRefused) {
  forge({{.type = wal::record_type::entry, .group = group_id(1), .index = 1, .term = 1},
         {.type = wal::record_type::group_state, .group = group_id(1), .index = 1, .term = 1}},
        wal::group_state_payload);
  expect_refused("outside a checkpoint");
}

// Hazard 124: a record that claims to be longer than its segment.
TEST_F(ForgedRecords, ClaimedLengthBeyondTheSegmentIsATornTail) {
  forge({{.type = wal::record_type::entry, .group = group_id(1), .index = 1, .term = 1}});
  auto bytes = files_.contents(segment_path(1));
  const std::uint32_t claimed = 0xfffffff8;
  std::memcpy(bytes.data() + end_.offset + wal::batch_header_size + 8, &claimed, sizeof claimed);
  files_.replace(segment_path(1), std::move(bytes));

  EXPECT_TRUE(entries_in(*open_log(files_).log).empty());
}

}  // namespace

}  // namespace mainstay
