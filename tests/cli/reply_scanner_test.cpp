/// The counting scanner against streams cut at every place.
#include "cli/reply_scanner.hpp"

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

/// Gives the stream in pieces of `size` bytes, as a connection's buffer would.
reply_counts scan_in_pieces(std::string_view stream, std::size_t size) {
  reply_scanner scanner;
  reply_counts counts;
  std::string buffer;
  for (std::size_t i = 0; i < stream.size(); i += size) {
    buffer += stream.substr(i, size);
    buffer.erase(0, scanner.scan(buffer, counts));
  }
  EXPECT_FALSE(scanner.malformed());
  EXPECT_EQ(buffer, "");
  return counts;
}

TEST(ReplyScanner, CountIsTheSameHoweverTheStreamIsCut) {
  const std::string stream =
      "+OK\r\n$5\r\n+OK\r\n\r\n$-1\r\n-UNAVAILABLE no leader\r\n:12\r\n$0\r\n\r\n+PONG\r\n"
      "-UNKNOWN\r\n-UNAVAILABLE stopping\r\n+OK\r\n";

  for (std::size_t size = 1; size <= stream.size(); ++size) {
    const auto counts = scan_in_pieces(stream, size);

    EXPECT_EQ(counts.succeeded, 7U) << size;
    EXPECT_EQ(counts.missing, 1U) << size;
    EXPECT_EQ(counts.failed, 3U) << size;
    ASSERT_EQ(counts.errors.size(), 2U) << size;
    EXPECT_EQ(counts.errors[0].word, "UNAVAILABLE");
    EXPECT_EQ(counts.errors[0].count, 2U) << size;
  }
}

TEST(ReplyScanner, NonsenseEndsTheCount) {
  for (const auto* text : {"hello\r\n", "+OK\rx", "$x\r\n", "$-2\r\n", "*1\r\n", "\r\n"}) {
    reply_scanner scanner;
    reply_counts counts;

    scanner.scan(text, counts);

    EXPECT_TRUE(scanner.malformed()) << text;
    EXPECT_EQ(counts.total(), 0U) << text;
  }
}

TEST(ReplyScanner, LineWithoutEndIsRefused) {
  reply_scanner scanner;
  reply_counts counts;

  scanner.scan("-" + std::string(100'000, 'x'), counts);

  EXPECT_TRUE(scanner.malformed());
}

TEST(ReplyScanner, KindsOfErrorsAreBounded) {
  reply_scanner scanner;
  reply_counts counts;
  std::string stream;
  for (int i = 0; i < 1000; ++i) stream += "-E" + std::to_string(i) + "\r\n";

  scanner.scan(stream, counts);

  EXPECT_EQ(counts.failed, 1000U);
  EXPECT_EQ(counts.errors.size(), 64U);
  EXPECT_EQ(counts.errors.back().word, "(other)");
  EXPECT_EQ(counts.errors.back().count, 1000U - 63U);
}

}  // namespace
}  // namespace mainstay::cli
