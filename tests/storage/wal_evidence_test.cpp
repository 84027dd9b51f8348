// What has to be on the disk before what, and what a log's own bytes prove against one another.
// Files are put together here that no crash makes: only a disk that lies, or a second program.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "mainstay/storage/wal/batch_builder.hpp"
#include "mainstay/storage/wal/batch_scanner.hpp"

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;
using conformance::entry_at;

void write(wal::segmented_log& log, const core::persist_batch& batch) {
  ASSERT_TRUE(write_durably(log, batch).has_value());
}

// Hazard 98: nothing, however it is called, flushes after a flush has failed.
TEST(FlushOrder, FailedLogFlushesNothingAnyMore) {
  simulated_disk files;
  auto opened = open_log(files);
  const auto batch = batch_of(entries_of(1, 3, 1));
  ASSERT_TRUE(opened->add(group_id(1), batch).has_value());
  files.hook = [](const file_operation& operation) -> result<void> {
    if (operation.what != file_operation::kind::datasync) return {};
    return fail(error_code::io_failed, "told to fail");
  };
  const auto failed = opened->flush();
  files.hook = nullptr;
  const auto flushes = files.flushes();

  EXPECT_FALSE(failed.has_value());
  EXPECT_EQ(opened->flush(), failed);
  EXPECT_EQ(opened->prove(), failed);
  EXPECT_EQ(files.flushes(), flushes);
}

TEST(FlushOrder, LargeBatchIsFlushedInSeveralGoes) {
  simulated_disk files;
  auto options = small_log_options();
  options.segment_size = 32 << 20;
  auto opened = open_log(files, options);
  const auto batch = batch_of(entries_of(1, 5, 1, 4 << 20));
  const auto before = files.flushes();

  ASSERT_TRUE(opened->add(group_id(1), batch).has_value());
  const auto during = files.flushes();
  ASSERT_TRUE(opened->flush().has_value());

  EXPECT_EQ(during, before + 1);
  EXPECT_EQ(files.flushes(), before + 2);
}

// Hazard 101: the marker of a base is durable before the segments that it makes needless go.
TEST(FlushOrder, SegmentsStayUntilTheBaseMarkerIsDurable) {
  simulated_disk files;
  auto opened = open_log(files);
  for (std::uint64_t i = 1; i <= 40; ++i) write(*opened.log, batch_of({entry_at(i, 1, 1000)}));
  std::vector<std::unique_ptr<simulated_disk>> images;
  random_generator random(1);
  files.hook = [&](const file_operation&) {
    images.push_back(files.crash(crash_kind::lost, random));
    images.push_back(files.crash(crash_kind::kept, random));
    return result<void>{};
  };

  ASSERT_TRUE(opened->add_base(group_id(1), log_index(40)).has_value());
  // Takes several segments more, which have to be made while the marker waits for its flush.
  write(*opened.log, batch_of(entries_of(41, 80, 1, 1000)));
  files.hook = nullptr;

  ASSERT_GT(images.size(), 10U);
  for (const auto& image : images) {
    const auto again = try_open(*image);
    ASSERT_TRUE(again.has_value()) << again.error().message;
  }
}

TEST(FlushOrder, OpeningDropsWhatACrashKeptFromBeingDropped) {
  simulated_disk files;
  auto opened = open_log(files);
  for (std::uint64_t i = 1; i <= 40; ++i) write(*opened.log, batch_of({entry_at(i, 1, 1000)}));
  ASSERT_TRUE(opened->add_base(group_id(1), log_index(40)).has_value());
  ASSERT_TRUE(opened->flush().has_value());
  opened.close();  // what is dropped goes with the next maintenance, which never comes
  const auto has_first = [&] {
    const auto paths = files.paths();
    return std::ranges::find(paths, segment_path(1)) != paths.end();
  };
  ASSERT_TRUE(has_first());

  opened = open_log(files);
  ASSERT_TRUE(opened->maintain().has_value());
  opened.close();

  EXPECT_FALSE(has_first());
}

/// Two logs with the same past, of which one goes on with other entries than the other.
class Fork : public testing::Test {
 protected:
  Fork() {
    auto opened = open_log(files_);
    write(*opened.log, batch_of(entries_of(1, 3, 1)));
    opened.close();
    random_generator random(1);
    other_ = files_.crash(crash_kind::kept, random);
  }

  /// The bytes of `from`'s first segment from `begin` to `end` come into the other log's.
  void splice(simulated_disk& from, simulated_disk& to, std::uint64_t begin, std::uint64_t end) {
    auto bytes = to.contents(segment_path(1));
    const auto source = from.contents(segment_path(1));
    std::copy(source.begin() + static_cast<std::ptrdiff_t>(begin),
              source.begin() + static_cast<std::ptrdiff_t>(end),
              bytes.begin() + static_cast<std::ptrdiff_t>(begin));
    to.replace(segment_path(1), std::move(bytes));
  }

