/// Who is asked after a failure, and what is then said of the request.
#include "cli/request.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

const std::vector<endpoint> three{{"a", 1}, {"b", 2}, {"c", 3}};
const request a_write{{"SET", "k", "v"}, true, false};
const request a_read{{"GET", "k"}, false, false};

result<resp_reply> ok() { return resp_reply{resp_reply::kind::simple, "OK", 0, {}}; }
result<resp_reply> error_reply(std::string text) {
  return resp_reply{resp_reply::kind::error, std::move(text), 0, {}};
}
result<resp_reply> broken(error_code code) { return fail(code, "broken"); }

/// Answers with a script, and remembers who was asked.
struct scripted {
  std::deque<result<resp_reply>> answers;
  std::string asked;

  request_result send(const request& r) {
    return send_request(three, r, [this](const endpoint& server, const request&) {
      asked += server.host;
      auto answer = answers.front();
      answers.pop_front();
      return answer;
    });
  }
};

TEST(SeveralEndpoints, RefusedWriteGoesToTheNext) {
  scripted cluster{{broken(error_code::unreachable), error_reply("UNAVAILABLE no leader"), ok()},
                   {}};

  const auto reply = cluster.send(a_write);

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text, "OK");
  EXPECT_EQ(cluster.asked, "abc");
}

TEST(SeveralEndpoints, WriteWhoseOutcomeIsUnknownIsNeverSentAgain) {
  for (const auto& answer : {error_reply("UNKNOWN leadership lost"), broken(error_code::timed_out),
                             broken(error_code::disconnected), broken(error_code::malformed)}) {
    scripted cluster{{answer, ok(), ok()}, {}};

    const auto reply = cluster.send(a_write);

    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, exit_code::unknown);
    EXPECT_EQ(cluster.asked, "a");
  }
}

TEST(SeveralEndpoints, ReadIsAskedAgainWhateverHappened) {
  scripted cluster{{broken(error_code::timed_out), error_reply("UNKNOWN"), ok()}, {}};

  EXPECT_TRUE(cluster.send(a_read));
  EXPECT_EQ(cluster.asked, "abc");
}

TEST(SeveralEndpoints, ReadThatNobodyAnswersIsSurelyNotDone) {
  scripted cluster{
      {broken(error_code::timed_out), broken(error_code::unreachable), error_reply("UNAVAILABLE")},
      {}};

  const auto reply = cluster.send(a_read);

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, exit_code::unavailable);
}

TEST(SeveralEndpoints, CommandThatTheServerRefusesIsNotTriedElsewhere) {
  scripted cluster{{error_reply("ERR value too long"), ok()}, {}};

  const auto reply = cluster.send(a_write);

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, exit_code::invalid);
  EXPECT_EQ(cluster.asked, "a");
}

TEST(SeveralEndpoints, WordThatOnlyBeginsLikeUnavailableIsNotARefusal) {
  scripted cluster{{error_reply("UNAVAILABLEISH"), ok()}, {}};

  EXPECT_EQ(cluster.send(a_write).error().code, exit_code::invalid);
}

TEST(SeveralEndpoints, EveryRefusalIsTold) {
  scripted cluster{{broken(error_code::unreachable), error_reply("UNAVAILABLE no leader"),
                    error_reply("UNAVAILABLE stopping")},
                   {}};

  const auto reply = cluster.send(a_write);

  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, exit_code::unavailable);
  EXPECT_EQ(reply.error().message, "broken; b:2: UNAVAILABLE no leader; c:3: UNAVAILABLE stopping");
}

}  // namespace
}  // namespace mainstay::cli
