/// The prepared requests of the load generator.
#include "cli/command_ring.hpp"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

std::string bytes_of(const command_ring& ring, std::uint64_t first, std::uint64_t last) {
  std::string bytes;
  for (const auto& piece : ring.stretch(ring.offset_of(first), ring.offset_of(last))) {
    bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  return bytes;
}

TEST(CommandRing, SetHasAKeyAndAValueOfTheWantedSize) {
  const command_ring ring({load_kind::set, 10, 5, 1});

  const auto command = bytes_of(ring, 0, 1);

  EXPECT_TRUE(command.starts_with("*3\r\n$3\r\nSET\r\n$16\r\nkey:00000000000"));
  EXPECT_EQ(command.size(),
            std::string("*3\r\n$3\r\nSET\r\n$16\r\n\r\n$5\r\n\r\n").size() + 16 + 5);
}

TEST(CommandRing, EveryKeyOccursAsOftenAsTheOthers) {
  const command_ring ring({load_kind::get, 1000, 16, 1});
  std::map<std::string, int> seen;

  for (std::uint64_t i = 0; i < ring.size(); ++i) ++seen[bytes_of(ring, i, i + 1)];

  EXPECT_EQ(ring.distinct_keys(), 1000U);
  EXPECT_EQ(seen.size(), 1000U);
  for (const auto& [command, count] : seen) {
    EXPECT_EQ(static_cast<std::uint64_t>(count), ring.size() / 1000) << command;
  }
}

TEST(CommandRing, GoesOnWithItsBeginning) {
  const command_ring ring({load_kind::set, 100, 16, 1});
  const auto n = ring.size();

  EXPECT_EQ(bytes_of(ring, n - 1, n + 2), bytes_of(ring, n - 1, n) + bytes_of(ring, 0, 2));
  EXPECT_EQ(bytes_of(ring, 3 * n + 5, 3 * n + 6), bytes_of(ring, 5, 6));
}

TEST(CommandRing, MixedAlternatesBetweenSetAndGet) {
  const command_ring ring({load_kind::mixed, 100, 16, 1});

  EXPECT_NE(bytes_of(ring, 0, 1).find("SET"), std::string::npos);
  EXPECT_NE(bytes_of(ring, 1, 2).find("GET"), std::string::npos);
}

TEST(CommandRing, LargeValuesStayWithinTheLimitOfMemory) {
  const command_ring ring({load_kind::set, 1'000'000, 1 << 20, 1});

  EXPECT_LE(ring.offset_of(ring.size()), 65ULL << 20);
  EXPECT_LT(ring.distinct_keys(), 1'000'000U);
}

TEST(CommandRing, SeedDecidesTheOrder) {
  const command_ring one({load_kind::get, 1000, 16, 1});
  const command_ring same({load_kind::get, 1000, 16, 1});
  const command_ring other({load_kind::get, 1000, 16, 2});

  EXPECT_EQ(bytes_of(one, 0, 1000), bytes_of(same, 0, 1000));
  EXPECT_NE(bytes_of(one, 0, 1000), bytes_of(other, 0, 1000));
}

}  // namespace
}  // namespace mainstay::cli
