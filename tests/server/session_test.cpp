/// Sessions without sockets: replies in order, what waits for what, and limits. The gateway here
/// keeps every batch until the test answers it.
#include "server/session.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/node/session_table.hpp"

#include "server/dispatcher.hpp"
#include "server/server_machine.hpp"

namespace mainstay::server {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Keeps what it is asked.
class patient_gateway : public gateway {
 public:
  struct asked {
    lane way;
    std::vector<shared_bytes> payloads;
    outcomes_handler done;
    read_terms terms{};
    instant deadline{};
  };

  void submit(std::vector<shared_bytes> commands, instant, outcomes_handler done) override {
    pending.push_back({lane::write, std::move(commands), std::move(done)});
  }
  void submit_session_requests(std::vector<shared_bytes> requests, instant,
                               outcomes_handler done) override {
    pending.push_back({lane::session, std::move(requests), std::move(done)});
  }
  void query(std::vector<shared_bytes> requests, const read_terms& terms, instant deadline,
             outcomes_handler done) override {
    const bool stale = terms.level == consistency::stale;
    const auto way = stale ? lane::stale_read : lane::linearizable_read;
    pending.push_back({way, std::move(requests), std::move(done), terms, deadline});
  }
  log_index token() const override { return covered; }
  status_report status() override { return {}; }
  instant now() const override { return instant{}; }

  /// Carries out the batch at `position` and answers it.
  void answer(std::size_t position = 0) {
    auto batch = take(position);
    outcomes found;
    for (const auto& payload : batch.payloads) {
      if (batch.way == lane::session) {
        found.push_back(carry_out(payload));
        continue;
      }
      found.push_back(batch.way == lane::write ? machine.apply({log_index(1), {}, payload})
                                               : machine.query(payload));
    }
    batch.done(std::move(found));
  }
  void refuse(const error& why) {
    auto batch = take(0);
    batch.done(outcomes(batch.payloads.size(), std::unexpected(why)));
  }

  std::deque<asked> pending;
  log_index covered;
  server_machine machine;
  detail::session_table sessions;

 private:
  command_outcome carry_out(const shared_bytes& payload) {
    const auto request = decode_session_request(payload);
    if (!request) return std::unexpected(request.error());
    if (request->operation == session_operation::open) {
      sessions.open(41, request->limits, {});
      return encode_session_id(41);
    }
    if (request->operation == session_operation::close) {
      sessions.close(request->session, {});
      return shared_bytes{};
    }
    auto admitted = sessions.admit(*request, {});
    using verdict = detail::session_table::verdict;
    if (admitted.what == verdict::refused) return std::unexpected(std::move(admitted.why));
    if (admitted.what == verdict::answered) return std::move(admitted.answer);
    auto answer = machine.apply({log_index(1), {}, request->command});
    sessions.finish(request->session, request->serial, *answer);
    return answer;
  }
  asked take(std::size_t position) {
    auto batch = std::move(pending.at(position));
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(position));
    return batch;
  }
};

/// One client, whose unread bytes are presented again as a connection does.
class client : public outcome_sink, public std::enable_shared_from_this<client> {
 public:
  explicit client(session_context& context) : talk(context, 1) {}

  void send(std::string_view bytes) {
    unread_ += bytes;
    receive();
  }
  void on_outcomes(std::uint64_t run, std::span<command_outcome> found) override {
    talk.complete(run, found);
  }
  void on_delivered() override { receive(); }

  std::string replies() { return std::exchange(talk.output(), {}); }
  std::size_t unread() const { return unread_.size(); }

  session talk;

 private:
  void receive() {
    // Moved on every call: sessions must not keep views.
    std::string moved = unread_;
    const std::size_t used = talk.receive(moved, shared_from_this());
    unread_.erase(0, used);
  }

  std::string unread_;
};

class Session : public testing::Test {
 protected:
  /// The end of a turn: what has gathered is sent.
  std::size_t turn() {
    commands.flush();
    return cluster.pending.size();
  }
  /// Answers everything until nothing is asked any more.
  void settle() {
    while (turn() > 0) {
      cluster.answer();
      commands.drain();
    }
  }
  std::string talk(std::string_view line) {
    one->send(line);
    settle();
    return one->replies();
  }

