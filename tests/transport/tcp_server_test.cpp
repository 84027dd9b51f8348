/// The server against peers that are wrong, hostile, silent or slow.
#include "mainstay/transport/tcp/tcp_server.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/transport/raw_peer.hpp"
#include "tests/transport/tcp_world.hpp"

namespace mainstay {
namespace {

using namespace testing_tcp;
using tcp::frame_kind;
using tcp::refusal;

class TcpServer : public testing::Test {
 protected:
  void start() {
    server_ = std::make_unique<server>(loop_.io, *check(options_), logger_ref(logger_));
    ASSERT_TRUE(server_->start([this](node_id, group_id, rpc_request, responder respond) {
      held_.push_back(std::move(respond));
      if (answering_) held_.back()(core::read_index_response{term(1), true, log_index(1)});
    }));
  }
  std::unique_ptr<raw_peer> dial() {
    return std::make_unique<raw_peer>(loop_.io, server_->local_address());
  }
  /// A connection whose handshake is over.
  std::unique_ptr<raw_peer> greeted(const tcp::greeting& g = usual_greeting()) {
    auto peer = dial();
    peer->write(hello_text(g));
    EXPECT_TRUE(loop_.run_until([&] { return !peer->frames().empty(); }));
    EXPECT_EQ(peer->frames().at(0).header.kind, frame_kind::welcome);
    return peer;
  }
  bool closes(const raw_peer& peer) {
    return loop_.run_until([&] { return peer.closed(); });
  }
  /// The server still serves who behaves.
  void expect_alive() {
    answering_ = true;
    auto peer = greeted();
    peer->write(request_text(5, core::read_index{term(1)}));
    EXPECT_TRUE(loop_.run_until([&] { return peer->frames().size() == 2; }));
    EXPECT_EQ(peer->frames().at(1).header.call, 5U);
  }
  /// What the server answers to a greeting, after which it must close.
  std::optional<refusal> refusal_of(const tcp::greeting& g) {
    auto peer = dial();
    peer->write(hello_text(g));
    EXPECT_TRUE(closes(*peer));
    return peer->refusal();
  }

