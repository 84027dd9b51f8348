/// Replies in both protocols, byte by byte.
#include "server/resp/reply_writer.hpp"

#include <string>

#include <gtest/gtest.h>

#include "mainstay/machines/key_value/answer.hpp"

namespace mainstay::resp {
namespace {

template <class Write>
std::string written(protocol p, Write write) {
  std::string out;
  reply_writer writer(out, p);
  write(writer);
  return out;
}

std::string of_answer(const shared_bytes& answer, protocol p = protocol::resp2) {
  return written(p, [&](reply_writer& w) { w.answer(answer.text()); });
}

std::string of_failure(const error& e) {
  return written(protocol::resp2, [&](reply_writer& w) { w.failure(e); });
}

TEST(ReplyWriter, NullAndMapDependOnTheProtocol) {
  const auto both = [](reply_writer& w) {
    w.map(1);
    w.bulk("k");
    w.null();
  };

  EXPECT_EQ(written(protocol::resp2, both), "*2\r\n$1\r\nk\r\n$-1\r\n");
  EXPECT_EQ(written(protocol::resp3, both), "%1\r\n$1\r\nk\r\n_\r\n");
}

TEST(ReplyWriter, AnswersOfEveryKind) {
  keyspace::answer_writer answers;

  EXPECT_EQ(of_answer(answers.ok()), "+OK\r\n");
  EXPECT_EQ(of_answer(answers.nil()), "$-1\r\n");
  EXPECT_EQ(of_answer(answers.nil(), protocol::resp3), "_\r\n");
  EXPECT_EQ(of_answer(answers.integer(-12)), ":-12\r\n");
  EXPECT_EQ(of_answer(answers.bytes("a\r\nb")), "$4\r\na\r\nb\r\n");
  EXPECT_EQ(of_answer(answers.status("string")), "+string\r\n");
  EXPECT_EQ(of_answer(answers.failure("ERR no")), "-ERR no\r\n");
}

TEST(ReplyWriter, ArraysOfArrays) {
  keyspace::answer_writer answers;
  answers.add_bytes("a");
  answers.add_nil();

  EXPECT_EQ(of_answer(answers.finish_array_after("0")),
            "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$-1\r\n");
}

TEST(ReplyWriter, AnswerThatNestsTooDeepIsAnError) {
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "\x05\x01";

  EXPECT_EQ(of_answer(shared_bytes::copy_of(nested)),
            "-ERR malformed answer of the state machine\r\n");
}

TEST(ReplyWriter, FailuresSayWhatIsKnownOfTheCommand) {
  EXPECT_EQ(of_failure({error_code::timed_out, "no answer within 5 s", {}}),
            "-UNKNOWN no answer within 5 s\r\n");
  EXPECT_EQ(of_failure({error_code::not_leader, "another node leads", node_id(2)}),
            "-UNAVAILABLE another node leads (node 2 leads)\r\n");
  EXPECT_EQ(of_failure({error_code::overloaded, "", {}}), "-UNAVAILABLE overloaded\r\n");
  EXPECT_EQ(of_failure({error_code::invalid_argument, "command is too long", {}}),
            "-ERR command is too long\r\n");
}

// Otherwise a key could be made to forge replies.
TEST(ReplyWriter, LineBreaksCannotEscapeFromALine) {
  EXPECT_EQ(written(protocol::resp2, [](reply_writer& w) { w.error("ERR a\r\n+OK\r\n"); }),
            "-ERR a  +OK  \r\n");
  EXPECT_EQ(written(protocol::resp2, [](reply_writer& w) { w.simple("a\nb"); }), "+a b\r\n");
}

}  // namespace
}  // namespace mainstay::resp