  patient_gateway cluster;
  server_limits limits;
  server_counters counters;
  byte_arena arena;
  dispatcher commands{cluster, std::chrono::seconds(1), {[] {}, [] {}}};
  session_context context{cluster, commands, limits, counters, arena};
  std::shared_ptr<client> one = std::make_shared<client>(context);
  std::shared_ptr<client> two = std::make_shared<client>(context);
};

// ---- MAINSTAY SESSION: what outlives a connection ---------------------------------------------

TEST_F(Session, CommandSentAgainWithinALogSessionIsAnsweredAsTheFirstTime) {
  EXPECT_EQ(talk("MAINSTAY SESSION OPEN\n"), ":41\r\n");
  EXPECT_EQ(talk("MAINSTAY SESSION EXEC 1 INCR n\n"), ":1\r\n");
  EXPECT_EQ(talk("MAINSTAY SESSION EXEC 1 INCR n\nmainstay session exec 2 INCR n\n"),
            ":1\r\n:2\r\n");
  EXPECT_EQ(talk("MAINSTAY SESSION CLOSE\n"), "+OK\r\n");
  EXPECT_THAT(talk("MAINSTAY SESSION EXEC 1 INCR n\n"), StartsWith("-ERR no session"));
}

TEST_F(Session, LogSessionGoesOnAtAnotherConnection) {
  talk("MAINSTAY SESSION OPEN\nMAINSTAY SESSION EXEC 1 INCR n\n");
  two->send("MAINSTAY SESSION USE 41\nMAINSTAY SESSION EXEC 1 INCR n\nGET n\n");
  settle();

  EXPECT_EQ(two->replies(), "+OK\r\n:1\r\n$1\r\n1\r\n");
}

TEST_F(Session, WhatTheLogSessionRefusesSaysSo) {
  two->send("MAINSTAY SESSION USE 7\nMAINSTAY SESSION EXEC 1 INCR n\n");
  settle();
  talk("MAINSTAY SESSION OPEN\nMAINSTAY SESSION EXEC 5/5 INCR n\n");

  EXPECT_THAT(two->replies(), HasSubstr("-SESSIONEXPIRED "));
  EXPECT_THAT(talk("MAINSTAY SESSION EXEC 4 INCR n\n"), StartsWith("-STALESERIAL "));
  EXPECT_EQ(counters.refused, 2u);
}

// An opening names what follows it; commands within are one batch.
TEST_F(Session, CommandsBehindAnOpeningWaitForItAndArePipelined) {
  one->send(
      "MAINSTAY SESSION OPEN\nMAINSTAY SESSION EXEC 1 INCR n\nMAINSTAY SESSION EXEC 2 INCR n\n"
      "MAINSTAY SESSION CLOSE\n");
  ASSERT_EQ(turn(), 1u);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 1u);
  cluster.answer();
  commands.drain();
  ASSERT_EQ(turn(), 1u);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 2u);
  settle();

  EXPECT_EQ(one->replies(), ":41\r\n:1\r\n:2\r\n+OK\r\n");
}

// There is no order between the two ways into the log.
TEST_F(Session, CommandsWithinAndWithoutWaitForEachOther) {
  talk("MAINSTAY SESSION OPEN\n");
  one->send("SET a 1\nMAINSTAY SESSION EXEC 1 SET a 2\nSET a 3\nGET a\n");

  for (const auto way : {lane::write, lane::session, lane::write}) {
    ASSERT_EQ(turn(), 1u);
    EXPECT_EQ(cluster.pending[0].way, way);
    cluster.answer();
    commands.drain();
  }
  settle();
  EXPECT_EQ(one->replies(), "+OK\r\n+OK\r\n+OK\r\n$1\r\n3\r\n");
}

