// The file of peers: its bytes, what damage to it does, and a crash at every operation on it.
#include "mainstay/storage/wal/peer_file.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/base/checksum.hpp"

#include "tests/storage/log_fixture.hpp"

namespace mainstay {

namespace {

using testing::HasSubstr;
using wal::peer_file;
using peers_map = std::map<node_id, wal::known_disk>;

const std::string peers_path = log_directory + "/peers";
const std::string golden_path = MAINSTAY_GOLDEN_DIRECTORY "/version_2.peers";
const wal::identity owner{cluster_id(7), node_id(1), incarnation(99)};

peer_file open_peers(wal::file_system& files) {
  auto opened = peer_file::open(files, log_directory, owner);
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
  return *std::move(opened);
}

/// Always the same.
wal::known_peers sample() {
  return {owner,
          {{node_id(2), {incarnation(0x1122334455667788), log_index(9)}},
           {node_id(3), {incarnation(5)}}}};
}

/// As `bytes`, but with one number of eight bytes and a checksum that holds.
std::vector<std::byte> with_number(std::vector<std::byte> bytes, std::size_t at,
                                   std::uint64_t number) {
  wal::store_u64(&bytes[at], number);
  const auto sum_at = bytes.size() - 8;
  wal::store_u64(&bytes[sum_at], checksum(std::span(bytes).first(sum_at)));
  return bytes;
}

TEST(PeerFileFormat, GoldenFileIsWrittenByteForByteAndRead) {
  const auto written = wal::encode(sample());
  if (std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream out(golden_path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(written.data()),
              static_cast<std::streamsize>(written.size()));
  }

  std::ifstream in(golden_path, std::ios::binary);
  const std::string golden((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(golden));
  EXPECT_TRUE(std::ranges::equal(written, bytes)) << "the format changed: it needs a new version";
  const auto read = wal::decode_peers(bytes);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, sample());
}

// Files of an earlier build: every peer is taken for one of the first configuration.
TEST(PeerFileFormat, TheFirstVersionIsStillRead) {
  std::ifstream in(MAINSTAY_GOLDEN_DIRECTORY "/version_1.peers", std::ios::binary);
  const std::string golden((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());

  const auto read = wal::decode_peers(std::as_bytes(std::span(golden)));

  ASSERT_TRUE(read.has_value()) << read.error().message;
  auto expected = sample();
  for (auto& [peer, met] : expected.disk_behind) met.joined = log_index();
  EXPECT_EQ(*read, expected);
}

TEST(PeerFileFormat, EveryFlippedBitIsRefusedWithItsOffset) {
  const auto whole = wal::encode(sample());
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto damaged = whole;
    damaged[bit / 8] ^= std::byte(1U << (bit % 8));
    const auto read = wal::decode_peers(damaged);
    ASSERT_FALSE(read.has_value()) << "bit " << bit;
    EXPECT_THAT(read.error().message, HasSubstr("at offset "));
    const bool in_version = bit / 8 >= 8 && bit / 8 < 12;
    EXPECT_EQ(read.error().code, in_version ? error_code::unsupported : error_code::corrupt);
  }
}

TEST(PeerFileFormat, EveryOtherLengthIsRefused) {
  const auto whole = wal::encode(sample());
  for (std::size_t length = 0; length < whole.size() + 40; ++length) {
    if (length == whole.size()) continue;
    auto cut = whole;
    cut.resize(length);
    const auto read = wal::decode_peers(cut);
    ASSERT_FALSE(read.has_value()) << length;
    EXPECT_EQ(read.error().code, error_code::corrupt) << length;
  }
}

TEST(PeerFileFormat, NumbersThatBreakARuleAreRefusedThoughTheChecksumHolds) {
  const auto whole = wal::encode(sample());
  const std::vector<std::pair<std::size_t, std::uint64_t>> breaks = {
      {16, 0},  // no cluster
      {24, 0},  // no owner
      {32, 0},  // an owner without a disk
      {40, 0},  // no peer
      {40, 1},  // the owner
      {40, 3},  // twice the same
      {40, 4},  // out of order
      {48, 0},  // no disk
  };
  for (const auto& [at, number] : breaks) {
    const auto read = wal::decode_peers(with_number(whole, at, number));
    ASSERT_FALSE(read.has_value()) << at << " " << number;
    EXPECT_EQ(read.error().code, error_code::corrupt);
  }
  EXPECT_TRUE(wal::decode_peers(with_number(whole, 48, 17)).has_value());
}

TEST(PeerFile, WhatWasRememberedIsThereAfterARestart) {
  simulated_disk files;
  {
    auto peers = open_peers(files);
    EXPECT_TRUE(peers.known().empty());
    ASSERT_TRUE(peers.remember(node_id(3), {incarnation(33)}).has_value());
    ASSERT_TRUE(peers.remember(node_id(2), {incarnation(22)}).has_value());
    ASSERT_TRUE(peers.remember(node_id(3), {incarnation(34)}).has_value());
  }

  EXPECT_EQ(open_peers(files).known(),
            (peers_map{{node_id(2), {incarnation(22)}}, {node_id(3), {incarnation(34)}}}));
}

TEST(PeerFile, ForgottenPeersStayForgotten) {
  simulated_disk files;
  auto peers = open_peers(files);
  ASSERT_TRUE(peers.remember(node_id(2), {incarnation(22)}).has_value());
  ASSERT_TRUE(peers.remember(node_id(3), {incarnation(33)}).has_value());

  ASSERT_TRUE(peers.forget(node_id(2)).has_value());
  ASSERT_TRUE(peers.forget(node_id(4)).has_value());

  EXPECT_EQ(open_peers(files).known(), (peers_map{{node_id(3), {incarnation(33)}}}));
}

TEST(PeerFile, TheOwnerAndZerosAreNoPeers) {
  simulated_disk files;
  auto peers = open_peers(files);

  for (const auto& [peer, disk] :
       std::vector<std::pair<node_id, wal::known_disk>>{{node_id(1), {incarnation(9)}},
                                                        {node_id(0), {incarnation(9)}},
                                                        {node_id(2), {incarnation(0)}}}) {
    EXPECT_EQ(peers.remember(peer, disk).error().code, error_code::invalid_argument);
  }
  EXPECT_TRUE(files.paths().empty());
}

TEST(PeerFile, TheLimitHoldsAndWhatWasKnownStays) {
  simulated_disk files;
  wal::known_peers full{owner, {}};
  for (std::uint64_t i = 0; i < wal::max_known_peers; ++i) {
    full.disk_behind[node_id(i + 2)] = {incarnation(1)};
  }
  files.replace(peers_path, wal::encode(full));
  auto peers = open_peers(files);

  EXPECT_EQ(peers.remember(node_id(9999), {incarnation(1)}).error().code, error_code::overloaded);
  EXPECT_EQ(peers.known().size(), wal::max_known_peers);
  EXPECT_TRUE(peers.remember(node_id(2), {incarnation(7)}).has_value());
}

TEST(PeerFile, DamageIsRefusedWithFileAndOffsetWhenTheLogIsOpened) {
  simulated_disk files;
  open_log(files).close();
  auto bytes = wal::encode(sample());
  bytes[45] ^= std::byte{1};
  files.replace(peers_path, bytes);

  const auto outcome = try_open(files);

  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, error_code::corrupt);
  EXPECT_THAT(outcome.error().message, HasSubstr("log/peers: at offset 88"));
}

// Hazard 68, on the node's own side: its log was wiped, and what is left beside it says so.
TEST(PeerFile, BesideALogThatIsGoneNoNewLogBegins) {
  simulated_disk files;
  auto old_life = sample();
  old_life.owner.incarnation = incarnation(98);
  files.replace(peers_path, wal::encode(old_life));

  const auto outcome = try_open(files);

  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, error_code::wrong_identity);
  EXPECT_THAT(outcome.error().message, HasSubstr("0000000000000062"));
  EXPECT_THAT(outcome.error().message, HasSubstr("0000000000000063"));
  for (const auto& path : files.paths()) EXPECT_EQ(path, peers_path);
}

