#include "mainstay/base/shared_bytes.hpp"

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

}  // namespace
}  // namespace mainstay
