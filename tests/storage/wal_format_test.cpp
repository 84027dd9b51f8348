// The format itself: names, headers, and golden files, which every later build must read; the
// newest one it writes byte for byte. MAINSTAY_UPDATE_GOLDEN=1 writes that one when it is missing,
// after a change of a format within the log; those of earlier formats stay.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "mainstay/storage/wal/format.hpp"

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;

const std::string first_golden_path = MAINSTAY_GOLDEN_DIRECTORY "/version_1.wal";
const std::string golden_path = MAINSTAY_GOLDEN_DIRECTORY "/version_1_configuration_2.wal";
const std::string later_golden_path = MAINSTAY_GOLDEN_DIRECTORY "/version_1_resets.wal";

/// One of everything, always the same.
std::vector<std::byte> write_sample() {
  simulated_disk files;
  auto opened = open_log(files);
  auto first = batch_of(entries_of(1, 4, 3));
  first.has_hard_state = true;
  first.state = {term(3), node_id(2)};
  first.entries[1].kind = core::entry_kind::no_op;
  first.entries[1].payload = {};
  first.entries[2].kind = core::entry_kind::configuration;
  first.entries[2].payload = core::encode(small_log_options().bootstrap);
  EXPECT_TRUE(write_durably(*opened.log, first).has_value());
  EXPECT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 1, 1)), group_id(2)).has_value());
  EXPECT_TRUE(write_durably(*opened.log, batch_of(entries_of(4, 5, 4), log_index(4))).has_value());
  EXPECT_TRUE(opened->add_base(group_id(1), log_index(1)).has_value());
  EXPECT_TRUE(opened->flush().has_value());
  EXPECT_TRUE(opened->prove().has_value());
  return files.contents(segment_path(1));
}

core::configuration joint_configuration() {
  core::configuration joint;
  joint.voters = {{node_id(1), "host:1"}, {node_id(4), "host:4"}};
  joint.outgoing_voters = {{node_id(1), "host:1"}, {node_id(2), "host:2"}};
  joint.learners = {{node_id(5), "host:5"}};
  return joint;
}

void write_golden(const std::string& path, std::span<const std::byte> sample) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(sample.data()),
            static_cast<std::streamsize>(sample.size()));
}