TEST(PeerFile, WithoutRoomNothingChangesAndTheNextTimeMaySucceed) {
  simulated_disk files;
  auto peers = open_peers(files);
  ASSERT_TRUE(peers.remember(node_id(2), {incarnation(22)}).has_value());
  for (const auto full_at : {file_operation::kind::create, file_operation::kind::write,
                             file_operation::kind::datasync}) {
    files.hook = [&](const file_operation& operation) -> result<void> {
      if (operation.what == full_at) return fail(error_code::no_space, "full");
      return {};
    };
    EXPECT_EQ(peers.remember(node_id(3), {incarnation(33)}).error().code, error_code::no_space);
    files.hook = nullptr;
    EXPECT_EQ(peers.known(), (peers_map{{node_id(2), {incarnation(22)}}}));
    EXPECT_EQ(files.paths(), std::vector<std::string>{peers_path});
  }

  EXPECT_TRUE(peers.remember(node_id(3), {incarnation(33)}).has_value());
}

// Hazard 98: after a failed flush a second one proves nothing.
TEST(PeerFile, AfterAFailureNothingFurtherIsRemembered) {
  using kind = file_operation::kind;
  for (const auto fails_at :
       {kind::create, kind::write, kind::datasync, kind::rename, kind::sync_names}) {
    simulated_disk files;
    auto peers = open_peers(files);
    files.hook = [&](const file_operation& operation) -> result<void> {
      if (operation.what == fails_at) return fail(error_code::io_failed, "broken");
      return {};
    };
    EXPECT_EQ(peers.remember(node_id(3), {incarnation(33)}).error().code, error_code::io_failed);
    files.hook = nullptr;

    EXPECT_EQ(peers.remember(node_id(3), {incarnation(33)}).error().message, "broken");
    EXPECT_TRUE(peers.known().empty());
  }
}

