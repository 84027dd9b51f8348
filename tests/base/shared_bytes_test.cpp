#include "mainstay/base/shared_bytes.hpp"

#include <atomic>
#include <memory>

#include <gtest/gtest.h>

namespace mainstay {
namespace {

TEST(SharedBytes, SliceKeepsTheBlockAlive) {
  shared_bytes slice;
  {
    const auto whole = shared_bytes::copy_of("hello world");
    slice = whole.slice(6, 5);
  }

  EXPECT_EQ(slice.text(), "world");
}

TEST(ByteArena, SlicesOfOneBlockDoNotOverlap) {
  byte_arena arena(16);

  const auto first = arena.copy("aaaa");
  const auto second = arena.copy("bbbb");
  const auto large = arena.copy("a payload larger than a block");

  EXPECT_EQ(first.text(), "aaaa");
  EXPECT_EQ(second.text(), "bbbb");
  EXPECT_EQ(large.text(), "a payload larger than a block");
}

TEST(ByteArena, BlocksCountAsLongAsASliceOfThemLives) {
  const auto meter = std::make_shared<std::atomic<std::size_t>>(0);
  shared_bytes held;
  {
    byte_arena arena(16, meter);
    (void)arena.copy("aaaa");
    EXPECT_EQ(*meter, 16U);
    held = arena.copy("a payload larger than a block").slice(2, 3);
    EXPECT_EQ(*meter, 29U);
  }
  EXPECT_EQ(*meter, 29U);

  held = {};

  EXPECT_EQ(*meter, 0U);
}

TEST(ByteArena, RewindReusesTheBlockOnlyOnceItsSlicesAreGone) {
  byte_arena arena(16);
  auto held = arena.copy("held");

  arena.rewind();
  const auto* beside_held = arena.copy("next").data();
  held = {};
  arena.rewind();
  const auto* at_front = arena.copy("over").data();

  EXPECT_EQ(beside_held, at_front + 4);
}

}  // namespace
}  // namespace mainstay
