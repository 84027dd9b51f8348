/// Files that are written from front to back past the page cache, whatever the sizes of the pieces.
#include "mainstay/storage/wal/block_appender.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"
#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"

#include "tests/storage/scratch_directory.hpp"

namespace mainstay::wal {
namespace {

/// Appends random bytes in pieces of up to `largest` bytes; gives all of them.
std::vector<std::byte> append(block_appender& to, std::uint64_t largest, random_generator& random) {
  std::vector<std::byte> all;
  for (int i = 0; i < 50; ++i) {
    std::vector<std::vector<std::byte>> pieces(random.below(4));
    for (auto& piece : pieces) {
      piece.resize(random.below(largest + 1));
      for (auto& b : piece) b = static_cast<std::byte>(random.next());
      all.insert(all.end(), piece.begin(), piece.end());
    }
    const std::vector<std::span<const std::byte>> views(pieces.begin(), pieces.end());
    EXPECT_TRUE(to.append(views).has_value());
  }
  return all;
}

std::vector<std::byte> contents(file_system& files, const std::string& path) {
  auto file = *files.open(path, open_mode::read_only);
  std::vector<std::byte> bytes(*file->size());
  EXPECT_EQ(file->read(bytes, 0), bytes.size());
  return bytes;
}

TEST(BlockAppender, AFileOfTheSystemHoldsJustWhatWasAppended) {
  scratch_directory scratch;
  posix_file_system files;
  ASSERT_TRUE(files.create_directory(scratch.path()));
  const std::string path = scratch.path() + "/file";
  random_generator random(1);
  for (const std::uint64_t largest : {1, 100, 5'000, 300'000}) {
    auto appender = *block_appender::create(files, path);

    const auto expected = append(appender, largest, random);
    ASSERT_TRUE(appender.finish());

    EXPECT_TRUE(contents(files, path) == expected) << largest;
  }
}

TEST(BlockAppender, WhatWasFinishedSurvivesALossOfPower) {
  random_generator random(2);
  for (const std::uint64_t largest : {1, 100, 5'000}) {
    simulation::simulated_disk disk;
    ASSERT_TRUE(disk.create_directory("d"));
    auto appender = *block_appender::create(disk, "d/file");
    ASSERT_TRUE(disk.sync_directory("d"));

    const auto expected = append(appender, largest, random);
    ASSERT_TRUE(appender.finish());
    const auto found = disk.crash(simulation::crash_kind::lost, random);

    EXPECT_TRUE(found->contents("d/file") == expected) << largest;
  }
}

TEST(BlockAppender, AFileOfWholeBlocksIsFlushedAsWell) {
  random_generator random(3);
  simulation::simulated_disk disk;
  ASSERT_TRUE(disk.create_directory("d"));
  auto appender = *block_appender::create(disk, "d/file");
  ASSERT_TRUE(disk.sync_directory("d"));
  const std::vector<std::byte> blocks(3 * block_size, std::byte{7});
  const std::vector<std::span<const std::byte>> pieces{blocks};

  ASSERT_TRUE(appender.append(pieces));
  ASSERT_TRUE(appender.finish());
  const auto found = disk.crash(simulation::crash_kind::lost, random);

  EXPECT_TRUE(found->contents("d/file") == blocks);
}

TEST(BlockAppender, WhatWasThereIsWrittenOver) {
  simulation::simulated_disk disk;
  disk.replace("d/file", std::vector<std::byte>(10'000, std::byte{1}));
  auto appender = *block_appender::over(disk, "d/file");
  const std::vector<std::byte> bytes(10'000, std::byte{2});
  const std::vector<std::span<const std::byte>> pieces{bytes};

  ASSERT_TRUE(appender.append(pieces));
  ASSERT_TRUE(appender.finish());

  EXPECT_TRUE(disk.contents("d/file") == bytes);
}

TEST(BlockAppender, AnEmptyFileIsOne) {
  simulation::simulated_disk disk;
  ASSERT_TRUE(disk.create_directory("d"));
  auto appender = *block_appender::create(disk, "d/file");

  ASSERT_TRUE(appender.finish());

  EXPECT_TRUE(disk.contents("d/file").empty());
}

TEST(BlockAppender, AFullDiskIsTold) {
  simulation::simulated_disk disk;
  ASSERT_TRUE(disk.create_directory("d"));
  auto appender = *block_appender::create(disk, "d/file");
  disk.capacity = 8192;
  const std::vector<std::byte> piece(10'000);
  const std::vector<std::span<const std::byte>> pieces{piece};

  ASSERT_TRUE(appender.append(pieces));  // its last 1,808 bytes are still in memory
  EXPECT_EQ(appender.finish().error().code, error_code::no_space);
}

}  // namespace
}  // namespace mainstay::wal