std::vector<std::byte> read_golden(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(WalFormat, GoldenFileIsWrittenByteForByte) {
  const auto sample = write_sample();
  if (!std::filesystem::exists(golden_path) && std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    write_golden(golden_path, sample);
  }

  EXPECT_TRUE(sample == read_golden(golden_path)) << "the format changed: it needs a new version";
}

class WalGolden : public testing::TestWithParam<std::string> {};

TEST_P(WalGolden, FileIsRead) {
  simulated_disk files;
  files.replace(segment_path(1), read_golden(GetParam()));

  auto opened = open_log(files);
  const auto one = opened->state_of(group_id(1), ~std::uint64_t{0});
  const auto two = opened->state_of(group_id(2), ~std::uint64_t{0});

  EXPECT_EQ(opened->bootstrap(), small_log_options().bootstrap);
  EXPECT_EQ(one->hard_state, (core::hard_state{term(3), node_id(2)}));
  EXPECT_EQ(one->base_index, log_index(1));
  EXPECT_EQ(one->base_term, term(3));
  ASSERT_EQ(one->tail.size(), 4U);
  EXPECT_EQ(one->tail[0].kind, core::entry_kind::no_op);
  EXPECT_EQ(one->configurations, (std::vector<core::entry>{one->tail[1]}));
  EXPECT_EQ(one->tail[3], entries_of(5, 5, 4)[0]);
  EXPECT_EQ(two->tail, entries_of(1, 1, 1));
}

INSTANTIATE_TEST_SUITE_P(EveryFormat, WalGolden, testing::Values(first_golden_path, golden_path),
                         [](const auto& one) {
                           return one.index == 0 ? "FirstConfigurations" : "SecondConfigurations";
                         });

// What came to version 1 later: entries of sessions, a joint configuration, and a log that begins
// anew behind an image.
std::vector<std::byte> write_later_sample() {
  simulated_disk files;
  auto opened = open_log(files);
  EXPECT_TRUE(write_durably(*opened.log, batch_of(entries_of(1, 3, 2))).has_value());
  core::persist_batch behind_an_image;
  behind_an_image.reset_to = core::term_run{log_index(70), term(4)};
  behind_an_image.entries = entries_of(71, 73, 5);
  behind_an_image.entries[0].kind = core::entry_kind::session;
  behind_an_image.entries[1].kind = core::entry_kind::configuration;
  behind_an_image.entries[1].payload = core::encode(joint_configuration());
  EXPECT_TRUE(write_durably(*opened.log, behind_an_image).has_value());
  EXPECT_TRUE(opened->prove().has_value());
  return files.contents(segment_path(1));
}

TEST(WalFormat, GoldenFileOfResetsAndSessionsIsRead) {
  if (!std::filesystem::exists(later_golden_path) &&
      std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    write_golden(later_golden_path, write_later_sample());
  }
  simulated_disk files;
  files.replace(segment_path(1), read_golden(later_golden_path));

  auto opened = open_log(files);
  const auto found = opened->state_of(group_id(1), ~std::uint64_t{0});

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->base_index, log_index(70));
  EXPECT_EQ(found->base_term, term(4));
  ASSERT_EQ(found->tail.size(), 3U);
  EXPECT_EQ(found->tail[0].kind, core::entry_kind::session);
  EXPECT_EQ(found->configurations, (std::vector<core::entry>{found->tail[1]}));
  EXPECT_EQ(core::decode_configuration(found->tail[1].payload.span()), joint_configuration());
  EXPECT_EQ(found->tail[2], entries_of(73, 73, 5)[0]);
}

TEST(WalFormat, SegmentNamesAreSixteenHexadecimalDigits) {
  EXPECT_EQ(wal::segment_name(0x1f), "000000000000001f.wal");
  EXPECT_EQ(wal::sequence_in("000000000000001f.wal"), 0x1f);
  EXPECT_EQ(wal::sequence_in("000000000000001F.wal"), std::nullopt);
  EXPECT_EQ(wal::sequence_in("1f.wal"), std::nullopt);
  EXPECT_EQ(wal::sequence_in("000000000000001f.new"), std::nullopt);
}

TEST(WalFormat, BatchHeaderHoldsOnlyInItsPlaceAndSegment) {
  std::array<std::byte, wal::batch_header_size> bytes;
  const wal::batch_header header{8, 1, {3, 4096}, {2, 9000}, 77};
  wal::encode(header, 5, bytes);

  EXPECT_EQ(wal::decode_batch_header(bytes, 5, {3, 4096}), header);
  EXPECT_EQ(wal::decode_batch_header(bytes, 6, {3, 4096}), std::nullopt);
  EXPECT_EQ(wal::decode_batch_header(bytes, 5, {3, 4104}), std::nullopt);
  EXPECT_EQ(wal::decode_batch_header(bytes, 5, {4, 4096}), std::nullopt);
}

TEST(WalFormat, RecordHoldsOnlyBehindTheRecordBeforeIt) {
  const auto payload = shared_bytes::copy_of("payload");
  std::vector<std::byte> bytes(wal::record_size(payload.size()));
  std::ranges::copy(payload.span(), bytes.begin() + wal::record_header_size);
  wal::encode({.type = wal::record_type::entry, .index = 4, .term = 2}, payload.span(), 11,
              wal::record_header_bytes(bytes.data(), wal::record_header_size));

  EXPECT_TRUE(wal::decode_record(bytes, 11).has_value());
  EXPECT_FALSE(wal::decode_record(bytes, 12).has_value());
  bytes.back() = std::byte{1};  // padding
  EXPECT_FALSE(wal::decode_record(bytes, 11).has_value());
}

}  // namespace

}  // namespace mainstay