TEST_F(Session, ReadsWaitForCommandsWithinALogSessionAndTheyForReads) {
  talk("MAINSTAY SESSION OPEN\n");
  one->send("MAINSTAY SESSION EXEC 1 SET a 2\nGET a\nMAINSTAY SESSION EXEC 2 GETSET a 3\n");

  for (const auto way : {lane::session, lane::linearizable_read, lane::session}) {
    ASSERT_EQ(turn(), 1u);
    EXPECT_EQ(cluster.pending[0].way, way);
    cluster.answer();
    commands.drain();
  }
  EXPECT_EQ(one->replies(), "+OK\r\n$1\r\n2\r\n$1\r\n2\r\n");
}

TEST_F(Session, OpeningThatFailsBindsNothing) {
  one->send("MAINSTAY SESSION OPEN\nMAINSTAY SESSION EXEC 1 INCR n\n");
  turn();
  cluster.refuse({error_code::not_leader, "no leader is known", {}});
  commands.drain();
  settle();

  const auto replies = one->replies();
  EXPECT_THAT(replies, StartsWith("-UNAVAILABLE no leader is known"));
  EXPECT_THAT(replies, HasSubstr("-ERR no session"));
}

TEST_F(Session, WordsThatMakeNoSessionCommandAreRefused) {
  const auto refused = [&](std::string line) {
    return talk("MAINSTAY SESSION " + line + "\n").starts_with("-ERR");
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("CLOSE"));  // nothing is bound
  talk("MAINSTAY SESSION OPEN\n");

  for (const auto* line :
       {"OPEN 1", "USE", "USE x", "USE 0", "EXEC", "EXEC 1", "EXEC 0 INCR n", "EXEC x INCR n",
        "EXEC 1/ INCR n", "EXEC 1/0 INCR n", "EXEC 1 NOSUCH", "EXEC 1 INCR", "EXEC 1 PING",
        "EXEC 1 KEYS *", "EXEC 1 MAINSTAY SESSION OPEN", "CLOSE now", "FORGET"}) {
    EXPECT_TRUE(refused(line)) << line;
  }
  EXPECT_TRUE(cluster.pending.empty());
}

TEST_F(Session, PipelineOfWritesIsOneBatch) {
  one->send("SET a 1\nSET b 2\nINCR a\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 3U);
  cluster.answer();
  commands.drain();
  EXPECT_EQ(one->replies(), "+OK\r\n+OK\r\n:2\r\n");
}

TEST_F(Session, ConnectionsOfOneTurnShareABatch) {
  one->send("SET a 1\n");
  two->send("SET b 2\n");
  one->send("GET x y\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 2U);
}

TEST_F(Session, WritesGoOnWithoutWaitingForEarlierBatches) {
  one->send("SET a 1\n");
  turn();
  one->send("SET a 2\n");

  EXPECT_EQ(turn(), 2U);
}

// Batches may be answered in any order; the client must not notice.
TEST_F(Session, RepliesKeepTheOrderOfCommandsWhateverIsAnsweredFirst) {
  one->send("INCR n\n");
  turn();
  one->send("PING\nINCR n\nPING x\n");
  turn();

  cluster.answer(1);
  commands.drain();
  EXPECT_EQ(one->replies(), "");
  cluster.answer(0);
  commands.drain();

  EXPECT_EQ(one->replies(), ":2\r\n+PONG\r\n:1\r\n$1\r\nx\r\n");
}

TEST_F(Session, ReadBehindAWriteGoesThroughTheLogAfterIt) {
  one->send("SET a 1\nGET a\nSET a 2\nGET a\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].way, lane::write);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 4U);
  cluster.answer();
  commands.drain();
  EXPECT_EQ(one->replies(), "+OK\r\n$1\r\n1\r\n+OK\r\n$1\r\n2\r\n");
}

TEST_F(Session, ReadWithoutWritesBeforeItIsAQuery) {
  one->send("GET a\nMGET a b\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].way, lane::linearizable_read);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 2U);
}

TEST_F(Session, WriteBehindAReadWaitsForIt) {
  one->send("GET a\nSET a 1\n");
  ASSERT_EQ(turn(), 1U);
  EXPECT_TRUE(one->talk.is_waiting());

  cluster.answer();
  commands.drain();
  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].way, lane::write);
  EXPECT_EQ(one->replies(), "$-1\r\n");
}

TEST_F(Session, ReadOverManyKeysWaitsForTheWritesBeforeIt) {
  one->send("SET a 1\nDBSIZE\n");
  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 1U);

  settle();

  EXPECT_EQ(one->replies(), "+OK\r\n:1\r\n");
}

TEST_F(Session, StaleReadsWaitForNothing) {
  one->send("MAINSTAY CONSISTENCY stale\nSET a 1\nGET a\nSET a 2\n");

  ASSERT_EQ(turn(), 2U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 2U);
  EXPECT_EQ(cluster.pending[1].way, lane::stale_read);
  EXPECT_EQ(talk("MAINSTAY CONSISTENCY linearizable\nMAINSTAY CONSISTENCY\n"),
            "+OK\r\n+OK\r\n$1\r\n2\r\n+OK\r\n+OK\r\n$12\r\nlinearizable\r\n");
}

// Only a place in the log has a time; a stale read takes that of the last entry applied here.
TEST_F(Session, ReadOfTheTimeLeftGoesThroughTheLog) {
  one->send("TTL a\n");
  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].way, lane::write);
  cluster.answer();
  commands.drain();
  EXPECT_EQ(one->replies(), ":-2\r\n");

  one->send("GET a\nPTTL a\n");
  ASSERT_EQ(turn(), 1U);
  EXPECT_TRUE(one->talk.is_waiting());
  settle();
  one->send("MAINSTAY CONSISTENCY stale\nTTL a\nEXPIRETIME a\n");
  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].way, lane::stale_read);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 2U);
}

