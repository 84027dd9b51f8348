/// Patterns as Redis matches them.
#include <string>

#include <gtest/gtest.h>

#include "mainstay/machines/key_value/glob.hpp"

namespace mainstay::keyspace {
namespace {

TEST(Glob, LiteralMatchesOnlyItself) {
  EXPECT_TRUE(matches_glob("user:1", "user:1"));
  EXPECT_FALSE(matches_glob("user:1", "user:12"));
  EXPECT_FALSE(matches_glob("user:1", "user:"));
  EXPECT_TRUE(matches_glob("", ""));
  EXPECT_FALSE(matches_glob("", "a"));
}

TEST(Glob, StarTakesAnyRunOfBytes) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("*", "any/thing.at all"));
  EXPECT_TRUE(matches_glob("h*llo", "heeeello"));
  EXPECT_TRUE(matches_glob("h*llo", "hllo"));
  EXPECT_FALSE(matches_glob("h*llo", "hllo!"));
  EXPECT_TRUE(matches_glob("a**b***", "a-b"));
  EXPECT_TRUE(matches_glob("*ab*ab*", "xabyabz"));
  EXPECT_FALSE(matches_glob("*ab*ab*", "xabyaz"));
}

TEST(Glob, QuestionMarkTakesExactlyOneByte) {
  EXPECT_TRUE(matches_glob("h?llo", "hello"));
  EXPECT_FALSE(matches_glob("h?llo", "hllo"));
  EXPECT_FALSE(matches_glob("h?", "h"));
}

TEST(Glob, ClassTakesOneOfItsBytes) {
  EXPECT_TRUE(matches_glob("h[ae]llo", "hallo"));
  EXPECT_FALSE(matches_glob("h[ae]llo", "hillo"));
  EXPECT_TRUE(matches_glob("h[^e]llo", "hallo"));
  EXPECT_FALSE(matches_glob("h[^e]llo", "hello"));
  EXPECT_FALSE(matches_glob("[^a]", ""));
}

TEST(Glob, ClassRangesHoldInBothDirections) {
  EXPECT_TRUE(matches_glob("h[a-c]llo", "hbllo"));
  EXPECT_TRUE(matches_glob("h[c-a]llo", "hbllo"));
  EXPECT_FALSE(matches_glob("h[a-c]llo", "hdllo"));
  EXPECT_TRUE(matches_glob("[\x80-\xff]", "\xc3"));
}

TEST(Glob, BackslashTakesTheNextByteLiterally) {
  EXPECT_TRUE(matches_glob("h\\*llo", "h*llo"));
  EXPECT_FALSE(matches_glob("h\\*llo", "hello"));
  EXPECT_TRUE(matches_glob("[\\]]", "]"));
  EXPECT_TRUE(matches_glob("a\\", "a\\"));
}

// Redis lets a class that is not closed end with the pattern.
TEST(Glob, UnclosedClassEndsWithThePattern) {
  EXPECT_TRUE(matches_glob("[abc", "b"));
  EXPECT_FALSE(matches_glob("[abc", "d"));
  EXPECT_TRUE(matches_glob("[a-", "-"));
  EXPECT_FALSE(matches_glob("[", "x"));
  EXPECT_TRUE(matches_glob("[^", "x"));
}

// With naive recursion this takes longer than the age of the universe.
TEST(Glob, ManyStarsCostNoMoreThanPatternTimesText) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  pattern += "*b";

  EXPECT_FALSE(matches_glob(pattern, std::string(10000, 'a')));
}

}  // namespace
}  // namespace mainstay::keyspace