  loop loop_;
  remembering_logger logger_;
  tcp_options options_ = options_of(2);
  std::unique_ptr<server> server_;
  std::vector<responder> held_;
  bool answering_ = true;
};

TEST_F(TcpServer, AGoodHandshakeIsWelcomedWithTheServersOwnIdentity) {
  start();

  const auto peer = greeted();

  const auto welcome = tcp::decode_greeting(peer->frames().at(0).body.span());
  ASSERT_TRUE(welcome);
  EXPECT_EQ(welcome->sender, node_id(2));
  EXPECT_EQ(welcome->receiver, node_id(1));
  EXPECT_EQ(welcome->disk, incarnation(102));
  EXPECT_EQ(welcome->max_version, 1);
}

TEST_F(TcpServer, EveryMismatchIsRefusedWithItsReasonAndOneLine) {
  start();
  const std::map<refusal, std::function<void(tcp::greeting&)>> mismatches = {
      {refusal::version, [](auto& g) { g.min_version = g.max_version = 2; }},
      {refusal::cluster, [](auto& g) { g.cluster = cluster_id(8); }},
      {refusal::receiver, [](auto& g) { g.receiver = node_id(3); }},
      {refusal::sender, [](auto& g) { g.sender = node_id(2); }},
      {refusal::serializer, [](auto& g) { g.serializer = "json"; }},
  };
  for (const auto& [reason, change] : mismatches) {
    auto g = usual_greeting();
    change(g);
    logger_.lines.clear();

    EXPECT_EQ(refusal_of(g), reason);
    EXPECT_EQ(logger_.lines.size(), 1U) << tcp::describe(reason);
    EXPECT_EQ(logger_.count("this node refused it"), 1U) << tcp::describe(reason);
  }
  EXPECT_EQ(server_->counters().refused, mismatches.size());
  expect_alive();
}

// Hazards 67 and 68: a wiped disk that comes back under its old id.
TEST_F(TcpServer, APeerWithAnotherDiskThanBeforeIsRefused) {
  start();
  greeted()->close();
  auto wiped = usual_greeting();
  wiped.disk = incarnation(666);

  EXPECT_EQ(refusal_of(wiped), refusal::incarnation);
  EXPECT_EQ(logger_.count("incarnation 000000000000029a, known is 0000000000000065"), 1U);
  expect_alive();
}

TEST_F(TcpServer, ARememberedDiskCountsFromTheFirstConnection) {
  options_.identities = std::make_shared<peer_identities>();
  options_.identities->remember(node_id(1), incarnation(55));
  start();

  EXPECT_EQ(refusal_of(usual_greeting()), refusal::incarnation);
}

TEST_F(TcpServer, TheHookMayBelieveAnotherDiskAndEveryChangeIsRecorded) {
  options_.identities = std::make_shared<peer_identities>();
  std::vector<std::pair<node_id, incarnation>> recorded;
  options_.identities->decide_by(
      [](const peer_claim& claim) { return claim.claimed != incarnation(666); });
  options_.identities->record_with([&](node_id peer, incarnation disk, log_index) {
    recorded.emplace_back(peer, disk);
    return result<void>{};
  });
  start();
  auto rejoined = usual_greeting();
  rejoined.disk = incarnation(777);
  auto wiped = usual_greeting();
  wiped.disk = incarnation(666);

  greeted();
  greeted(rejoined);

  EXPECT_EQ(refusal_of(wiped), refusal::incarnation);
  EXPECT_EQ(options_.identities->known(node_id(1)), incarnation(777));
  EXPECT_EQ(recorded.size(), 2U);
}

TEST_F(TcpServer, APeerThatCannotBeRecordedIsRefusedUntilItCan) {
  options_.identities = std::make_shared<peer_identities>();
  bool full = true;
  options_.identities->record_with([&](node_id, incarnation, log_index) -> result<void> {
    if (full) return fail(error_code::no_space, "no room");
    return {};
  });
  start();

  EXPECT_EQ(refusal_of(usual_greeting()), refusal::unrecorded);
  EXPECT_FALSE(options_.identities->known(node_id(1)));
  EXPECT_EQ(logger_.count("its disk cannot be remembered: no room"), 1U);

  full = false;
  greeted();
  EXPECT_EQ(options_.identities->known(node_id(1)), usual_greeting().disk);
}

TEST_F(TcpServer, AKnownPeerIsNotRecordedAgain) {
  options_.identities = std::make_shared<peer_identities>();
  options_.identities->remember(node_id(1), usual_greeting().disk);
  options_.identities->record_with([](node_id, incarnation, log_index) -> result<void> {
    return fail(error_code::io_failed, "asked without need");
  });
  start();

  greeted();
}

TEST_F(TcpServer, StrangersAreClosedWithoutAWord) {
  start();
  auto wrong_magic = std::string(tcp::encode(usual_greeting()).text());
  wrong_magic[0] = 'X';
  const std::vector<std::string> openings = {
      "GET / HTTP/1.1\r\nHost: x\r\nAccept: everything\r\n\r\n",
      std::string(200, '\0'),
      frame_text(frame_kind::hello, shared_bytes::copy_of(wrong_magic)),
      frame_text(frame_kind::hello, shared_bytes()),
      frame_text(frame_kind::welcome, tcp::encode(usual_greeting())),
      request_text(1, core::read_index{term(1)}),
      frame_text(frame_kind::hello, shared_bytes::copy_of(std::string(513, 'x'))),
  };
  for (const auto& opening : openings) {
    const auto peer = dial();
    peer->write(opening);

    EXPECT_TRUE(closes(*peer));
    EXPECT_TRUE(peer->frames().empty());
  }
  EXPECT_EQ(server_->counters().requests, 0U);
  expect_alive();
}

TEST_F(TcpServer, MalformedFramesEndTheConnectionAndNothingElse) {
  start();
  const auto good = request_text(1, core::read_index{term(1)});
  auto bad_checksum = good;
  bad_checksum.back() = static_cast<char>(bad_checksum.back() ^ 1);
  auto bad_kind = good;
  bad_kind[5] = 9;
  auto oversized = good;
  oversized[3] = 0x7f;
  const std::vector<std::string> bad = {
      bad_checksum,
      bad_kind,
      oversized,
      frame_text(frame_kind::response, shared_bytes(), 1),
      frame_text(frame_kind::hello, tcp::encode(usual_greeting())),
      frame_text(frame_kind::request, shared_bytes::copy_of("no rpc"), 1),
      frame_text(frame_kind::request, shared_bytes(), 1),
  };
  for (const auto& bytes : bad) {
    const auto peer = greeted();
    peer->write(bytes);

    EXPECT_TRUE(closes(*peer));
  }
  EXPECT_EQ(server_->counters().requests, 0U);
  expect_alive();
}

TEST_F(TcpServer, ACutRequestIsDroppedWithItsConnection) {
  start();
  const auto good = request_text(1, core::read_index{term(1)});
  for (const std::size_t length : {1UL, 31UL, 32UL, good.size() - 1}) {
    const auto peer = greeted();
    peer->write(good.substr(0, length));
    peer->close();
    loop_.run_for(2ms);
  }

  EXPECT_EQ(server_->counters().requests, 0U);
  expect_alive();
}

TEST_F(TcpServer, HalfAHandshakeAndThenSilenceIsClosed) {
  options_.limits.connect_timeout = 30ms;
  start();
  const auto silent = dial();
  const auto half = dial();
  half->write(hello_text(usual_greeting()).substr(0, 40));

  EXPECT_TRUE(closes(*silent));
  EXPECT_TRUE(closes(*half));
  EXPECT_EQ(logger_.count("no handshake in time"), 2U);
}

TEST_F(TcpServer, AFloodOfSilentConnectionsDoesNotKeepAPeerOut) {
  options_.limits.max_half_open_connections = 4;
  start();
  std::vector<std::unique_ptr<raw_peer>> flood;
  for (int i = 0; i < 60; ++i) flood.push_back(dial());

  expect_alive();

  std::size_t open = 0;
  for (const auto& peer : flood) open += peer->closed() ? 0 : 1;
  EXPECT_LE(open, 4U);
}

TEST_F(TcpServer, TheLogIsNotFloodedByStrangers) {
  start();
  for (int i = 0; i < 100; ++i) {
    const auto peer = dial();
    peer->write(std::string(64, 'x'));
    EXPECT_TRUE(closes(*peer));
  }

  EXPECT_LE(logger_.lines.size(), 60U);
  EXPECT_EQ(server_->counters().refused, 100U);
}

TEST_F(TcpServer, MorePeersThanAllowedAreToldSo) {
  options_.limits.max_inbound_connections = 1;
  start();
  const auto first = greeted();
  auto second = usual_greeting();
  second.sender = node_id(3);
  second.disk = incarnation(103);

  EXPECT_EQ(refusal_of(second), refusal::busy);
  EXPECT_FALSE(first->closed());
}

TEST_F(TcpServer, APeerThatComesAnewTakesThePlaceOfItsOldConnection) {
  options_.limits.max_inbound_connections = 1;
  start();
  const auto old = greeted();

  const auto fresh = greeted();

  EXPECT_TRUE(closes(*old));
  EXPECT_FALSE(fresh->closed());
}

TEST_F(TcpServer, AnIdleConnectionIsClosedAndABusyOneIsNot) {
  options_.limits.idle_timeout = 30ms;
  start();
  auto other = usual_greeting();
  other.sender = node_id(3);
  other.disk = incarnation(103);
  const auto idle = greeted();
  const auto busy = greeted(other);

  const bool closed = loop_.run_until([&, call = 0UL]() mutable {
    busy->write(request_text(++call, core::read_index{term(1)}));
    return idle->closed();
  });

  EXPECT_TRUE(closed);
  EXPECT_FALSE(busy->closed());
}

TEST_F(TcpServer, UnansweredRequestsStopTheReadingAndAnswersGoOn) {
  options_.limits.max_unanswered_requests = 4;
  answering_ = false;
  start();
  const auto peer = greeted();
  for (std::uint64_t call = 1; call <= 10; ++call) {
    peer->write(request_text(call, core::read_index{term(1)}));
  }

  ASSERT_TRUE(loop_.run_until([&] { return held_.size() >= 4; }));
  loop_.run_for(10ms);
  const auto taken_while_full = held_.size();
  for (std::size_t i = 0; i < 4; ++i) held_[i](core::read_index_response{});
  ASSERT_TRUE(loop_.run_until([&] { return held_.size() >= 8; }));
  for (std::size_t i = 4; i < 8; ++i) held_[i] = nullptr;  // dropped ones count as settled
  ASSERT_TRUE(loop_.run_until([&] { return held_.size() == 10; }));

  EXPECT_EQ(taken_while_full, 4U);
  EXPECT_GE(server_->counters().pauses, 2U);
}

TEST_F(TcpServer, UnansweredBytesStopTheReadingToo) {
  options_.limits.max_frame_bytes = 64 << 10;
  options_.limits.max_unanswered_bytes = 64 << 10;
  answering_ = false;
  start();
  const auto peer = greeted();
  const forward_commands large{{shared_bytes::copy_of(std::string(40000, 'x'))}};
  for (std::uint64_t call = 1; call <= 4; ++call) peer->write(request_text(call, large));

  ASSERT_TRUE(loop_.run_until([&] { return held_.size() >= 2; }));
  loop_.run_for(10ms);

  EXPECT_EQ(held_.size(), 2U);
}

TEST_F(TcpServer, APeerThatDoesNotTakeItsResponsesIsNotReadOn) {
  options_.limits.max_frame_bytes = 1 << 20;
  options_.limits.max_unanswered_bytes = 1 << 20;
  server_ = std::make_unique<server>(loop_.io, *check(options_), logger_ref(logger_));
  std::size_t handled = 0;
  ASSERT_TRUE(server_->start([&](node_id, group_id, rpc_request, responder respond) {
    ++handled;
    respond(forward_commands_response{{shared_bytes::copy_of(std::string(1000000, 'x'))}});
  }));
  boost::asio::ip::tcp::socket deaf(loop_.io);
  const auto address = tcp::parse_address(server_->local_address());
  deaf.connect({boost::asio::ip::make_address(address->host), address->port});
  boost::asio::write(deaf, boost::asio::buffer(hello_text(usual_greeting())));
  for (std::uint64_t call = 1; call <= 200; ++call) {
    boost::asio::write(deaf, boost::asio::buffer(request_text(call, forward_commands{})));
  }

  ASSERT_TRUE(loop_.run_until([&] { return server_->counters().pauses > 0; }));
  loop_.run_for(20ms);

  EXPECT_LT(handled, 100U);
}

TEST_F(TcpServer, AResponseLargerThanThePeerTakesIsDropped) {
  answering_ = false;
  start();
  auto modest = usual_greeting();
  modest.max_frame = 100;
  const auto peer = greeted(modest);
  peer->write(request_text(1, forward_commands{}));
  ASSERT_TRUE(loop_.run_until([&] { return held_.size() == 1; }));

  held_[0](forward_commands_response{{shared_bytes::copy_of(std::string(200, 'x'))}});
  loop_.run_for(5ms);

  EXPECT_EQ(peer->frames().size(), 1U);
  EXPECT_EQ(server_->counters().dropped_responses, 1U);
}

TEST_F(TcpServer, AnAnswerForAConnectionThatDiedIsDroppedQuietly) {
  answering_ = false;
  start();
  auto peer = greeted();
  peer->write(request_text(1, core::read_index{term(1)}));
  ASSERT_TRUE(loop_.run_until([&] { return held_.size() == 1; }));
  peer->close();
  loop_.run_for(5ms);

  held_[0](core::read_index_response{});

  EXPECT_EQ(server_->counters().responses, 0U);
  expect_alive();
}

TEST_F(TcpServer, AnAnswerAfterTheServerIsGoneIsHarmless) {
  answering_ = false;
  start();
  auto peer = greeted();
  peer->write(request_text(1, core::read_index{term(1)}));
  ASSERT_TRUE(loop_.run_until([&] { return held_.size() == 1; }));

  server_.reset();
  held_[0](core::read_index_response{});

  EXPECT_TRUE(closes(*peer));
}

TEST_F(TcpServer, PlaintextBeyondLoopbackNeedsLeave) {
  options_.listen_address = "0.0.0.0:0";
  server refused(loop_.io, *check(options_));
  options_.allow_plaintext_beyond_loopback = true;
  server allowed(loop_.io, *check(options_));

  const auto outcome = refused.start([](auto&&...) {});

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::invalid_argument);
  EXPECT_THAT(outcome.error().message, testing::HasSubstr("--insecure"));
  EXPECT_TRUE(allowed.start([](auto&&...) {}));
}

TEST_F(TcpServer, AnAddressInUseIsAnErrorAndTheServerMayStartAgainLater) {
  start();
  options_.listen_address = server_->local_address();
  server second(loop_.io, *check(options_));

  const auto outcome = second.start([](auto&&...) {});
  server_->stop();

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, error_code::io_failed);
  EXPECT_TRUE(second.start([](auto&&...) {}));
}

}  // namespace
}  // namespace mainstay