  simulated_disk files_;
  std::unique_ptr<simulated_disk> other_;
};

// Hazard 94: a batch that holds, in the place of another of its length, is not what was proven.
TEST_F(Fork, ProofOfAnotherBatchIsRefused) {
  auto mine = open_log(files_);
  auto theirs = open_log(*other_);
  const auto begin = mine->end().offset;
  write(*mine.log, batch_of({entry_at(4, 2)}));
  const auto end = mine->end().offset;
  ASSERT_TRUE(mine->prove().has_value());
  write(*theirs.log, batch_of({entry_at(4, 3)}));
  ASSERT_EQ(theirs->end().offset, end);
  mine.close();
  theirs.close();

  splice(*other_, files_, begin, end);

  const auto outcome = try_open(files_);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().message.find("follows other records"), std::string::npos)
      << outcome.error().message;
}

// Hazard 86: a read gives the entries that were asked for, or none.
TEST_F(Fork, ReadRefusesOtherEntriesThanThoseOfItsIndex) {
  auto mine = open_log(files_);
  auto theirs = open_log(*other_);
  const auto begin = mine->end().offset;
  write(*mine.log, batch_of(entries_of(4, 6, 1)));
  const auto plan = mine->plan_read(group_id(1), log_index(1), log_index(6), 100000);
  ASSERT_TRUE(plan.has_value());
  write(*theirs.log, batch_of(entries_of(4, 5, 1)));
  write(*theirs.log, batch_of(entries_of(5, 6, 2), log_index(5)));
  const auto end = theirs->end().offset;

  auto file = *files_.open(segment_path(1), wal::open_mode::read_write);
  const auto bytes = other_->contents(segment_path(1));
  const std::array piece{std::span<const std::byte>(bytes).subspan(begin, end - begin)};
  ASSERT_TRUE(file->write(piece, begin).has_value());

  const auto found = wal::read_entries(*plan);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, error_code::corrupt);
}

/// The first batch of a segment, written anew with something changed.
class FirstBatch : public testing::Test {
 protected:
  void rewrite(std::uint64_t sequence, const std::function<void(wal::batch_header&)>& change_header,
               const std::function<void(wal::record_header&, std::span<std::byte>)>& change) {
    wal::segment source;
    source.path = segment_path(sequence);
    source.file = *files_.open(source.path, wal::open_mode::read_write);
    wal::segment_header_bytes bytes;
    ASSERT_TRUE(source.file->read(bytes, 0).has_value());
    source.header = wal::decode_segment_header(bytes)->header;
    source.seed = wal::decode_segment_header(bytes)->seed;
    wal::batch_scanner scanner(source);
    const auto batch = scanner.read(wal::segment_header_size, source.seed).value().value();

    auto header = batch.header;
    change_header(header);
    wal::batch_builder builder;
    builder.begin(header, source.seed, source.seed);
    for (auto rest = batch.records; !rest.empty();) {
      auto record = wal::peek_record(rest);
      const auto size = wal::record_size(record.payload_size);
      const auto from = rest.subspan(wal::record_header_size, record.payload_size);
      std::vector<std::byte> payload(from.begin(), from.end());
      change(record, payload);
      builder.add(record, payload);
      rest = rest.subspan(size);
    }
    ASSERT_TRUE(source.file->write(builder.finish(), wal::segment_header_size).has_value());
  }

  void expect_refused(const std::string& why) {
    const auto outcome = try_open(files_);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, error_code::corrupt);
    EXPECT_NE(outcome.error().message.find(why), std::string::npos) << outcome.error().message;
  }

  simulated_disk files_;
};

TEST_F(FirstBatch, WrongPredecessorIsRefused) {
  open_log(files_).close();

  rewrite(
      1, [](wal::batch_header& h) { h.flushed.sequence = 5; },
      [](wal::record_header&, std::span<std::byte>) {});

  expect_refused("names a wrong predecessor");
}

// Hazard 5: what a checkpoint says of a group is what the records before it say.
TEST_F(FirstBatch, CheckpointThatContradictsTheRecordsBeforeItIsRefused) {
  auto opened = open_log(files_);
  write(*opened.log, batch_of(core::hard_state{term(4), node_id(2)}));
  for (std::uint64_t i = 1; opened->end().sequence < 2; ++i) {
    write(*opened.log, batch_of({entry_at(i, 1, 1000)}));
  }
  opened.close();

  rewrite(
      2, [](wal::batch_header&) {},
      [](wal::record_header& record, std::span<std::byte> payload) {
        if (record.type == wal::record_type::group_state) payload[8] = std::byte{3};  // the vote
      });

  expect_refused("not what the records before it say");
}

}  // namespace

}  // namespace mainstay
