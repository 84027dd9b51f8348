/// Commands typed as lines.
#include "server/resp/inline_request.hpp"

#include <gtest/gtest.h>

namespace mainstay::resp {
namespace {

using words = std::vector<std::string>;

TEST(InlineRequest, BlanksSeparateWords) {
  EXPECT_EQ(split_line("  set  k\tv "), (words{"set", "k", "v"}));
  EXPECT_EQ(split_line(" "), words{});
}

TEST(InlineRequest, QuotesHoldBlanksAndNothing) {
  EXPECT_EQ(split_line("set \"a b\" ''"), (words{"set", "a b", ""}));
}

TEST(InlineRequest, DoubleQuotesKnowEscapes) {
  EXPECT_EQ(split_line(R"("\n\r\t\b\a\x41\"\\\q")"), (words{"\n\r\t\b\aA\"\\q"}));
  EXPECT_EQ(split_line(R"("\xzz\x4")"), (words{"xzzx4"}));
}

TEST(InlineRequest, SingleQuotesKnowOnlyTheirOwn) {
  EXPECT_EQ(split_line(R"('\'\n')"), (words{"'\\n"}));
}

TEST(InlineRequest, UnbalancedQuotesAreRefused) {
  EXPECT_FALSE(split_line("\"abc"));
  EXPECT_FALSE(split_line("'abc"));
  EXPECT_FALSE(split_line("\"abc\\"));
  EXPECT_FALSE(split_line("\"abc\"def"));
}

}  // namespace
}  // namespace mainstay::resp
