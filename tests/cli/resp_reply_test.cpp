/// Replies as bytes, and as they are read.
#include "cli/resp_reply.hpp"

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

using kind = resp_reply::kind;

resp_reply text_of(kind type, std::string text) { return {type, std::move(text), 0, {}}; }

TEST(RespReply, EveryTypeIsRead) {
  EXPECT_EQ(parse_reply("+OK\r\n")->reply, text_of(kind::simple, "OK"));
  EXPECT_EQ(parse_reply("-UNKNOWN x\r\n")->reply, text_of(kind::error, "UNKNOWN x"));
  EXPECT_EQ(parse_reply(":-7\r\n")->reply, (resp_reply{kind::integer, {}, -7, {}}));
  EXPECT_EQ(parse_reply("$3\r\na\r\n\r\n")->reply, text_of(kind::bulk, "a\r\n"));
  EXPECT_EQ(parse_reply("$-1\r\n")->reply, resp_reply());
  EXPECT_EQ(
      parse_reply("*2\r\n:1\r\n+b\r\n")->reply,
      (resp_reply{
          kind::array, {}, 0, {resp_reply{kind::integer, {}, 1, {}}, text_of(kind::simple, "b")}}));
}

TEST(RespReply, TakesOnlyTheFirstReply) {
  EXPECT_EQ(parse_reply("+OK\r\n+next\r\n")->consumed, 5U);
}

TEST(RespReply, EveryTrueBeginningAsksForMore) {
  const std::string whole = "*2\r\n$5\r\nhello\r\n*1\r\n:12\r\n";

  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto parsed = parse_reply(whole.substr(0, length));

    ASSERT_TRUE(parsed) << length;
    EXPECT_EQ(parsed->consumed, 0U) << length;
  }
  EXPECT_EQ(parse_reply(whole)->consumed, whole.size());
}

TEST(RespReply, NonsenseIsMalformed) {
  for (const auto* text :
       {"\r\n", "hello\r\n", ":1x\r\n", ":\r\n", "$-2\r\n", "$3\r\nabcd\r\n", "*-2\r\n"}) {
    const auto parsed = parse_reply(text);

    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, error_code::malformed);
  }
}

TEST(RespReply, ClaimsBeyondTheLimitsAreRefusedBeforeTheBytesArrive) {
  EXPECT_FALSE(parse_reply("$99999999999\r\n"));
  EXPECT_FALSE(parse_reply("*99999999999\r\n"));
  EXPECT_FALSE(parse_reply("+" + std::string(100'000, 'x')));
  EXPECT_FALSE(parse_reply("*1\r\n*1\r\n*1\r\n:1\r\n", {.max_depth = 2}));
}

TEST(RespCommand, ArgumentsMayHoldAnyBytes) {
  EXPECT_EQ(encode_command({"SET", "a b", "\r\n"}),
            "*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$2\r\n\r\n\r\n");
}

}  // namespace
}  // namespace mainstay::cli