/// Content before and after one change.
struct change {
  peers_map before;
  peers_map after;
};

// Hazard 97: names that were not flushed; and a file that was not.
TEST(PeerFile, ACrashAnywhereLeavesTheOldContentOrTheNewAndNeverLosesWhatWasAcknowledged) {
  random_generator random(11);
  simulated_disk files;
  change now;
  int images = 0;
  const auto check = [&](simulated_disk& disk) {
    for (const auto kind : {crash_kind::lost, crash_kind::kept, crash_kind::cut, crash_kind::torn,
                            crash_kind::torn}) {
      const auto image = disk.crash(kind, random);
      auto found = open_peers(*image);
      ++images;
      ASSERT_TRUE(found.known() == now.before || found.known() == now.after);
      // What was found takes a change, whatever the crash left beside it.
      ASSERT_TRUE(found.remember(node_id(77), {incarnation(7)}).has_value());
      ASSERT_TRUE(open_peers(*image).known().contains(node_id(77)));
    }
  };
  auto peers = open_peers(files);
  files.hook = [&](const file_operation&) {
    check(files);
    return result<void>{};
  };

  for (int step = 0; step < 40; ++step) {
    const node_id peer(2 + random.below(6));
    const bool forgets = random.below(4) == 0;
    const wal::known_disk disk{incarnation(1 + random.next() / 2), log_index(random.below(9))};
    if (forgets) {
      now.after.erase(peer);
      ASSERT_TRUE(peers.forget(peer).has_value());
    } else {
      now.after[peer] = disk;
      ASSERT_TRUE(peers.remember(peer, disk).has_value());
    }
    now.before = now.after;
    check(files);
  }

  EXPECT_GT(images, 800);
}

}  // namespace

}  // namespace mainstay
