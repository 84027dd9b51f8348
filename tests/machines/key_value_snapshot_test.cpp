/// Snapshots of the key-value machine: round trips, and refusal of anything damaged.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/machines/key_value_harness.hpp"

namespace mainstay {
namespace {

using keyspace::operation;
using namespace std::string_literals;

void fill(key_value& machine, int count, std::size_t value_size) {
  for (int i = 0; i < count; ++i) {
    const auto value = std::string(value_size, static_cast<char>('a' + i % 26));
    say(machine, operation::set, {"key:" + std::to_string(i), value});
  }
}

TEST(KeyValueSnapshot, RestoresEverythingThroughAnySizeOfRead) {
  key_value machine;
  fill(machine, 3000, 100);
  say(machine, operation::set, {"large", std::string(3 << 20, 'L')});
  say(machine, operation::set, {"", ""});
  const auto bytes = saved(machine);

  for (const std::size_t step : {std::size_t{7}, std::size_t{65536}, bytes.size()}) {
    key_value copy;
    ASSERT_TRUE(restore(copy, bytes, step));
    EXPECT_EQ(copy.size(), 3002U);
    EXPECT_EQ(say(copy, operation::get, {"key:27"}), '"' + std::string(100, 'b') + '"');
    EXPECT_EQ(say(copy, operation::length, {"large"}), std::to_string(3 << 20));
    EXPECT_EQ(saved(copy), bytes);
  }
}

TEST(KeyValueSnapshot, EqualStatesGiveEqualBytesWhateverTheirHistory) {
  key_value straight(5);
  key_value roundabout(5);
  fill(straight, 500, 20);
  fill(roundabout, 5000, 3);
  for (int i = 500; i < 5000; ++i) say(roundabout, operation::erase, {"key:" + std::to_string(i)});
  fill(roundabout, 500, 20);

  EXPECT_EQ(saved(straight), saved(roundabout));
}

/// A small state with and without deadlines.
void fill_golden(key_value& machine) {
  const log_time now{1'790'000'000'123'456};
  for (std::size_t i = 0; i < 5; ++i) {
    say(machine, operation::set, {"key:" + std::to_string(i), std::string(3 * i, 'v')});
  }
  say(machine, operation::set, {"", "\r\n"});
  const keyspace::time_argument later({.number = 5000});
  static_cast<void>(machine.apply(
      {log_index(1), now,
       command(operation::set, {"key:3", "expires", later.text()}, keyspace::expires)}));
}

std::string golden(const char* name) {
  std::ifstream in(std::string(MAINSTAY_GOLDEN_DIR "/") + name, std::ios::binary);
  EXPECT_TRUE(in) << name << " is missing";
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(KeyValueSnapshot, IsTheDocumentedBytes) {
  key_value machine;
  const keyspace::time_argument later({.number = 5});
  static_cast<void>(
      machine.apply({log_index(1), log_time{0x102030},
                     command(operation::set, {"k", "vw", later.text()}, keyspace::expires)}));

  const auto bytes = saved(machine);

  EXPECT_EQ(bytes.substr(0, 12), "mainstaykv\0\0"s);
  EXPECT_EQ(bytes.substr(12, 12), "\x02\0\0\0\x01\0\0\0\0\0\0\0"s);
  EXPECT_EQ(bytes.substr(24, 12), "\x30\x20\x10\0\0\0\0\0\x0d\0\0\0"s);
  const std::int64_t when = 0x102030 / 1000 + 5;
  EXPECT_EQ(bytes.substr(44, 10), "\x03\x02"s + static_cast<char>(when & 0xff) +
                                      static_cast<char>(when >> 8) + std::string(6, '\0'));
  EXPECT_EQ(bytes.substr(54, 3), "kvw");
  EXPECT_EQ(bytes.substr(57, 4), "\0\0\0\0"s);
  EXPECT_EQ(bytes.size(), 69U);
}

// A golden file of each version that was ever written.
TEST(KeyValueSnapshot, GoldenFileIsWhatIsWrittenAndRead) {
  key_value machine(3);
  fill_golden(machine);
  const std::string path = MAINSTAY_GOLDEN_DIR "/snapshot_2.kv";
  if (!std::filesystem::exists(path) && std::getenv("MAINSTAY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << saved(machine);
  }
  key_value copy(3);

  EXPECT_EQ(saved(machine), golden("snapshot_2.kv"));
  ASSERT_TRUE(restore(copy, golden("snapshot_2.kv")));
  EXPECT_EQ(saved(copy), golden("snapshot_2.kv"));
}

TEST(KeyValueSnapshot, VersionOneIsStillRead) {
  key_value machine(3);

  ASSERT_TRUE(restore(machine, golden("snapshot_1.kv")));

  EXPECT_EQ(machine.size(), 6U);
  EXPECT_EQ(say(machine, operation::get, {"key:2"}), "\"vvvvvv\"");
  EXPECT_EQ(say(machine, operation::get, {""}), "\"\r\n\"");
  EXPECT_EQ(say(machine, operation::time_left, {"key:2"}), "-1");
}

TEST(KeyValueSnapshot, EmptyMachineRoundTrips) {
  key_value machine;
  key_value copy;
  say(copy, operation::set, {"old", "state"});

  ASSERT_TRUE(restore(copy, saved(machine)));

  EXPECT_EQ(copy.size(), 0U);
}

TEST(KeyValueSnapshot, EveryFlippedBitIsFoundAndLeavesTheStateUnchanged) {
  key_value machine;
  fill_golden(machine);
  const auto bytes = saved(machine);
  key_value victim;
  say(victim, operation::set, {"old", "state"});
  const auto before = saved(victim);

  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(restore(victim, damaged)) << "bit " << bit;
  }

  EXPECT_EQ(saved(victim), before);
}

TEST(KeyValueSnapshot, EveryTruncationIsFound) {
  key_value machine;
  fill_golden(machine);
  const auto bytes = saved(machine);
  key_value victim;

  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto outcome = restore(victim, bytes.substr(0, length));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, error_code::malformed);
  }
}

TEST(KeyValueSnapshot, ChunkThatClaimsTooMuchIsRefusedBeforeItIsRead) {
  key_value machine;
  fill(machine, 1, 4);
  auto bytes = saved(machine);
  bytes[35] = '\x7f';  // the length's highest byte: 2 GiB

  const auto outcome = restore(machine, bytes);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "snapshot chunk is too long");
}

TEST(KeyValueSnapshot, UnknownVersionIsToldApart) {
  key_value machine;
  auto bytes = saved(machine);
  bytes[12] = 3;

  const auto outcome = restore(machine, bytes);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::unsupported);
}

TEST(KeyValueSnapshot, FailureOfTheWriterIsHandedOn) {
  key_value machine;
  fill(machine, 5000, 100);
  int pieces = 0;

  const auto outcome = machine.save([&](std::span<const std::byte>) -> result<void> {
    if (++pieces == 3) return fail(error_code::no_space, "disk is full");
    return {};
  });

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::no_space);
  EXPECT_EQ(pieces, 3);
}

TEST(KeyValueSnapshot, FailureOfTheReaderLeavesTheStateUnchanged) {
  key_value machine;
  fill(machine, 5, 4);
  const auto before = saved(machine);

  const auto outcome = machine.restore([](std::span<std::byte>) -> result<std::size_t> {
    return fail(error_code::io_failed, "no such file");
  });

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::io_failed);
  EXPECT_EQ(saved(machine), before);
}

}  // namespace
}  // namespace mainstay
