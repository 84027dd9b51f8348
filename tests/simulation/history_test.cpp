/// Histories on their way to a file and back, and the files that are no histories.
#include "mainstay/simulation/history.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstay::simulation {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string good =
    R"({"client":1,"op":"set","key":"k","arg":"v","result":"OK","start":10,"end":20,)"
    R"("outcome":"done"})"
    "\n";

client_operation set_of(std::string value) {
  return {.client = 1,
          .name = "set",
          .key = "k",
          .argument = std::move(value),
          .result = "OK",
          .start = 10,
          .end = 20,
          .outcome = operation_outcome::done};
}

std::string with(const std::string& from, const std::string& to) {
  std::string text = good;
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string refusal_of(const std::string& text) {
  const auto read = read_history(text);
  if (read) return "accepted";
  EXPECT_EQ(read.error().code, error_code::malformed);
  return read.error().message;
}

TEST(HistoryFormat, AnOperationIsOneLine) {
  EXPECT_EQ(write_history(std::vector{set_of("v")}), good);
}

TEST(HistoryFormat, WhatIsWrittenIsReadAgain) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  auto conditional = set_of("new");
  conditional.name = "set_if_equal";
  conditional.expected = "";
  conditional.result.reset();
  auto unknown = set_of("u");
  unknown.result.reset();
  unknown.start = -7;
  unknown.outcome = operation_outcome::unknown;
  auto refused = unknown;
  refused.client = ~std::uint64_t{0};
  refused.outcome = operation_outcome::refused;
  const std::vector all{set_of(all_bytes), conditional, unknown, refused};

  const auto read = read_history(write_history(all));

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, all);
}

TEST(HistoryFormat, AnEmptyFileIsAnEmptyHistory) { EXPECT_TRUE(read_history("")->empty()); }

TEST(HistoryFormat, OrderOfMembersAndSpacesDoNotMatter) {
  const auto read = read_history(
      R"( { "outcome" : "done", "end":20, "start": 10, "result":"OK", "arg":"\u0076", "key":"k",)"
      R"( "op":"set", "client":1 } )");

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->front(), set_of("v"));
}

TEST(HistoryFormat, AFaultIsNamedWithItsLine) {
  EXPECT_THAT(refusal_of(good + good + "{}\n"), StartsWith("line 3: "));
  EXPECT_THAT(refusal_of(good + "\n" + good), StartsWith("line 2: "));
}

TEST(HistoryFormat, TornLineIsRefused) {
  const std::string line = good.substr(0, good.size() - 1);
  for (std::size_t length = 1; length < line.size(); ++length) {
    EXPECT_THAT(refusal_of(line.substr(0, length)), StartsWith("line 1: ")) << length;
  }
}

TEST(HistoryFormat, MembersAreThereOnceAndAreKnown) {
  for (const char* name : {"client", "op", "key", "arg", "result", "start", "end", "outcome"}) {
    std::string other = name;
    other.back() = '_';
    EXPECT_THAT(refusal_of(with('"' + std::string(name) + "\":", '"' + other + "\":")),
                HasSubstr("no member is called"));
  }
  EXPECT_THAT(refusal_of(with("\"client\":1,", "")), HasSubstr("\"client\" is missing"));
  EXPECT_THAT(refusal_of(with("\"result\":\"OK\",", "")), HasSubstr("\"result\" is missing"));
  EXPECT_THAT(refusal_of(with("\"end\":20", "\"end\":20,\"end\":20")), HasSubstr("stands twice"));
}

TEST(HistoryFormat, NumbersAreIntegersOfTheirSize) {
  for (const char* bad : {"", "01", "-0", "1.5", "1e3", "+1", "\"1\"", "null", "0x1",
                          "9223372036854775808", "-9223372036854775809"}) {
    EXPECT_NE(refusal_of(with("\"start\":10", std::string("\"start\":") + bad)), "accepted") << bad;
  }
  for (const char* bad : {"-1", "18446744073709551616"}) {
    EXPECT_NE(refusal_of(with("\"client\":1", std::string("\"client\":") + bad)), "accepted");
  }
}

TEST(HistoryFormat, StringsAreAsciiWithTheEscapesOfJson) {
  EXPECT_EQ(read_history(with("\"v\"", R"("\"\\\/\b\f\n\r\t\u00Ff")"))->front(),
            set_of("\"\\/\b\f\n\r\t\xff"));
  for (const char* bad : {"\"\xc3\xa9\"", "\"\t\"", R"("\x41")", R"("\u12")", R"("\u0100")",
                          R"("\u00g0")", "\"\\", "v", "'v'"}) {
    EXPECT_NE(refusal_of(with("\"v\"", bad)), "accepted") << bad;
  }
}

TEST(HistoryFormat, AnOperationMakesSense) {
  EXPECT_THAT(refusal_of(with("\"end\":20", "\"end\":9")), HasSubstr("ends before it starts"));
  EXPECT_THAT(refusal_of(with("\"done\"", "\"maybe\"")), HasSubstr("done, refused or unknown"));
  EXPECT_THAT(refusal_of(with("\"done\"", "\"refused\"")), HasSubstr("has a result"));
  EXPECT_THAT(refusal_of(with("\"done\"}", "\"done\"} x")), HasSubstr("nothing may follow"));
}

TEST(History, AnOperationIsUnknownUntilItIsFinished) {
  history recorded;

  const auto first = recorded.begin(set_of("a"));
  const auto second = recorded.begin(set_of("b"));
  recorded.finish(second, 30, operation_outcome::done, "OK");

  EXPECT_EQ(recorded.open(), 1U);
  EXPECT_EQ(recorded.operations()[first].outcome, operation_outcome::unknown);
  EXPECT_EQ(recorded.operations()[first].result, std::nullopt);
  EXPECT_EQ(recorded.operations()[second].end, 30);
  EXPECT_EQ(recorded.operations()[second].result, "OK");
}

TEST(HistoryDeath, AnOperationFinishesOnce) {
  history recorded;
  const auto number = recorded.begin(set_of("a"));
  recorded.finish(number, 30, operation_outcome::refused);

  EXPECT_DEATH(recorded.finish(number, 31, operation_outcome::refused), "is_open_");
}

}  // namespace
}  // namespace mainstay::simulation
