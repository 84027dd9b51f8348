// Keys and values of the RocksDB engine: order, and what does not hold (docs/formats/rocksdb.md).
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/storage/rocksdb/values.hpp"

#include "tests/conformance/log_batches.hpp"

namespace mainstay::database {

namespace {

using conformance::entry_at;

std::string value_of(const std::string& key, const core::entry& e) {
  const auto frame = frame_of(key, e);
  std::string value(frame.front.data(), frame.front.size());
  value.append(e.payload.text());
  return value.append(frame.end.data(), frame.end.size());
}

owner_record sample_owner() {
  owner_record owner{{cluster_id(7), node_id(1), incarnation(0xabcdef)}, {}};
  owner.bootstrap.voters = {{node_id(1), "127.0.0.1:7101"}, {node_id(2), "127.0.0.1:7102"}};
  return owner;
}

/// One value of each kind, in hexadecimal, a line each.
std::string sample_values() {
  const auto key = key_of(entry_place{group_id(1), log_index(300)});
  const auto group = key_of(group_id(1));
  const group_record record{
      {term(5), node_id(2)}, {log_index(9), term(3)}, {log_index(300), term(5)}};
  std::string lines;
  for (const auto& bytes : {key, value_of(key, entry_at(300, 5)), group, encode(group, record),
                            encode(group, core::snapshot_id{log_index(9), term(3), 4096, 0x1234}),
                            encode(sample_owner())}) {
    for (const char c : bytes) {
      constexpr std::string_view digits = "0123456789abcdef";
      lines += digits[static_cast<unsigned char>(c) / 16];
      lines += digits[static_cast<unsigned char>(c) % 16];
    }
    lines += '\n';
  }
  return lines;
}

TEST(RocksdbValues, KeysAreInTheOrderOfGroupsAndIndexes) {
  std::vector<std::string> keys;
  for (const std::uint64_t group : {1, 2, 255, 256}) {
    for (const std::uint64_t index : {0, 1, 255, 256, 65536}) {
      keys.push_back(key_of(entry_place{group_id(group), log_index(index)}));
    }
  }

  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_EQ(place_in(keys[3]), (entry_place{group_id(1), log_index(256)}));
}

TEST(RocksdbValues, EntryComesBackAsItWas) {
  const auto key = key_of(entry_place{group_id(1), log_index(300)});
  auto e = entry_at(300, 5, 1000);
  e.kind = core::entry_kind::session;

  EXPECT_EQ(entry_in(key, value_of(key, e)), e);
}

TEST(RocksdbValues, NoBitOfAnEntryMayChange) {
  const auto key = key_of(entry_place{group_id(1), log_index(300)});
  const auto value = value_of(key, entry_at(300, 5));

  for (std::size_t i = 0; i < value.size(); ++i) {
    auto damaged = value;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(entry_in(key, damaged)) << i;
    EXPECT_FALSE(entry_in(key, value.substr(0, i))) << i;
  }
}

// A value that holds, but lies under another key, is not that key's.
TEST(RocksdbValues, ValueInAnothersPlaceDoesNotHold) {
  const auto key = key_of(entry_place{group_id(1), log_index(300)});
  const auto other = key_of(entry_place{group_id(2), log_index(300)});

  EXPECT_FALSE(entry_in(other, value_of(key, entry_at(300, 5))));
  const auto record = encode(key_of(group_id(1)), group_record{});
  EXPECT_TRUE(group_record_in(key_of(group_id(1)), record));
  EXPECT_FALSE(group_record_in(key_of(group_id(2)), record));
}

TEST(RocksdbValues, OwnerOfAnotherVersionIsToldApartFromDamage) {
  auto later = encode(sample_owner());
  later[8] = 2;
  auto damaged = encode(sample_owner());
  damaged.back() = static_cast<char>(damaged.back() ^ 1);

  EXPECT_EQ(owner_in(encode(sample_owner()))->identity, sample_owner().identity);
  EXPECT_EQ(owner_in(encode(sample_owner()))->bootstrap, sample_owner().bootstrap);
  EXPECT_EQ(owner_in(later).error().code, error_code::unsupported);
  EXPECT_EQ(owner_in(damaged).error().code, error_code::corrupt);
  EXPECT_EQ(owner_in("").error().code, error_code::corrupt);
}

TEST(RocksdbValues, BytesStayAsTheyAre) {
  const std::string path = MAINSTAY_GOLDEN_DIRECTORY "/version_1.rocksdb";
  if (std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << sample_values();
  }
  std::ifstream in(path);
  const std::string golden((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());

  EXPECT_EQ(sample_values(), golden);
}

}  // namespace

}  // namespace mainstay::database
