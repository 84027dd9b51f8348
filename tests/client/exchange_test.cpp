/// What a client says and believes, without sockets: discovery, sessions, retries, outcomes.
#include "mainstay/client/exchange.hpp"

#include <map>

#include <gtest/gtest.h>

namespace mainstay::detail {
namespace {

using namespace std::chrono_literals;

const std::string leads = "$13\r\nrole:master\r\n\r\n";
const std::string follows = "$12\r\nrole:slave\r\n\r\n";

/// An exchange with three nodes, and the test in the place of sockets and clock.
struct Exchange : ::testing::Test {
  call_limits limits{.attempt = 2s, .pause = 50ms, .window = 3};
  exchange sut{limits, 3};
  instant now{1h};
  std::map<std::uint64_t, call_result> results;
  std::string said;
  std::optional<std::size_t> connecting;
  bool disconnected = false;

  void look() {
    auto todo = sut.take();
    disconnected = disconnected || todo.disconnect;
    if (todo.disconnect) said.clear();
    if (todo.connect_to) connecting = todo.connect_to;
    said += todo.bytes;
    for (auto& [ticket, what] : todo.completed) {
      EXPECT_TRUE(results.emplace(ticket, std::move(what)).second) << "completed twice";
    }
  }
  void advance(duration span = {}) {
    now += span;
    sut.advance(now);
    look();
  }
  void submit(std::uint64_t ticket, duration timeout = 60s, bool is_read = false) {
    sut.submit(ticket, {"INCR", "n" + std::to_string(ticket)}, is_read, now + timeout);
    advance();
  }
  void hear(std::string_view bytes) {
    sut.received(bytes, now);
    advance();
  }
  void lose() {
    sut.lost(now);
    advance();
  }
  /// The connection is there; everything up to the session is said and answered.
  void greet(std::string_view session = ":7\r\n") {
    ASSERT_TRUE(connecting);
    connecting.reset();
    said.clear();
    sut.connected(now);
    hear(leads);
    said.clear();
    hear(session);
  }
  /// How often the words stand in what was said.
  std::size_t count(std::string_view words) const {
    std::size_t found = 0;
    for (auto at = said.find(words); at != std::string::npos; at = said.find(words, at + 1)) {
      ++found;
    }
    return found;
  }
  call_outcome outcome(std::uint64_t ticket) const { return results.at(ticket).outcome; }
};

TEST_F(Exchange, ConnectsWithTheFirstCommandAndOpensASession) {
  advance();
  EXPECT_FALSE(connecting);
  submit(1);
  EXPECT_EQ(connecting, 0U);

  greet();

  EXPECT_EQ(sut.session(), 7U);
  EXPECT_EQ(count("$3\r\n1/1\r\n$4\r\nINCR\r\n$2\r\nn1\r\n"), 1U);
}

TEST_F(Exchange, AnswersCompleteTheirCommands) {
  submit(1);
  submit(2);
  greet();

  hear(":5\r\n-WRONGTYPE no\r\n");

  EXPECT_EQ(outcome(1), call_outcome::done);
  EXPECT_EQ(results.at(1).reply.number, 5);
  EXPECT_EQ(outcome(2), call_outcome::done);
  EXPECT_EQ(results.at(2).reply.kind, reply::type::error);
  EXPECT_TRUE(sut.is_idle());
}

TEST_F(Exchange, LooksForTheLeaderAndTakesAnyWhereThereIsNone) {
  submit(1);
  for (const std::size_t node : {0U, 1U}) {
    ASSERT_EQ(connecting, node);
    sut.connected(now);
    hear(follows);
    EXPECT_TRUE(std::exchange(disconnected, false));
  }
  ASSERT_EQ(connecting, 2U);
  sut.connected(now);
  hear(follows);

  EXPECT_FALSE(disconnected);
  EXPECT_EQ(count("OPEN"), 1U);
}

TEST_F(Exchange, LostConnectionGoesOnAtTheNextNodeWithTheSameSerials) {
  submit(1);
  submit(2);
  greet();
  hear(":1\r\n");

  lose();
  EXPECT_FALSE(connecting);
  advance(50ms);
  EXPECT_EQ(connecting, 1U);
  sut.connected(now);
  hear(leads);
  EXPECT_EQ(count("$3\r\nUSE\r\n$1\r\n7\r\n"), 1U);
  hear("+OK\r\n");

  EXPECT_EQ(count("$3\r\n2/2\r\n"), 1U);
  hear(":2\r\n");
  EXPECT_EQ(outcome(2), call_outcome::done);
}

TEST_F(Exchange, UnavailableIsTriedAgain) {
  submit(1);
  greet();

  hear("-UNAVAILABLE no leader is known\r\n");

  EXPECT_TRUE(disconnected);
  EXPECT_TRUE(results.empty());
  advance(50ms);
  greet("+OK\r\n");
  EXPECT_EQ(count("$3\r\n1/1\r\n"), 1U);
}

TEST_F(Exchange, DeadlineWithoutAnAttemptIsRefused) {
  submit(1, 1s);

  advance(1s);

  EXPECT_EQ(outcome(1), call_outcome::refused);
}

TEST_F(Exchange, DeadlineWhileUnderWayIsUnknown) {
  submit(1, 1s);
  greet();

  advance(1s);
  EXPECT_EQ(outcome(1), call_outcome::unknown);
  hear(":1\r\n");  // late; it belongs to nobody

  EXPECT_EQ(results.size(), 1U);
}

TEST_F(Exchange, DeadlineAfterRefusedAttemptsOnlyIsRefused) {
  submit(1, 1s);
  greet();
  hear("-UNAVAILABLE later\r\n");

  advance(1s);

  EXPECT_EQ(outcome(1), call_outcome::refused);
}

TEST_F(Exchange, DeadlineAfterAnUnknownAttemptIsUnknown) {
  submit(1, 1s);
  greet();
  hear("-UNKNOWN perhaps\r\n");

  advance(1s);

  EXPECT_EQ(outcome(1), call_outcome::unknown);
}

TEST_F(Exchange, SessionThatEndedRefusesWhatWasTriedOnceAndANewOneIsOpened) {
  submit(1);
  submit(2);
  greet();

  hear("-SESSIONEXPIRED gone\r\n-SESSIONEXPIRED gone\r\n");

  EXPECT_EQ(outcome(1), call_outcome::refused);
  EXPECT_EQ(outcome(2), call_outcome::refused);
  submit(3);
  EXPECT_EQ(count("OPEN"), 1U);
  hear(":9\r\n");
  EXPECT_EQ(sut.session(), 9U);
  EXPECT_EQ(count("$3\r\n1/1\r\n$4\r\nINCR\r\n$2\r\nn3\r\n"), 1U);  // serials begin anew
}

// Nobody would notice that it comes twice.
TEST_F(Exchange, WhatWasPerhapsAppliedDoesNotGoOnInANewSession) {
  submit(1);
  submit(2);
  greet();
  lose();
  advance(50ms);
  greet("+OK\r\n");

  hear("-SESSIONEXPIRED gone\r\n");
  EXPECT_EQ(outcome(1), call_outcome::unknown);
  lose();

  EXPECT_EQ(outcome(2), call_outcome::unknown);
}

TEST_F(Exchange, StaleSerialIsRefusedAtFirstAndUnknownLater) {
  submit(1);
  greet();
  hear("-STALESERIAL behind\r\n");
  EXPECT_EQ(outcome(1), call_outcome::refused);
  submit(2);
  lose();
  advance(50ms);
  greet("+OK\r\n");

  hear("-STALESERIAL behind\r\n");

  EXPECT_EQ(outcome(2), call_outcome::unknown);
}

TEST_F(Exchange, NoMoreIsUnderWayThanTheWindow) {
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) submit(ticket);
  greet();
  EXPECT_EQ(count("EXEC"), 3U);