TEST_F(Session, ReadsHaveTheFreshnessThatTheClientAsksFor) {
  one->send("MAINSTAY CONSISTENCY lease\nGET a\nMAINSTAY CONSISTENCY bounded 250\nGET a\n");

  ASSERT_EQ(turn(), 2U);
  EXPECT_EQ(cluster.pending[0].terms.level, consistency::lease);
  EXPECT_EQ(cluster.pending[1].terms.level, consistency::bounded);
  EXPECT_EQ(cluster.pending[1].terms.max_age, std::chrono::milliseconds(250));
  EXPECT_EQ(talk("MAINSTAY CONSISTENCY\n"), "+OK\r\n$-1\r\n+OK\r\n$-1\r\n$7\r\nbounded\r\n");
}

TEST_F(Session, ReadsOfOtherTermsTravelApart) {
  one->send(
      "MAINSTAY CONSISTENCY bounded 1\nGET a\nMAINSTAY CONSISTENCY bounded 2\nGET a\nGET b\n");

  ASSERT_EQ(turn(), 2U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 1U);
  EXPECT_EQ(cluster.pending[1].payloads.size(), 2U);
}

TEST_F(Session, ATokenCoversWhatTheClientWasAnswered) {
  cluster.covered = log_index(7);
  one->send("SET a 1\nMAINSTAY TOKEN\n");
  turn();
  EXPECT_TRUE(one->talk.is_waiting());
  settle();
  EXPECT_EQ(one->replies(), "+OK\r\n:7\r\n");

  one->send("MAINSTAY TOKEN 9\nMAINSTAY TOKEN 3\nMAINSTAY CONSISTENCY token\nGET a\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].terms.level, consistency::token);
  EXPECT_EQ(cluster.pending[0].terms.least, log_index(9));
}

TEST_F(Session, WaitEndsWithTheIndexOrWithItsTime) {
  one->send("MAINSTAY WAIT 12 300\n");
  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].terms.least, log_index(12));
  EXPECT_EQ(cluster.pending[0].deadline, instant(std::chrono::milliseconds(300)));
  cluster.answer();
  commands.drain();
  EXPECT_EQ(one->replies(), ":12\r\n");

  one->send("MAINSTAY WAIT 13\n");
  ASSERT_EQ(turn(), 1U);
  cluster.refuse({error_code::timed_out, "the deadline passed", {}});
  commands.drain();
  EXPECT_EQ(one->replies(), "$-1\r\n");
}

