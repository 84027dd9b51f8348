// Images on files that are damaged, full, or left over; and their format, byte by byte.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "mainstay/storage/wal/image_verifier.hpp"

#include "tests/storage/snapshot_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;

constexpr std::size_t two_chunks = 300'000;

/// What a verifier says of bytes that come in pieces.
result<core::snapshot> verify(std::span<const std::byte> bytes, std::size_t piece) {
  wal::image_verifier verifier;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(piece, bytes.size()));
    if (auto ok = verifier.feed(part); !ok) return std::unexpected(ok.error());
    bytes = bytes.subspan(part.size());
  }
  if (!verifier.complete()) return fail(error_code::malformed, "not whole");
  return *verifier.complete();
}

// ---- Format -----------------------------------------------------------------------------------

TEST(ImageFormat, HoldsHoweverTheBytesCome) {
  const auto image = make_image(contents_at(7), state_of(two_chunks));

  for (const std::size_t piece : {1UL, 7UL, 16UL, 17UL, 4096UL, 262'160UL, 10'000'000UL}) {
    EXPECT_EQ(verify(image.bytes, piece), image.snapshot) << piece;
  }
}

TEST(ImageFormat, DoesNotDependOnHowTheStateIsWritten) {
  const auto state = state_of(3 * wal::chunk_payload_size);
  const auto at_once = make_image(contents_at(7), state);
  std::vector<std::byte> bytes;
  wal::image_writer writer({tested_group, contents_at(7)}, [&](auto pieces) {
    for (const auto piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    return result<void>{};
  });
  ASSERT_TRUE(writer.begin().has_value());
  const std::span<const std::byte> all(state);
  ASSERT_TRUE(writer.write(all.first(1)).has_value());
  ASSERT_TRUE(writer.write(all.subspan(1, wal::chunk_payload_size)).has_value());
  ASSERT_TRUE(writer.write(all.subspan(1 + wal::chunk_payload_size)).has_value());

  EXPECT_EQ(*writer.finish(), at_once.snapshot);
  EXPECT_EQ(bytes, at_once.bytes);
}

// In every byte, so in every field.
TEST(ImageFormat, NoFlippedBitPasses) {
  auto image = make_image(contents_at(7), state_of(500));
  for (std::size_t at = 0; at < image.bytes.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      image.bytes[at] ^= std::byte{1} << bit;
      EXPECT_FALSE(verify(image.bytes, 10'000).has_value()) << "offset " << at << ", bit " << bit;
      image.bytes[at] ^= std::byte{1} << bit;
    }
  }
}

TEST(ImageFormat, NoPartOfAnImageIsAnImage) {
  const auto image = make_image(contents_at(7), state_of(500));
  for (std::size_t size = 0; size < image.bytes.size(); ++size) {
    EXPECT_FALSE(verify(std::span(image.bytes).first(size), 10'000).has_value()) << size;
  }
}

TEST(ImageFormat, NothingMayStandBehindTheEnd) {
  auto image = make_image(contents_at(7), state_of(500));
  image.bytes.push_back(std::byte{0});

  EXPECT_EQ(verify(image.bytes, 10'000).error().code, error_code::corrupt);
}

// Two chunks of good checksums in the other order are another state.
TEST(ImageFormat, ChunksMayNotChangePlaces) {
  auto image = make_image(contents_at(7), state_of(2 * wal::chunk_payload_size));
  const auto first = wal::encode(wal::image_header{tested_group, contents_at(7)}).size();
  const auto begin = image.bytes.begin() + static_cast<std::ptrdiff_t>(first);
  const auto part = static_cast<std::ptrdiff_t>(wal::max_part_size);
  std::swap_ranges(begin, begin + part, begin + part);

  EXPECT_EQ(verify(image.bytes, 10'000'000).error().code, error_code::corrupt);
}

TEST(ImageFormat, OnlyTheLastChunkMayBeShort) {
  const auto header = wal::encode(wal::image_header{tested_group, contents_at(7)});
  auto bytes = header;
  auto sum = wal::checksum_of_header(header);
  for (int i = 0; i < 2; ++i) {
    const auto payload = state_of(10);
    const auto front = wal::encode_chunk_header(payload, sum);
    sum = front.checksum;
    bytes.insert(bytes.end(), front.bytes.begin(), front.bytes.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
  }

  EXPECT_EQ(verify(bytes, 10'000).error().code, error_code::corrupt);
}

TEST(ImageFormat, FooterMustTellTheSizes) {
  const auto header = wal::encode(wal::image_header{tested_group, contents_at(7)});
  const auto sum = wal::checksum_of_header(header);
  const auto whole = header.size() + wal::image_footer_size;
  for (const auto& [state, size] : {std::pair{1UL, whole}, {0UL, whole + 1}}) {
    auto bytes = header;
    const auto footer = wal::encode(wal::image_footer{state, size}, sum);
    bytes.insert(bytes.end(), footer.bytes.begin(), footer.bytes.end());
    EXPECT_EQ(verify(bytes, 10'000).error().code, error_code::corrupt);
  }
}

TEST(ImageFormat, AnotherVersionIsToldApartFromDamage) {
  auto image = make_image(contents_at(7), state_of(500));
  image.bytes[8] = std::byte{2};

  EXPECT_EQ(verify(image.bytes, 10'000).error().code, error_code::unsupported);
}

TEST(ImageFormat, NamesAreReadBackAndOthersAreNotTaken) {
  using wal::image_name;
  const core::snapshot_id id{log_index(7), term(3), 1000, 0xfeed};
  for (const auto what :
       {image_name::kind::whole, image_name::kind::saving, image_name::kind::partial}) {
    const auto name = wal::name_of({what, group_id(2), id});
    const auto read = wal::image_name_of(name);
    ASSERT_TRUE(read.has_value()) << name;
    EXPECT_EQ(wal::name_of(*read), name);
    EXPECT_EQ(read->group, group_id(2));
    EXPECT_EQ(read->id.last_included_index, log_index(7));
    EXPECT_FALSE(wal::image_name_of(name + "x").has_value());
    EXPECT_FALSE(wal::image_name_of(name.substr(1)).has_value());
  }
  EXPECT_FALSE(wal::image_name_of("0000000000000001.wal").has_value());
  EXPECT_FALSE(wal::image_name_of("peers").has_value());
  EXPECT_FALSE(wal::image_name_of("").has_value());
}

std::string golden_image(const char* name) {
  const auto path = std::filesystem::path(MAINSTAY_GOLDEN_DIRECTORY) / name;
  if (!std::filesystem::exists(path) && std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    const auto bytes = make_image(contents_at(7), state_of(500)).bytes;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Written once, and never again: whoever reads it reads every image of version 1, also one whose
// configuration has its first format.
TEST(ImageFormat, GoldenFileStaysReadable) {
  const auto text = golden_image("version_1.image");
  const auto contents = contents_at(7);

  const auto found = verify(std::as_bytes(std::span(text)), 10'000);

  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_EQ(*found, (core::snapshot{{log_index(7), term(1), text.size(), 0x34043607a3a3e6abU},
                                    contents.time,
                                    contents.configuration}));
}

TEST(ImageFormat, GoldenFileIsWrittenByteForByte) {
  const auto text = golden_image("version_1_configuration_2.image");

  const auto made = make_image(contents_at(7), state_of(500));

  EXPECT_TRUE(std::ranges::equal(made.bytes, std::as_bytes(std::span(text))));
  EXPECT_EQ(made.snapshot.id.digest, 0x439457a85fadfea1U);
}

// ---- Opening ----------------------------------------------------------------------------------

class SnapshotFiles : public testing::Test {
 protected:
  /// Saves, and closes.
  core::snapshot saved(std::uint64_t index, std::size_t size = two_chunks) {
    auto store = open_store(files_);
    auto made = save(*store, contents_at(index), state_of(size, index));
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return *made;
  }
  std::vector<std::string> names_with(std::string_view suffix) const {
    auto paths = files_.paths();
    std::erase_if(paths, [&](const std::string& path) { return !path.ends_with(suffix); });
    return paths;
  }
  result<void> open_again() {
    auto store = wal::snapshot_store::open(files_, log_directory);
    if (!store) return std::unexpected(store.error());
    return {};
  }

  simulated_disk files_;
};

TEST_F(SnapshotFiles, DamageOfTheNewestImageIsRefusedWithFilePlaceAndAdvice) {
  const auto made = saved(7);
  const auto path = image_path(made.id);
  for (std::uint64_t at = 0; at < made.id.size; at += made.id.size / 50) {
    files_.rot(path, at, 3);
    const auto opened = open_again();
    ASSERT_FALSE(opened.has_value()) << at;
    const auto code = opened.error().code;
    EXPECT_TRUE(code == error_code::corrupt || code == error_code::unsupported);
    EXPECT_NE(opened.error().message.find(path), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find("offset"), std::string::npos) << opened.error().message;
    files_.rot(path, at, 3);
  }
  EXPECT_TRUE(open_again().has_value());
}

TEST_F(SnapshotFiles, DamageIsRefusedEvenBesideAnOlderImage) {
  const auto older = make_image(contents_at(5), state_of(100));
  const auto made = saved(7);
  files_.replace(image_path(older.snapshot.id), older.bytes);
  files_.rot(image_path(made.id), made.id.size / 2, 0);

  const auto opened = open_again();

  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, error_code::corrupt);
  EXPECT_NE(opened.error().message.find("docs/operations.md"), std::string::npos);
  EXPECT_EQ(names_with(".image").size(), 2U);  // nothing was touched
}

TEST_F(SnapshotFiles, ImageUnderAnotherNameIsRefused) {
  const auto made = saved(7);
  const auto bytes = files_.contents(image_path(made.id));
  auto other = made.id;
  other.last_included_index = log_index(8);
  files_.replace(image_path(other), bytes);

  EXPECT_EQ(open_again().error().code, error_code::corrupt);
}

TEST_F(SnapshotFiles, ImageThatIsCutOffOrTooLongIsRefused) {
  const auto made = saved(7);
  auto bytes = files_.contents(image_path(made.id));
  bytes.push_back(std::byte{0});
  files_.replace(image_path(made.id), bytes);
  EXPECT_EQ(open_again().error().code, error_code::corrupt);
  bytes.resize(bytes.size() - 2);
  files_.replace(image_path(made.id), bytes);
  EXPECT_EQ(open_again().error().code, error_code::corrupt);
}

TEST_F(SnapshotFiles, LeftOversAreRemovedAndStrangersAreNot) {
  const auto made = saved(7);
  const auto older = make_image(contents_at(5), state_of(100));
  const auto later = make_image(contents_at(9), state_of(100));
  const auto latest = make_image(contents_at(11), state_of(100));
  const auto put = [&](wal::image_name::kind what, const made_image& image) {
    const auto name = wal::name_of({what, tested_group, image.snapshot.id});
    files_.replace(log_directory + "/" + name, {std::byte{1}});
    return log_directory + "/" + name;
  };
  put(wal::image_name::kind::whole, older);
  put(wal::image_name::kind::saving, later);
  put(wal::image_name::kind::partial, older);
  put(wal::image_name::kind::partial, later);
  const auto kept = put(wal::image_name::kind::partial, latest);
  files_.replace(log_directory + "/mine.image", {std::byte{1}});

  ASSERT_TRUE(open_again().has_value());

  EXPECT_EQ(files_.paths(),
            (std::vector<std::string>{image_path(made.id), kept, log_directory + "/mine.image"}));
}

// Hazard 97: who was killed before the flush of the directory left a name that may yet go.
TEST_F(SnapshotFiles, NameThatIsFoundIsMadeDurableBeforeItIsToldOf) {
  auto store = open_store(files_);
  auto sink = *store->begin(tested_group, contents_at(7));
  files_.hook = [](const file_operation& operation) -> result<void> {
    if (operation.what != file_operation::kind::sync_names) return {};
    return fail(error_code::io_failed, "killed here");
  };
  EXPECT_FALSE(sink->commit().has_value());
  files_.hook = {};
  sink.reset();
  store.reset();

  const auto found = open_store(files_)->newest(tested_group);
  ASSERT_TRUE(found.has_value());
  random_generator random(1);
  const auto after = files_.crash(crash_kind::lost, random);

  EXPECT_EQ(open_store(*after)->newest(tested_group), found);
}

// ---- Failures ---------------------------------------------------------------------------------

TEST_F(SnapshotFiles, FullDiskFailsTheSaveAndNothingElse) {
  const auto made = saved(7);
  auto store = open_store(files_);
  files_.capacity = files_.used_bytes() + two_chunks / 2;

  EXPECT_EQ(save(*store, contents_at(9), state_of(two_chunks)).error().code, error_code::no_space);

  EXPECT_TRUE(names_with(".saving").empty());
  EXPECT_EQ(store->newest(tested_group), made);
  files_.capacity.reset();
  EXPECT_TRUE(save(*store, contents_at(9), state_of(two_chunks)).has_value());
}

TEST_F(SnapshotFiles, SinkThatFailedDoesNotGoOn) {
  auto store = open_store(files_);
  auto sink = *store->begin(tested_group, contents_at(9));
  files_.capacity = files_.used_bytes();
  ASSERT_FALSE(sink->write(state_of(two_chunks)).has_value());
  files_.capacity.reset();

  EXPECT_EQ(sink->write(state_of(10)).error().code, error_code::no_space);
  EXPECT_EQ(sink->commit().error().code, error_code::no_space);
  EXPECT_EQ(store->newest(tested_group), std::nullopt);
}

// The log needs the room that a part of an image would keep from it.
TEST_F(SnapshotFiles, FullDiskWhileReceivingGivesTheRoomBack) {
  auto store = open_store(files_);
  const auto image = make_image(contents_at(7), state_of(two_chunks));
  files_.capacity = files_.used_bytes() + two_chunks / 2;

  EXPECT_EQ(send(*store, image, 40'000).error().code, error_code::no_space);

  EXPECT_TRUE(names_with(".partial").empty());
  files_.capacity.reset();
  EXPECT_TRUE(send(*store, image, 40'000)->complete);
  EXPECT_EQ(store->install(tested_group, image.snapshot.id), image.snapshot);
}

TEST_F(SnapshotFiles, OnlyOneImageOfAGroupIsWrittenAtATime) {
  auto store = open_store(files_);
  auto sink = store->begin(tested_group, contents_at(7));
  ASSERT_TRUE(sink.has_value());

  EXPECT_EQ(store->begin(tested_group, contents_at(9)).error().code, error_code::invalid_argument);
  EXPECT_TRUE(store->begin(group_id(2), contents_at(9)).has_value());
  sink->reset();
  EXPECT_TRUE(store->begin(tested_group, contents_at(9)).has_value());
}

TEST_F(SnapshotFiles, FailedFlushIsNoImage) {
  auto store = open_store(files_);
  files_.fail_next(simulation::disk_fault::flush_error);

  EXPECT_EQ(save(*store, contents_at(7), state_of(100)).error().code, error_code::io_failed);

  EXPECT_EQ(store->newest(tested_group), std::nullopt);
  EXPECT_TRUE(names_with(".image").empty());
}

TEST_F(SnapshotFiles, AfterAFailureOfANameNoImageIsPutInPlace) {
  auto store = open_store(files_);
  files_.hook = [](const file_operation& operation) -> result<void> {
    if (operation.what != file_operation::kind::sync_names) return {};
    return fail(error_code::io_failed, "fsync log: Input/output error");
  };
  EXPECT_FALSE(save(*store, contents_at(7), state_of(100)).has_value());
  files_.hook = {};

  EXPECT_EQ(save(*store, contents_at(9), state_of(100)).error().message,
            "fsync log: Input/output error");
}

// What a failed flush left of a partial image is not gone on with.
TEST_F(SnapshotFiles, FailedFlushOfAReceivedImageStartsOver) {
  auto store = open_store(files_);
  const auto image = make_image(contents_at(7), state_of(two_chunks));
  files_.fail_next(simulation::disk_fault::flush_error);

  EXPECT_EQ(send(*store, image, 40'000).error().code, error_code::io_failed);

  EXPECT_EQ(store->receive(tested_group, image.snapshot.id, 1, {}), (received_snapshot{0, false}));
}

// Whole and sound, of the same size, and still not the one that the log stands on.
TEST_F(SnapshotFiles, AnotherImageUnderTheSameNameIsNoticedWhileTheStateIsRead) {
  const auto made = saved(7);
  auto store = open_store(files_);
  const auto other = make_image(contents_at(7), state_of(two_chunks, 99));
  ASSERT_EQ(other.bytes.size(), made.id.size);
  files_.replace(image_path(made.id), other.bytes);

  EXPECT_EQ(load(*store, made.id).error().code, error_code::corrupt);
}

TEST_F(SnapshotFiles, DamageIsNoticedWhileTheStateIsRead) {
  const auto made = saved(7);
  auto store = open_store(files_);
  files_.rot(image_path(made.id), made.id.size - 100, 0);

  EXPECT_EQ(load(*store, made.id).error().code, error_code::corrupt);
}

// Hazard 80: less than there must be is not the end.
TEST_F(SnapshotFiles, ReadOfAFileThatBecameShorterFails) {
  const auto made = saved(7);
  auto store = open_store(files_);
  auto bytes = files_.contents(image_path(made.id));
  bytes.resize(bytes.size() - 10);
  files_.replace(image_path(made.id), bytes);

  EXPECT_EQ(store->read(tested_group, made.id, 0, 2 * made.id.size, {}).error().code,
            error_code::corrupt);
  EXPECT_EQ(load(*store, made.id).error().code, error_code::corrupt);
}

// ---- Resuming ---------------------------------------------------------------------------------

TEST_F(SnapshotFiles, TornPartialImageGoesOnBehindTheLastPartThatHolds) {
  const auto image = make_image(contents_at(7), state_of(4 * wal::chunk_payload_size));
  const auto header = wal::encode(wal::image_header{tested_group, contents_at(7)}).size();
  auto damaged = image.bytes;
  damaged.resize(header + 3 * wal::max_part_size + 1000);
  damaged[header + 2 * wal::max_part_size + 500] ^= std::byte{1};
  files_.replace(
      log_directory + "/" +
          wal::name_of({wal::image_name::kind::partial, tested_group, image.snapshot.id}),
      damaged);
  auto store = open_store(files_);

  EXPECT_EQ(store->receive(tested_group, image.snapshot.id, 0, {}),
            (received_snapshot{header + 2 * wal::max_part_size, false}));
  EXPECT_TRUE(send(*store, image, 100'000)->complete);
  EXPECT_EQ(store->install(tested_group, image.snapshot.id), image.snapshot);
  store.reset();
  EXPECT_EQ(load(*open_store(files_), image.snapshot.id), state_of(4 * wal::chunk_payload_size));
}

// After a failed flush the system shows bytes that are not on the disk: what is gone on with is
// written again.
TEST_F(SnapshotFiles, ResumedBytesAreDurableWithTheRest) {
  const auto image = make_image(contents_at(7), state_of(two_chunks));
  // The flush of someone who was killed before he could remove the file.
  const auto killed = open_store(files_);
  ASSERT_TRUE(killed->receive(tested_group, image.snapshot.id, 0, image.slice(0, 270'000)));
  {
    auto file = *files_.open(names_with(".partial").front(), wal::open_mode::read_write);
    files_.fail_next(simulation::disk_fault::flush_error);
    ASSERT_FALSE(file->datasync().has_value());
  }
  auto store = open_store(files_);
  ASSERT_TRUE(send(*store, image, 100'000)->complete);
  ASSERT_TRUE(store->install(tested_group, image.snapshot.id).has_value());
  random_generator random(1);
  const auto after = files_.crash(crash_kind::lost, random);

  EXPECT_EQ(open_store(*after)->newest(tested_group), image.snapshot);
}

// ---- Room on the disk -------------------------------------------------------------------------

TEST_F(SnapshotFiles, ReplacedImageGivesItsRoomBackWhenNobodyAsksForIt) {
  const auto made = saved(7);
  auto store = open_store(files_);
  const instant start{};
  ASSERT_TRUE(store->read(tested_group, made.id, 0, 100, start).has_value());
  ASSERT_TRUE(save(*store, contents_at(9), state_of(100)).has_value());

  const auto within = start + wal::snapshot_store::kept_for;
  EXPECT_TRUE(store->read(tested_group, made.id, 100, 100, within).has_value());
  store->release_idle(within + wal::snapshot_store::kept_for);
  EXPECT_TRUE(store->read(tested_group, made.id, 100, 100, within).has_value());
  store->release_idle(within + wal::snapshot_store::kept_for + duration(1));

  EXPECT_EQ(store->read(tested_group, made.id, 100, 100, within).error().code,
            error_code::invalid_argument);
}

TEST_F(SnapshotFiles, FewImagesStayOpenHoweverManyAreReplaced) {
  auto store = open_store(files_);
  std::vector<core::snapshot> all;
  for (std::uint64_t i = 0; i < wal::snapshot_store::max_open_images + 3; ++i) {
    all.push_back(*save(*store, contents_at(i + 1), state_of(100, i)));
    ASSERT_TRUE(store->read(tested_group, all.back().id, 0, 10, {}).has_value());
  }

  EXPECT_FALSE(store->read(tested_group, all[2].id, 0, 10, {}).has_value());
  EXPECT_TRUE(store->read(tested_group, all[3].id, 0, 10, {}).has_value());
  EXPECT_EQ(names_with(".image").size(), 1U);
}

std::uint64_t bytes_of_segments(const simulated_disk& files) {
  std::uint64_t bytes = 0;
  for (const auto& path : files.paths()) bytes += files.contents(path).size();
  return bytes;
}

// Segments, image and what is being prepared: no more, however long the log runs.
TEST_F(SnapshotFiles, DiskIsBoundedByImageTailAndAFewSegments) {
  auto options = small_log_options();
  options.max_spares = 0;
  auto opened = open_log(files_, options);
  constexpr std::uint64_t tail = 20;
  constexpr std::size_t state = 10'000;
  std::uint64_t most = 0;
  for (std::uint64_t index = 1; index <= 2000; ++index) {
    ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(index, index, 1, 500))).has_value());
    if (index % 100 != 0) continue;
    ASSERT_TRUE(save(opened.log->snapshots(), contents_at(index), state_of(state)).has_value());
    ASSERT_TRUE(opened.log->add_base(tested_group, log_index(index - tail)).has_value());
    ASSERT_TRUE(opened.log->flush().has_value());
    ASSERT_TRUE(opened.log->maintain().has_value());
    most = std::max(most, bytes_of_segments(files_));
  }

  // The tail, and the 100 entries between two images, reach into at most seven segments.
  EXPECT_LE(most, 7 * options.segment_size + state + 1000);
}

// A log that was reset needs none of the segments before, whatever indexes lie in them.
TEST_F(SnapshotFiles, ResetGivesTheSegmentsBeforeItBack) {
  auto options = small_log_options();
  options.max_spares = 0;
  auto opened = open_log(files_, options);
  for (std::uint64_t index = 1; index <= 300; ++index) {
    ASSERT_TRUE(write_durably(*opened.log, batch_of(entries_of(index, index, 1, 500))).has_value());
  }
  ASSERT_GT(names_with(".wal").size(), 8U);

  ASSERT_TRUE(write_durably(*opened.log, conformance::reset_batch(200, 3)).has_value());
  ASSERT_TRUE(opened.log->maintain().has_value());
  EXPECT_LE(names_with(".wal").size(), 2U);

  // Hazards 76, 104: what is left opens again, and so it does when the segments come back.
  opened.close();
  EXPECT_EQ(open_log(files_, options)->state_of(tested_group, 0)->base_index, log_index(200));
}

}  // namespace

}  // namespace mainstay
