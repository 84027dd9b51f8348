/// RESP 2, as far as replies go.
#include "mainstay/client/reply.hpp"

#include <gtest/gtest.h>

namespace mainstay {
namespace {

const std::string all =
    "+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n$0\r\n\r\n*2\r\n:1\r\n*1\r\n+x\r\n*-1\r\n";

std::vector<reply> expected() {
  using type = reply::type;
  return {{type::text, "OK", 0, {}},
          {type::error, "ERR no", 0, {}},
          {type::integer, "", -7, {}},
          {type::text, "a\r\nbc", 0, {}},
          {},
          {type::text, "", 0, {}},
          {type::list,
           "",
           0,
           {{type::integer, "", 1, {}}, {type::list, "", 0, {{type::text, "x", 0, {}}}}}},
          {}};
}

TEST(ReplyReader, PiecesDoNotMatter) {
  for (std::size_t piece = 1; piece <= all.size(); ++piece) {
    reply_reader reader;
    std::vector<reply> found;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      reader.add(std::string_view(all).substr(at, piece));
      reply one;
      while (*reader.next(one)) found.push_back(one);
    }
    EXPECT_EQ(found, expected()) << piece;
  }
}

TEST(ReplyReader, NonsenseEndsTheStream) {
  for (const auto* text :
       {"\r\n", "?1\r\n", ":x\r\n", ":\r\n", "$-2\r\n", "$1\r\nabc\r\n", "$99999999999\r\n",
        "*99999999999\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
    reply_reader reader;
    reader.add(text);
    reply one;
    EXPECT_FALSE(reader.next(one)) << text;
  }
}

TEST(Request, IsAnArrayOfTexts) {
  std::string out = "before";
  const std::vector<std::string> words{"SET", "k", ""};

  append_command(out, words);

  EXPECT_EQ(out, "before*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
}

}  // namespace
}  // namespace mainstay