TEST_F(Session, FreshnessThatCannotBeReadIsRefused) {
  for (const auto* words :
       {"CONSISTENCY bounded", "CONSISTENCY bounded -1", "CONSISTENCY fresh", "CONSISTENCY lease 5",
        "TOKEN x", "TOKEN 1 2", "WAIT", "WAIT 1 0", "WAIT 99999999999999999999"}) {
    EXPECT_THAT(talk("MAINSTAY " + std::string(words) + "\n"), StartsWith("-ERR ")) << words;
  }
}

TEST_F(Session, HelloWaitsUntilEarlierRepliesAreWritten) {
  one->send("GET a\nHELLO 3\nGET a\n");
  turn();
  EXPECT_TRUE(one->talk.is_waiting());

  settle();

  const auto replies = one->replies();
  EXPECT_THAT(replies, StartsWith("$-1\r\n%7\r\n"));
  EXPECT_TRUE(replies.ends_with("_\r\n"));
}

TEST_F(Session, FailuresSayWhatIsKnown) {
  one->send("SET a 1\n");
  turn();
  cluster.refuse({error_code::timed_out, "the deadline passed", {}});
  commands.drain();
  EXPECT_EQ(one->replies(), "-UNKNOWN the deadline passed\r\n");

  one->send("SET a 1\nGET a\n");
  turn();
  cluster.refuse({error_code::not_leader, "no leader is known", node_id(3)});
  commands.drain();
  EXPECT_EQ(one->replies(),
            "-UNAVAILABLE no leader is known (node 3 leads)\r\n"
            "-UNAVAILABLE no leader is known (node 3 leads)\r\n");
  EXPECT_EQ(counters.unknown, 1U);
  EXPECT_EQ(counters.refused, 2U);
}

TEST_F(Session, OutstandingCommandsAreBoundedInBytes) {
  limits.pipeline_bytes = 1024;
  for (int i = 0; i < 100; ++i) one->send("SET key value\n");
  turn();

  EXPECT_TRUE(one->talk.is_waiting());
  EXPECT_GT(one->unread(), 0U);
  EXPECT_LT(cluster.pending[0].payloads.size(), 20U);
  settle();
  EXPECT_EQ(one->replies().size(), 100 * 5U);
}

// Replies that wait behind an unanswered command take memory too.
TEST_F(Session, HeldBackRepliesAreBoundedInBytes) {
  one->send("SET a 1\n");
  turn();
  const std::string echo = "ECHO " + std::string(1000, 'x') + "\n";
  for (int i = 0; i < 5000; ++i) one->send(echo);

  EXPECT_TRUE(one->talk.is_waiting());
  EXPECT_GT(one->unread(), 5000 * echo.size() - (2 << 20));
  settle();
  std::string all;
  while (one->talk.is_waiting() || one->talk.output().size() > 0) {
    all += one->replies();
    one->on_delivered();
  }
  EXPECT_EQ(all.size(), 5 + 5000 * 1009U);
}

// Commands of a few bytes can ask for answers of gigabytes.
TEST_F(Session, LargeAnswersAreBuiltOnlyAsFastAsTheClientTakesThem) {
  const std::string large(1 << 20, 'x');
  one->send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n" + large + "\r\n");
  settle();
  EXPECT_EQ(one->replies(), "+OK\r\n");
  std::string pipeline;
  for (int i = 0; i < 1000; ++i) pipeline += "GET k\n";

  one->send(pipeline);
  std::size_t most_asked = 0;
  std::size_t most_built = 0;
  std::size_t taken = 0;
  while (taken < 1000 * (large.size() + 12)) {
    while (turn() > 0) {
      most_asked = std::max(most_asked, cluster.pending[0].payloads.size());
      cluster.answer();
      commands.drain();
    }
    ASSERT_FALSE(one->talk.output().empty());
    most_built = std::max(most_built, one->talk.output().size());
    taken += one->replies().size();
    one->send("");
  }

  EXPECT_LE(most_asked, 16U);
  EXPECT_LE(most_built, 17U << 20);
  EXPECT_EQ(taken, 1000 * (large.size() + 12));
}

