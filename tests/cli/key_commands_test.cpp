/// put, get and delete: what is sent, what is printed, and with which status they end.
#include "cli/key_commands.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

using kind = resp_reply::kind;

/// A server that gives one answer, and the streams that a command prints to.
struct one_answer {
  result<resp_reply> answer = resp_reply();
  std::vector<std::string> sent;
  bool stale = false;
  std::ostringstream out;
  std::ostringstream err;
  common_options common{{endpoint{"a", 1}}, {}, std::chrono::seconds(1), false};

  sender send() {
    return [this](const endpoint&, const request& r) {
      sent = r.arguments;
      stale = r.stale;
      return answer;
    };
  }
  output to(bool json = false) { return {out, err, json}; }
};

TEST(PutCommand, ConditionsBecomeArgumentsOfSet) {
  one_answer server{.answer = resp_reply{kind::simple, "OK", 0, {}}};

  run_put(server.common, {"k", "v", put_condition::always, {}}, server.to(), server.send());
  EXPECT_EQ(server.sent, (std::vector<std::string>{"SET", "k", "v"}));
  run_put(server.common, {"k", "v", put_condition::if_absent, {}}, server.to(), server.send());
  EXPECT_EQ(server.sent.back(), "NX");
  run_put(server.common, {"k", "v", put_condition::if_present, {}}, server.to(), server.send());
  EXPECT_EQ(server.sent.back(), "XX");
  run_put(server.common, {"k", "v", put_condition::if_equals, "w"}, server.to(), server.send());
  EXPECT_EQ(server.sent, (std::vector<std::string>{"SET", "k", "v", "IFEQ", "w"}));
}

TEST(PutCommand, WriteIsDone) {
  one_answer server{.answer = resp_reply{kind::simple, "OK", 0, {}}};

  const auto code = run_put(server.common, {"k", "v", {}, {}}, server.to(), server.send());

  EXPECT_EQ(code, exit_code::done);
  EXPECT_EQ(server.out.str(), "OK\n");
}

TEST(PutCommand, ConditionThatDoesNotHoldIsNotFound) {
  one_answer server;

  const auto code = run_put(server.common, {"k", "v", put_condition::if_absent, {}},
                            server.to(true), server.send());

  EXPECT_EQ(code, exit_code::not_found);
  EXPECT_EQ(server.out.str(), "{\"outcome\":\"done\",\"written\":false}\n");
}

TEST(PutCommand, ReplyOfTheWrongTypeLeavesTheOutcomeUnknown) {
  one_answer server{.answer = resp_reply{kind::integer, {}, 1, {}}};

  EXPECT_EQ(run_put(server.common, {"k", "v", {}, {}}, server.to(), server.send()),
            exit_code::unknown);
}

TEST(PutCommand, UnknownOutcomeIsSaidInWords) {
  one_answer server{.answer = fail(error_code::timed_out, "no answer within 5 ms")};

  const auto code = run_put(server.common, {"k", "v", {}, {}}, server.to(), server.send());

  EXPECT_EQ(code, exit_code::unknown);
  EXPECT_EQ(server.err.str(),
            "mainstayctl: UNKNOWN: it may have happened, or may yet: a:1: no answer within 5 ms\n");
}

TEST(GetCommand, ValueIsPrintedAsItIs) {
  one_answer server{.answer = resp_reply{kind::bulk, "a\nb", 0, {}}};

  EXPECT_EQ(run_get(server.common, {"k", false, false}, server.to(), server.send()),
            exit_code::done);
  EXPECT_EQ(server.out.str(), "a\nb\n");
  server.out.str("");
  run_get(server.common, {"k", false, true}, server.to(), server.send());
  EXPECT_EQ(server.out.str(), "a\nb");
}

TEST(GetCommand, MissingKeyIsNotFoundAndPrintsNothing) {
  one_answer server;

  EXPECT_EQ(run_get(server.common, {"k", false, false}, server.to(), server.send()),
            exit_code::not_found);
  EXPECT_EQ(server.out.str(), "");
}

TEST(GetCommand, JsonShowsBytesThatAreNoTextInHexadecimal) {
  one_answer server{.answer = resp_reply{kind::bulk, "\xff\x01", 0, {}}};

  run_get(server.common, {"k", false, false}, server.to(true), server.send());

  EXPECT_EQ(server.out.str(), "{\"outcome\":\"done\",\"found\":true,\"value_hex\":\"ff01\"}\n");
}

TEST(GetCommand, StaleReadIsAskedForOnlyOnRequest) {
  one_answer server;

  run_get(server.common, {"k", false, false}, server.to(), server.send());
  EXPECT_FALSE(server.stale);
  run_get(server.common, {"k", true, false}, server.to(), server.send());
  EXPECT_TRUE(server.stale);
}

TEST(DeleteCommand, TellsHowManyKeysWereThere) {
  one_answer server{.answer = resp_reply{kind::integer, {}, 1, {}}};

  EXPECT_EQ(run_delete(server.common, {{"k", "l"}}, server.to(), server.send()), exit_code::done);
  EXPECT_EQ(server.sent, (std::vector<std::string>{"DEL", "k", "l"}));
  EXPECT_EQ(server.out.str(), "deleted 1\n");
}

TEST(DeleteCommand, NoKeyThereIsNotFound) {
  one_answer server{.answer = resp_reply{kind::integer, {}, 0, {}}};

  EXPECT_EQ(run_delete(server.common, {{"k"}}, server.to(), server.send()), exit_code::not_found);
}

TEST(FailedCommand, JsonNamesTheOutcome) {
  one_answer server{.answer = resp_reply{kind::error, "UNAVAILABLE no leader", 0, {}}};

  const auto code = run_delete(server.common, {{"k"}}, server.to(true), server.send());

  EXPECT_EQ(code, exit_code::unavailable);
  EXPECT_EQ(server.out.str(),
            "{\"outcome\":\"unavailable\",\"error\":\"a:1: UNAVAILABLE no leader\"}\n");
}

}  // namespace
}  // namespace mainstay::cli
