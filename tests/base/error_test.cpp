/// Codes and their names, which travel between programs as text.
#include "mainstay/base/error.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace mainstay {
namespace {

TEST(ErrorCodes, EveryOneIsFoundByItsName) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(last_error_code); ++i) {
    const auto code = static_cast<error_code>(i);
    EXPECT_EQ(error_code_named(name_of(code)), code) << name_of(code);
  }
}

TEST(ErrorCodes, WhatIsNoNameIsNoCode) {
  EXPECT_EQ(error_code_named("leader"), std::nullopt);
  EXPECT_EQ(error_code_named(""), std::nullopt);
  const auto beyond = static_cast<error_code>(static_cast<std::uint8_t>(last_error_code) + 1);
  EXPECT_EQ(name_of(beyond), "unnamed");
  EXPECT_EQ(error_code_named("unnamed"), std::nullopt);
}

}  // namespace
}  // namespace mainstay