TEST_F(Session, SmallAnswersOpenTheWindowWithinAFewRounds) {
  talk("SET k v\n");
  for (int round = 0; round < 8; ++round) talk("GET k\n");
  for (int i = 0; i < 1000; ++i) one->send("GET k\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 1000U);
}

TEST_F(Session, OneLargeAnswerClosesTheWindowAgain) {
  const std::string large(1 << 20, 'x');
  one->send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n" + large + "\r\n");
  for (int round = 0; round < 8; ++round) talk("GET nothing\n");
  talk("GET k\n");
  for (int i = 0; i < 1000; ++i) one->send("GET k\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_LE(cluster.pending[0].payloads.size(), 5U);
}

TEST_F(Session, FailuresDoNotOpenTheWindow) {
  talk("SET k v\n");
  for (int round = 0; round < 8; ++round) {
    one->send("GET k\n");
    turn();
    cluster.refuse({error_code::timed_out, "the deadline passed", {}});
    commands.drain();
  }
  for (int i = 0; i < 1000; ++i) one->send("GET k\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 16U);
}

TEST_F(Session, MgetCountsEveryValue) {
  one->send("MGET 1 2 3 4 5 6 7 8\nMGET 1 2 3 4 5 6 7 8\nGET 1\nGET 2\n");

  ASSERT_EQ(turn(), 1U);
  EXPECT_EQ(cluster.pending[0].payloads.size(), 2U);
  settle();
  EXPECT_FALSE(one->talk.is_waiting());
}

TEST_F(Session, WalksOverTheKeysGoOneByOne) {
  one->send("KEYS *\nSCAN 0\nKEYS *\nDBSIZE\n");

  for (int asked = 0; asked < 2; ++asked) {
    ASSERT_EQ(turn(), 1U);
    EXPECT_EQ(cluster.pending[0].payloads.size(), 1U);
    cluster.answer();
    commands.drain();
  }
  settle();
  EXPECT_EQ(one->replies(), "*0\r\n*2\r\n$1\r\n0\r\n*0\r\n*0\r\n:0\r\n");
}

TEST_F(Session, BrokenStreamIsAnsweredInOrderAndThenClosed) {
  one->send("SET a 1\n*1\r\n:1\r\nSET b 1\n");
  EXPECT_TRUE(one->talk.is_closing());

  settle();

  EXPECT_EQ(one->replies(), "+OK\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  EXPECT_EQ(cluster.machine.size(), 1U);
}

TEST_F(Session, QuitAnswersAndTakesNothingMore) {
  EXPECT_EQ(talk("QUIT\nSET a 1\n"), "+OK\r\n");
  EXPECT_TRUE(one->talk.is_closing());
  EXPECT_EQ(cluster.machine.size(), 0U);
}

// A web page must not be able to talk through a browser's POST.
TEST_F(Session, HttpRequestsCloseTheConnection) {
  EXPECT_EQ(talk("POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n"), "");
  EXPECT_TRUE(one->talk.is_closing());
}

TEST_F(Session, UnknownCommandsAndWrongArityAreErrorsAsInRedis) {
  EXPECT_EQ(talk("nosuch a b\n"),
            "-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' \r\n");
  EXPECT_EQ(talk("GET\n"), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(talk("ping a b\n"), "-ERR wrong number of arguments for 'ping' command\r\n");
  EXPECT_EQ(counters.errors, 3U);
}

TEST_F(Session, LongUnknownCommandsAreNotRepeatedWhole) {
  const auto reply = talk(std::string(5000, 'x') + " " + std::string(5000, 'y') + "\n");

  EXPECT_LT(reply.size(), 500U);
}

TEST_F(Session, CommandsHaveRedisAnswers) {
  EXPECT_EQ(talk("SET k v NX\nSET k w NX\nSET k w XX GET\nGETSET k x\nGETDEL k\nGET k\n"),
            "+OK\r\n$-1\r\n$1\r\nv\r\n$1\r\nw\r\n$1\r\nx\r\n$-1\r\n");
  EXPECT_EQ(talk("SETNX n 5\nSETNX n 6\nINCRBY n 5\nDECR n\nDECRBY n 9\nAPPEND n 0\nSTRLEN n\n"),
            ":1\r\n:0\r\n:10\r\n:9\r\n:0\r\n:2\r\n:2\r\n");
  EXPECT_EQ(talk("MSET a 1 b 2\nEXISTS a b c\nTYPE a\nTYPE c\nDEL a b n\nDBSIZE\n"),
            "+OK\r\n:2\r\n+string\r\n+none\r\n:3\r\n:0\r\n");
  EXPECT_EQ(talk("SET k v IFEQ x\nSET k v\nSET k w IFEQ v\nKEYS *\nSCAN 0 MATCH k COUNT 5\n"),
            "$-1\r\n+OK\r\n+OK\r\n*1\r\n$1\r\nk\r\n*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n");
  EXPECT_EQ(talk("FLUSHALL\nSELECT 0\nSELECT 1\nECHO hi\n"),
            "+OK\r\n+OK\r\n-ERR DB index is out of range\r\n$2\r\nhi\r\n");
}

TEST_F(Session, ConfigGetTellsWhatBenchmarksAsk) {
  EXPECT_EQ(talk("CONFIG GET save\nCONFIG GET APPENDONLY\nCONFIG GET nosuch\n"),
            "*2\r\n$4\r\nsave\r\n$0\r\n\r\n*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n*0\r\n");
}

TEST_F(Session, ClientsMayNameThemselves) {
  EXPECT_EQ(talk("CLIENT SETNAME bob\nCLIENT GETNAME\nCLIENT ID\nCLIENT SETINFO LIB-NAME x\n"),
            "+OK\r\n$3\r\nbob\r\n:1\r\n+OK\r\n");
  EXPECT_THAT(talk("CLIENT SETNAME \"a b\"\n"), StartsWith("-ERR Client names cannot"));
  EXPECT_THAT(talk("CLIENT KILL x\n"), StartsWith("-ERR unknown subcommand 'KILL'"));
}

TEST_F(Session, HelloRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(talk("HELLO 4\n"), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_THAT(talk("HELLO 3 AUTH a b\n"), StartsWith("-ERR AUTH is not supported"));
  EXPECT_THAT(talk("HELLO 2 SETNAME me\n"), StartsWith("*14\r\n"));
  EXPECT_EQ(one->talk.name, "me");
}

TEST_F(Session, InfoHasSections) {
  EXPECT_THAT(talk("INFO\n"), HasSubstr("# Raft\r\nraft_id:0\r\n"));
  EXPECT_THAT(talk("INFO clients\n"), testing::Not(HasSubstr("# Raft")));
}

TEST_F(Session, LogsAndLocksAreCommandsOfTheCluster) {
  EXPECT_EQ(talk("XADD log 1-1 f v\n"), "$3\r\n1-1\r\n");
  EXPECT_EQ(talk("XRANGE log - +\n"), "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
  EXPECT_EQ(talk("MAINSTAY LOCK door ann 1000\n"), "*2\r\n:1\r\n:0\r\n");
  EXPECT_EQ(talk("MAINSTAY UNLOCK door\n"),
            "-ERR wrong number of arguments for 'mainstay|unlock' command\r\n");
  EXPECT_EQ(talk("mainstay unlock door ann\n"), ":1\r\n");
  EXPECT_THAT(talk("MAINSTAY\n"), StartsWith("-ERR wrong number"));
  EXPECT_THAT(talk("MAINSTAY NOTHING\n"), StartsWith("-ERR syntax"));
}

TEST_F(Session, CommandTellsTheTable) {
  EXPECT_THAT(talk("COMMAND\n"), StartsWith("*46\r\n*6\r\n$6\r\nappend\r\n:3\r\n*1\r\n+write\r\n"));
  EXPECT_EQ(talk("COMMAND COUNT\n"), ":46\r\n");
  EXPECT_EQ(talk("COMMAND INFO nosuch\n"), "*1\r\n$-1\r\n");
}

}  // namespace
}  // namespace mainstay::server