  hear(":1\r\n");

  EXPECT_EQ(count("EXEC"), 4U);
  EXPECT_EQ(count("$3\r\n4/2\r\n"), 1U);
}

TEST_F(Exchange, SilenceEndsAnAttempt) {
  submit(1);
  advance(2s);
  EXPECT_TRUE(std::exchange(disconnected, false));  // never connected
  advance(50ms);
  EXPECT_EQ(connecting, 1U);
  greet();

  advance(2s);

  EXPECT_TRUE(disconnected);
}

TEST_F(Exchange, ReadsGoPlainlyAndAreNeverUnknown) {
  submit(1, 1s, true);
  greet();
  EXPECT_EQ(count("EXEC"), 0U);
  EXPECT_EQ(count("*2\r\n$4\r\nINCR\r\n$2\r\nn1\r\n"), 1U);
  lose();

  advance(1s);

  EXPECT_EQ(outcome(1), call_outcome::refused);
}

TEST_F(Exchange, AnswersThatNobodyAskedForEndTheConnection) {
  submit(1);
  greet();
  hear(":1\r\n");

  hear(":2\r\n");

  EXPECT_TRUE(disconnected);
}

TEST_F(Exchange, ClosingCompletesEverything) {
  submit(1);
  greet();
  for (std::uint64_t ticket = 2; ticket <= 4; ++ticket) submit(ticket);

  sut.abandon();
  look();

  EXPECT_EQ(outcome(1), call_outcome::unknown);
  EXPECT_EQ(outcome(4), call_outcome::refused);
}

TEST_F(Exchange, SaysHowFreshReadsAre) {
  limits.freshness = {"bounded", "100"};
  sut = exchange(limits, 3);
  submit(1, 60s, true);
  ASSERT_TRUE(connecting);
  sut.connected(now);
  hear(leads);
  EXPECT_EQ(count("$11\r\nCONSISTENCY\r\n$7\r\nbounded\r\n$3\r\n100\r\n"), 1U);
  said.clear();

  hear("+OK\r\n:7\r\n");

  EXPECT_EQ(count("INCR"), 1U);
}

TEST_F(Exchange, LeavesAServerThatDoesNotKnowThatFreshness) {
  limits.freshness = {"lease"};
  sut = exchange(limits, 3);
  submit(1, 60s, true);
  sut.connected(now);
  hear(leads);

  hear("-ERR syntax\r\n");

  EXPECT_TRUE(disconnected);
  EXPECT_TRUE(results.empty());
}

}  // namespace
}  // namespace mainstay::detail
