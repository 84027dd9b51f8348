/// The RESP request parser: whatever the pieces that bytes arrive in, the same requests; and the
/// limits, checked on the claim.
#include "server/resp/request_parser.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mainstay::resp {
namespace {

using progress = request_parser::progress;
using request = std::vector<std::string>;

std::string encoded(const request& arguments) {
  std::string text = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments) {
    text += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return text;
}

/// What a stream gives when it arrives `step` bytes at a time, and how it ends.
struct parsed {
  std::vector<request> requests;
  std::string failure;
  std::size_t unread = 0;
};

parsed parse(std::string_view stream, std::size_t step, request_limits limits = {}) {
  request_parser parser(limits);
  parsed outcome;
  std::string buffer;
  while (!stream.empty()) {
    buffer += stream.substr(0, step);
    stream.remove_prefix(std::min(step, stream.size()));
    while (true) {
      // A fresh copy each time: the bytes may lie elsewhere on every call.
      std::string moved = buffer;
      const auto state = parser.next(moved);
      if (state == progress::broken) {
        outcome.failure = parser.failure();
        return outcome;
      }
      if (state == progress::incomplete) {
        buffer.erase(0, parser.consumed());
        break;
      }
      outcome.requests.emplace_back(parser.arguments().begin(), parser.arguments().end());
      buffer.erase(0, parser.consumed());
    }
  }
  outcome.unread = buffer.size();
  return outcome;
}

TEST(RequestParser, OverlongHeadIsRefusedHoweverItArrives) {
  const std::string stream = "*1\r\n$" + std::string(40, '0') + "4\r\nPING\r\n";

  EXPECT_FALSE(parse(stream, 1000).failure.empty());
  EXPECT_FALSE(parse(stream, 1).failure.empty());
}

TEST(RequestParser, ReadsPipelinedArrays) {
  const auto outcome = parse("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 1000);

  EXPECT_EQ(outcome.requests, (std::vector<request>{{"PING"}, {"GET", "k"}}));
  EXPECT_EQ(outcome.unread, 0U);
}

TEST(RequestParser, ArgumentsMayHoldAnyBytes) {
  const request odd{"SET", std::string("\r\n\0*$", 5), ""};

  EXPECT_EQ(parse(encoded(odd), 1).requests, (std::vector<request>{odd}));
}

TEST(RequestParser, LinesAreRequestsToo) {
  const auto outcome = parse("PING\r\nset k \"a b\"\n\r\n  \nGET k\r\n*1\r\n$4\r\nPING\r\n", 3);

  EXPECT_EQ(outcome.requests,
            (std::vector<request>{{"PING"}, {"set", "k", "a b"}, {"GET", "k"}, {"PING"}}));
}

TEST(RequestParser, EmptyArraysArePassedOver) {
  const auto outcome = parse("*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", 1);

  EXPECT_EQ(outcome.requests, (std::vector<request>{{"PING"}}));
}

TEST(RequestParser, RequestInTheMakingSaysHowMuchItNeeds) {
  request_parser parser({});

  ASSERT_EQ(parser.next("*2\r\n$3\r\nSET\r\n$1000\r\nabc"), progress::incomplete);

  EXPECT_EQ(parser.wanted(), 20U + 1000U + 2U);
}

TEST(RequestParser, BrokenStreamsAreToldAsRedisDoes) {
  const auto failure = [](std::string_view stream) { return parse(stream, 1000).failure; };

  EXPECT_EQ(failure("*x\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(failure("*1048577\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(failure("*99999999999999999999\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(failure("*1\r\n:1\r\n"), "Protocol error: expected '$', got ':'");
  EXPECT_EQ(failure("*1\r\n\x01"), "Protocol error: expected '$', got '?'");
  EXPECT_EQ(failure("*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(failure("*1\r\n$x\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(failure("*1\r\n$67108865\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(failure("*1\r\n$4\r\nPINGxx"), "Protocol error: expected CRLF after a bulk string");
  EXPECT_EQ(failure("*" + std::string(40, '1')), "Protocol error: too big mbulk count string");
  EXPECT_EQ(failure("*1\r\n$" + std::string(40, '1')), "Protocol error: too big bulk count string");
  EXPECT_EQ(failure("get \"k\r\n"), "Protocol error: unbalanced quotes in request");
  EXPECT_EQ(failure(std::string(70000, 'x')), "Protocol error: too big inline request");
  EXPECT_EQ(failure(std::string(70000, 'x') + "\n"), "Protocol error: too big inline request");
}

TEST(RequestParser, StaysBroken) {
  request_parser parser({});
  ASSERT_EQ(parser.next("*x\r\n"), progress::broken);

  EXPECT_EQ(parser.next("*1\r\n$4\r\nPING\r\n"), progress::broken);
}

// Hazard 124: a length is refused before room is made for it.
TEST(RequestParser, LimitsHoldOnTheClaimAlone) {
  request_limits limits;
  limits.arguments = 3;
  limits.argument_bytes = 10;
  limits.request_bytes = 40;

  EXPECT_EQ(parse("*4\r\n", 1, limits).failure, "Protocol error: invalid multibulk length");
  EXPECT_EQ(parse("*1\r\n$11\r\n", 1, limits).failure, "Protocol error: invalid bulk length");
  EXPECT_EQ(parse(encoded({"1234567890", "1234567890", "1234567890"}), 1, limits).failure,
            "Protocol error: request is longer than the limit");
  EXPECT_EQ(parse(encoded({"1234567890", "1234567890"}), 1, limits).requests.size(), 1U);
}

TEST(RequestParser, RequestsBeforeABrokenOneAreGiven) {
  const auto outcome = parse("*1\r\n$4\r\nPING\r\n*x\r\n", 1000);

  EXPECT_EQ(outcome.requests.size(), 1U);
  EXPECT_EQ(outcome.failure, "Protocol error: invalid multibulk length");
}

// A request of many arguments in small pieces must not be walked over from the start each time.
TEST(RequestParser, LargeRequestInSmallPiecesTakesLinearTime) {
  request large(200000, "x");
  const auto stream = encoded(large);
  request_parser parser({});
  auto state = progress::incomplete;

  for (std::size_t length = 0; length < stream.size(); length += 50) {
    state = parser.next(std::string_view(stream).substr(0, length));
    ASSERT_EQ(state, progress::incomplete);
  }
  state = parser.next(stream);

  ASSERT_EQ(state, progress::complete);
  EXPECT_EQ(parser.arguments().size(), 200000U);
}

RC_GTEST_PROP(RequestParser, PiecesDoNotMatter, (std::vector<request> requests)) {
  std::erase(requests, request{});
  std::string stream;
  for (const auto& each : requests) stream += encoded(each);
  const auto step = *rc::gen::inRange<std::size_t>(1, 20);

  const auto outcome = parse(stream, step);

  RC_ASSERT(outcome.failure == "");
  RC_ASSERT(outcome.requests == requests);
  RC_ASSERT(outcome.unread == 0U);
}

RC_GTEST_PROP(RequestParser, AnyBytesGiveTheSameInAnyPieces, ()) {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("*", "$", "1", "2", "0", "-", "\r\n", "\r", "\n", "a", " ",
                                    "\"", "'", "*2\r\n", "$1\r\na\r\n"));
  std::string stream;
  for (const auto& piece : pieces) stream += piece;

  const auto whole = parse(stream, stream.size() + 1);
  const auto single = parse(stream, 1);

  RC_ASSERT(whole.requests == single.requests);
  RC_ASSERT(whole.failure == single.failure);
}

}  // namespace
}  // namespace mainstay::resp
