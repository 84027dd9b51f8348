/// The client against servers that are wrong, hostile, silent or gone, and its own limits.
#include "mainstay/transport/tcp/tcp_client.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/call_record.hpp"
#include "tests/transport/raw_peer.hpp"
#include "tests/transport/tcp_world.hpp"

namespace mainstay {
namespace {

using namespace testing_tcp;
using conformance::answer_to;
using conformance::call_record;
using conformance::number_of;
using conformance::numbered;
using tcp::frame_kind;
using testing::HasSubstr;

constexpr node_id peer{2};

/// What node 2 says to node 1.
tcp::greeting usual_welcome() {
  return {1, 1, cluster_id(9), node_id(2), node_id(1), incarnation(102), 1 << 20, "binary"};
}

std::string welcome_text(const tcp::greeting& g) {
  return frame_text(frame_kind::welcome, tcp::encode(g));
}

std::string response_text(std::uint64_t call, const rpc_response& response) {
  return frame_text(frame_kind::response, binary_serializer().encode(response).joined(), call);
}

/// A client of node 1, and node 2 in the test's hands.
class TcpClient : public testing::Test {
 protected:
  using acceptor = boost::asio::ip::tcp::acceptor;

  /// Accepts connections as raw peers, and makes the client.
  void listen() {
    acceptor_ = std::make_unique<acceptor>(
        loop_.io, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    accept();
    make_client("127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port()));
  }
  void make_client(const std::string& address) {
    client_ = std::make_unique<client>(loop_.io, *check(options_), logger_ref(logger_));
    client_->add_peer(peer, address);
  }
  void accept() {
    acceptor_->async_accept(
        [this](const boost::system::error_code& failure, boost::asio::ip::tcp::socket socket) {
          if (failure) return;
          accepted_.push_back(std::make_unique<raw_peer>(std::move(socket)));
          accept();
        });
  }
  void call(std::uint64_t number, duration within = 10s) {
    client_->call(peer, group_id(7), numbered(number), tcp::now() + within, calls_.expect(number));
  }
  bool run_until_completed(std::size_t count) {
    return loop_.run_until([this, count] { return calls_.completed() >= count; });
  }
  /// Waits for connection number `n` and its first frames.
  raw_peer& accepted(std::size_t n, std::size_t frames) {
    EXPECT_TRUE(loop_.run_until(
        [&] { return accepted_.size() > n && accepted_[n]->frames().size() >= frames; }));
    return *accepted_.at(n);
  }
  /// A connection that is up, with call 1 outstanding.
  raw_peer& up_with_one_call() {
    listen();
    call(1);
    accepted(0, 1).write(welcome_text(usual_welcome()));
    return accepted(0, 2);
  }
  /// The message that call 1 ends with after the server answered `hello` with `bytes`.
  std::string failure_after(const std::string& bytes) {
    listen();
    call(1);
    accepted(0, 1).write(bytes);
    EXPECT_TRUE(run_until_completed(1));
    EXPECT_EQ(calls_.error_of(1), error_code::unreachable);
    return calls_[1] ? "" : calls_[1].error().message;
  }

  loop loop_;
  remembering_logger logger_;
  tcp_options options_ = options_of(1);
  std::unique_ptr<acceptor> acceptor_;
  std::vector<std::unique_ptr<raw_peer>> accepted_;
  call_record calls_;
  std::unique_ptr<client> client_;
};

TEST_F(TcpClient, NothingButTheHelloIsSentBeforeTheWelcome) {
  listen();
  for (std::uint64_t i = 1; i <= 10; ++i) call(i);

  auto& server = accepted(0, 1);
  loop_.run_for(10ms);

  ASSERT_EQ(server.frames().size(), 1U);
  const auto hello = tcp::decode_greeting(server.frames()[0].body.span());
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->sender, node_id(1));
  EXPECT_EQ(hello->receiver, node_id(2));
  EXPECT_EQ(hello->disk, incarnation(101));
}

TEST_F(TcpClient, AServerOfAnotherClusterIsRefused) {
  auto g = usual_welcome();
  g.cluster = cluster_id(1);
  EXPECT_THAT(failure_after(welcome_text(g)), HasSubstr("cluster"));
  EXPECT_EQ(logger_.count("no connection to a peer"), 1U);
}

TEST_F(TcpClient, AnotherNodeAtThePeersAddressIsRefused) {
  auto g = usual_welcome();
  g.sender = node_id(5);
  EXPECT_THAT(failure_after(welcome_text(g)), HasSubstr("it is node 5, expected is node 2"));
}

TEST_F(TcpClient, AnotherSerializerIsRefused) {
  auto g = usual_welcome();
  g.serializer = "cbor";
  EXPECT_THAT(failure_after(welcome_text(g)), HasSubstr("cbor"));
}

// Hazards 67 and 68: an empty disk under a known id.
TEST_F(TcpClient, AWipedDiskAtThePeersAddressIsRefused) {
  options_.identities = std::make_shared<peer_identities>();
  options_.identities->remember(peer, incarnation(1));
  EXPECT_THAT(failure_after(welcome_text(usual_welcome())), HasSubstr("known is 0000000000000001"));
}

/// Identities that keep what they are told to record.
std::shared_ptr<peer_identities> recorded_identities() {
  auto identities = std::make_shared<peer_identities>();
  identities->record_with([](node_id, incarnation, log_index) { return result<void>{}; });
  return identities;
}

// Followers do not call one another, and would not know a wiped disk behind the other's id.
TEST_F(TcpClient, APeerWhoseDiskIsUnknownIsMetWithoutACall) {
  options_.identities = recorded_identities();
  listen();

  accepted(0, 1).write(welcome_text(usual_welcome()));

  EXPECT_TRUE(loop_.run_until([&] { return client_->counters().connections == 1; }));
  EXPECT_EQ(options_.identities->known(peer), incarnation(102));
}

TEST_F(TcpClient, APeerWhoseDiskIsUnknownIsSoughtUntilItIsMet) {
  options_.identities = recorded_identities();
  options_.limits.reconnect_min = 1ms;
  options_.limits.reconnect_max = 2ms;
  listen();

  accepted(0, 1).close();
  accepted(1, 1).write(frame_text(frame_kind::refusal, tcp::encode(tcp::refusal::busy)));
  accepted(2, 1).write(welcome_text(usual_welcome()));
  EXPECT_TRUE(loop_.run_until([&] { return client_->counters().connections == 1; }));
  accepted(2, 1).close();
  EXPECT_TRUE(loop_.run_until([&] { return client_->counters().failed_connections == 3; }));
  loop_.run_for(20ms);

  // Once it is known, nobody connects without a call.
  EXPECT_EQ(accepted_.size(), 3U);
}

TEST_F(TcpClient, AWrongIdentityIsAnErrorInTheLog) {
  (void)failure_after(frame_text(frame_kind::refusal, tcp::encode(tcp::refusal::incarnation)));

  ASSERT_EQ(logger_.errors.size(), 1U);
  EXPECT_THAT(logger_.errors[0], HasSubstr("wiped or replaced"));
}

TEST_F(TcpClient, ARefusalSaysItsReason) {
  EXPECT_THAT(failure_after(frame_text(frame_kind::refusal, tcp::encode(tcp::refusal::cluster))),
              HasSubstr("the peer refused this node: different cluster ids"));
}

TEST_F(TcpClient, GarbageInsteadOfAWelcomeIsRefused) {
  EXPECT_THAT(failure_after(std::string(64, 'x')), HasSubstr("frame"));
}

TEST_F(TcpClient, AResponseInsteadOfAWelcomeIsRefused) {
  EXPECT_THAT(failure_after(response_text(65536, answer_to(1))), HasSubstr("handshake"));
}

TEST_F(TcpClient, SilenceInsteadOfAWelcomeEndsInTime) {
  options_.limits.connect_timeout = 30ms;
  EXPECT_THAT(failure_after(""), HasSubstr("within the time allowed"));
}

TEST_F(TcpClient, AHalfOpenAttemptOfAnExpiredCallStaysUsable) {
  listen();
  call(1, 10ms);
  ASSERT_TRUE(run_until_completed(1));
  call(2);
  accepted(0, 1).write(welcome_text(usual_welcome()));

  auto& server = accepted(0, 2);
  loop_.run_for(5ms);

  EXPECT_EQ(calls_.error_of(1), error_code::timed_out);
  EXPECT_EQ(server.frames().size(), 2U);  // the expired call was never sent
}

TEST_F(TcpClient, UnknownAndDoubledResponsesAreIgnoredAndCounted) {
  auto& server = up_with_one_call();
  const auto id = server.frames()[1].header.call;

  server.write(response_text(id + 1, answer_to(9)) + response_text(~0ULL, answer_to(9)) +
               response_text(id, answer_to(1)) + response_text(id, answer_to(9)));
  ASSERT_TRUE(loop_.run_until([&] { return client_->counters().late_responses == 3; }));

  EXPECT_EQ(calls_[1], answer_to(1));
  EXPECT_TRUE(calls_.once_each());
}

TEST_F(TcpClient, AnAnswerToAnotherQuestionIsMalformed) {
  auto& server = up_with_one_call();

  server.write(response_text(server.frames()[1].header.call, core::timeout_now_response{}));

  ASSERT_TRUE(run_until_completed(1));
  EXPECT_EQ(calls_.error_of(1), error_code::malformed);
}

TEST_F(TcpClient, AnAnswerThatDoesNotDecodeIsMalformed) {
  auto& server = up_with_one_call();

  server.write(frame_text(frame_kind::response, shared_bytes::copy_of("nonsense"),
                          server.frames()[1].header.call));

  ASSERT_TRUE(run_until_completed(1));
  EXPECT_EQ(calls_.error_of(1), error_code::malformed);
}

TEST_F(TcpClient, ABrokenStreamDisconnectsTheCallsInFlight) {
  for (const auto& bytes : {std::string(40, 'x'), request_text(1, core::read_index{term(1)}),
                            welcome_text(usual_welcome())}) {
    calls_ = {};
    accepted_.clear();
    auto& server = up_with_one_call();
    server.write(bytes);

    ASSERT_TRUE(run_until_completed(1));
    EXPECT_EQ(calls_.error_of(1), error_code::disconnected);
  }
}

TEST_F(TcpClient, AConnectionThatDropsDisconnectsTheCallsInFlight) {
  up_with_one_call().close();

  ASSERT_TRUE(run_until_completed(1));
  EXPECT_EQ(calls_.error_of(1), error_code::disconnected);
}

TEST_F(TcpClient, WhileBackingOffCallsAreRefusedAtOnce) {
  options_.limits.reconnect_min = options_.limits.reconnect_max = 10s;
  make_client(dead_address(loop_.io));
  call(1);
  ASSERT_TRUE(run_until_completed(1));

  const auto before = tcp::now();
  for (std::uint64_t i = 2; i <= 100; ++i) call(i);
  ASSERT_TRUE(run_until_completed(100));

  for (std::uint64_t i = 1; i <= 100; ++i) EXPECT_EQ(calls_.error_of(i), error_code::unreachable);
  EXPECT_LT(tcp::now() - before, 5s);
  EXPECT_EQ(client_->counters().failed_connections, 1U);
  EXPECT_EQ(logger_.count("no connection to a peer"), 1U);
}

TEST_F(TcpClient, AttemptsBecomeRarerWhileThePeerIsDown) {
  options_.limits.reconnect_min = 2ms;
  options_.limits.reconnect_max = 64ms;
  make_client(dead_address(loop_.io));
  std::uint64_t number = 0;
  const auto end = tcp::now() + 200ms;

  (void)loop_.run_until([&] {
    call(++number);
    return tcp::now() >= end;
  });

  // The waits are at least 1, 2, 4, 8, 16, 32, 32, … ms: eleven attempts fit, not two hundred.
  EXPECT_LE(client_->counters().failed_connections, 11U);
  EXPECT_GE(client_->counters().failed_connections, 2U);
}

TEST_F(TcpClient, AttemptsGetNoRarerThanTheLimitAndAreToldOnce) {
  options_.limits.reconnect_min = 1ms;
  options_.limits.reconnect_max = 2ms;
  make_client(dead_address(loop_.io));
  std::uint64_t number = 0;

  // Doubled twenty times, the wait would be a quarter of an hour.
  EXPECT_TRUE(loop_.run_until([&] {
    call(++number);
    return client_->counters().failed_connections >= 20;
  }));

  EXPECT_EQ(logger_.count("no connection to a peer"), 1U);
}

TEST_F(TcpClient, APeerThatComesBackIsFoundAgain) {
  auto server_options = options_of(2);
  auto first = std::make_unique<server>(loop_.io, *check(server_options));
  const auto handler = [](node_id, group_id, rpc_request request, responder respond) {
    respond(answer_to(number_of(request)));
  };
  ASSERT_TRUE(first->start(handler));
  server_options.listen_address = first->local_address();
  make_client(first->local_address());
  call(1);
  ASSERT_TRUE(run_until_completed(1));

  first.reset();
  loop_.run_for(20ms);
  server second(loop_.io, *check(server_options));
  ASSERT_TRUE(second.start(handler));
  std::uint64_t number = 1;
  const bool found = loop_.run_until([&] {
    if (calls_.completed() == number) call(++number);
    return calls_.completed() > 1 && calls_[calls_.completed()].has_value();
  });

  EXPECT_TRUE(found);
  EXPECT_EQ(client_->counters().connections, 2U);
}

TEST_F(TcpClient, WhatTheAddressBecomesIsWhereCallsGo) {
  listen();
  call(1);
  accepted(0, 1).write(welcome_text(usual_welcome()));
  accepted(0, 2);
  server moved(loop_.io, *check(options_of(2)));
  ASSERT_TRUE(moved.start([](node_id, group_id, rpc_request request, responder respond) {
    respond(answer_to(number_of(request)));
  }));

  client_->add_peer(peer, moved.local_address());
  call(2);

  ASSERT_TRUE(run_until_completed(2));
  EXPECT_EQ(calls_.error_of(1), error_code::disconnected);
  EXPECT_EQ(calls_[2], answer_to(2));
}

TEST_F(TcpClient, TooManyCallsInFlightAreOverloaded) {
  options_.limits.max_calls_in_flight = 3;
  auto& server = up_with_one_call();
  for (std::uint64_t i = 2; i <= 5; ++i) call(i);

  ASSERT_TRUE(run_until_completed(2));
  server.write(response_text(server.frames()[1].header.call, answer_to(1)));
  ASSERT_TRUE(run_until_completed(3));
  call(6);
  loop_.run_for(5ms);

  EXPECT_EQ(calls_.error_of(4), error_code::overloaded);
  EXPECT_EQ(calls_.error_of(5), error_code::overloaded);
  EXPECT_EQ(calls_.completed(), 3U);
}

TEST_F(TcpClient, TooManyBytesInFlightAreOverloaded) {
  options_.limits.max_frame_bytes = 8 << 10;
  options_.limits.max_bytes_in_flight = 10 << 10;
  up_with_one_call();
  const forward_commands half{{shared_bytes::copy_of(std::string(6000, 'x'))}};

  client_->call(peer, group_id(1), half, tcp::now() + 10s, calls_.expect(2));
  client_->call(peer, group_id(1), half, tcp::now() + 10s, calls_.expect(3));
  ASSERT_TRUE(run_until_completed(1));

  EXPECT_EQ(calls_.error_of(3), error_code::overloaded);
}

TEST_F(TcpClient, BytesThatThePeerDoesNotTakeCountEvenAfterTheirCallsTimedOut) {
  options_.limits.max_bytes_in_flight = 20 << 20;
  listen();
  acceptor_->cancel();
  boost::asio::ip::tcp::socket deaf(loop_.io);
  bool connected = false;
  acceptor_->async_accept(deaf, [&](const boost::system::error_code&) { connected = true; });
  call(1, 50ms);
  ASSERT_TRUE(loop_.run_until([&] { return connected; }));
  boost::asio::write(deaf, boost::asio::buffer(welcome_text(usual_welcome())));
  ASSERT_TRUE(loop_.run_until([&] { return client_->counters().connections == 1; }));
  const forward_commands large{{shared_bytes::copy_of(std::string(1000000, 'x'))}};
  std::size_t overloaded = 0;
  for (int i = 0; i < 200; ++i) {
    client_->call(peer, group_id(1), large, tcp::now() + 1ms, [&](result<rpc_response> outcome) {
      if (!outcome && outcome.error().code == error_code::overloaded) ++overloaded;
    });
    loop_.run_for(2ms);
  }

  EXPECT_GT(overloaded, 100U);
}

TEST_F(TcpClient, OnlyAFewCallsWaitForAConnection) {
  options_.limits.max_calls_while_connecting = 5;
  listen();
  for (std::uint64_t i = 1; i <= 8; ++i) call(i);

  ASSERT_TRUE(run_until_completed(3));
  loop_.run_for(5ms);

  EXPECT_EQ(calls_.completed(), 3U);
  for (std::uint64_t i = 6; i <= 8; ++i) EXPECT_EQ(calls_.error_of(i), error_code::overloaded);
}

TEST_F(TcpClient, ARequestAboveTheOwnLimitOrThePeersIsNotSent) {
  options_.limits.max_frame_bytes = 100000;
  listen();
  const auto of_size = [](std::size_t size) {
    return forward_commands{{shared_bytes::copy_of(std::string(size, 'x'))}};
  };
  auto modest = usual_welcome();
  modest.max_frame = 5000;

  client_->call(peer, group_id(1), of_size(100000), tcp::now() + 10s, calls_.expect(1));
  client_->call(peer, group_id(1), of_size(6000), tcp::now() + 10s, calls_.expect(2));
  accepted(0, 1).write(welcome_text(modest));
  ASSERT_TRUE(run_until_completed(2));
  client_->call(peer, group_id(1), of_size(6000), tcp::now() + 10s, calls_.expect(3));
  ASSERT_TRUE(run_until_completed(3));

  for (std::uint64_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(calls_.error_of(i), error_code::invalid_argument);
  }
}

TEST_F(TcpClient, PlaintextBeyondLoopbackNeedsLeave) {
  make_client("192.0.2.1:7101");
  call(1);

  ASSERT_TRUE(run_until_completed(1));

  EXPECT_EQ(calls_.error_of(1), error_code::unreachable);
  EXPECT_THAT(calls_[1].error().message, HasSubstr("--insecure"));
}

TEST_F(TcpClient, AddressesThatAreNoneAreUnreachable) {
  make_client("no port");
  call(1);

  ASSERT_TRUE(run_until_completed(1));

  EXPECT_EQ(calls_.error_of(1), error_code::unreachable);
  EXPECT_THAT(calls_[1].error().message, HasSubstr("host:port"));
}

TEST_F(TcpClient, NamesAreResolved) {
  server there(loop_.io, *check(options_of(2)));
  ASSERT_TRUE(there.start([](node_id, group_id, rpc_request request, responder respond) {
    respond(answer_to(number_of(request)));
  }));
  const auto port = tcp::parse_address(there.local_address())->port;
  make_client("localhost:" + std::to_string(port));
  call(1);

  ASSERT_TRUE(run_until_completed(1));

  EXPECT_EQ(calls_[1], answer_to(1));
}

TEST_F(TcpClient, StoppingFromACompletionCompletesTheOthersOnce) {
  auto& server = up_with_one_call();
  const auto id = server.frames()[1].header.call;
  client_->call(peer, group_id(1), numbered(2), tcp::now() + 10s,
                [this, done = calls_.expect(2)](result<rpc_response> outcome) mutable {
                  client_->stop();
                  done(std::move(outcome));
                });
  auto& same = accepted(0, 3);

  same.write(response_text(same.frames()[2].header.call, answer_to(2)) +
             response_text(id, answer_to(1)));

  ASSERT_TRUE(run_until_completed(2));
  EXPECT_EQ(calls_.error_of(1), error_code::shutting_down);
  EXPECT_EQ(calls_[2], answer_to(2));
  EXPECT_TRUE(calls_.once_each());
}

TEST(TcpOptions, EveryRuleIsHeldAndNamesItsField) {
  const std::vector<std::pair<std::string, std::function<void(tcp_options&)>>> breaches = {
      {"cluster", [](auto& o) { o.cluster = {}; }},
      {"self", [](auto& o) { o.self = {}; }},
      {"disk", [](auto& o) { o.disk = {}; }},
      {"listen_address", [](auto& o) { o.listen_address = "nowhere"; }},
      {"max_frame_bytes", [](auto& o) { o.limits.max_frame_bytes = 4095; }},
      {"max_frame_bytes", [](auto& o) { o.limits.max_frame_bytes = (1UL << 30) + 1; }},
      {"max_calls_in_flight", [](auto& o) { o.limits.max_calls_in_flight = 0; }},
      {"max_calls_in_flight", [](auto& o) { o.limits.max_calls_in_flight = 65536; }},
      {"max_bytes_in_flight", [](auto& o) { o.limits.max_bytes_in_flight = 1 << 20; }},
      {"max_calls_while_connecting", [](auto& o) { o.limits.max_calls_while_connecting = 0; }},
      {"max_unanswered_requests", [](auto& o) { o.limits.max_unanswered_requests = 0; }},
      {"max_unanswered_bytes", [](auto& o) { o.limits.max_unanswered_bytes = 1; }},
      {"max_inbound_connections", [](auto& o) { o.limits.max_inbound_connections = 0; }},
      {"max_half_open_connections", [](auto& o) { o.limits.max_half_open_connections = 0; }},
      {"receive_block_bytes", [](auto& o) { o.limits.receive_block_bytes = 1; }},
      {"connect_timeout", [](auto& o) { o.limits.connect_timeout = 0s; }},
      {"idle_timeout", [](auto& o) { o.limits.idle_timeout = -1s; }},
      {"dead_peer_timeout", [](auto& o) { o.limits.dead_peer_timeout = 90000s; }},
      {"reconnect_min", [](auto& o) { o.limits.reconnect_min = 0s; }},
      {"reconnect_max", [](auto& o) { o.limits.reconnect_max = 5ms; }},
  };
  for (const auto& [field, breach] : breaches) {
    auto options = options_of(1);
    breach(options);

    const auto checked = check(options);

    ASSERT_FALSE(checked) << field;
    EXPECT_EQ(checked.error().code, error_code::invalid_argument);
    EXPECT_TRUE(checked.error().message.starts_with(field + " is ")) << checked.error().message;
  }
  EXPECT_TRUE(check(options_of(1)));
}

TEST(PeerIdentities, ACrowdOfStrangersIsNotRemembered) {
  peer_identities identities(2);

  EXPECT_TRUE(identities.admit(node_id(1), incarnation(1)));
  EXPECT_TRUE(identities.admit(node_id(2), incarnation(1)));
  EXPECT_FALSE(identities.admit(node_id(3), incarnation(1)));
  EXPECT_TRUE(identities.admit(node_id(1), incarnation(1)));
  EXPECT_FALSE(identities.admit(node_id(1), incarnation(2)));
}

// ---- Who leaves, and comes again --------------------------------------------------------------

/// Knows node 2 by disk 20 as a member of the first configuration, and notes what is written down.
struct followed_members {
  followed_members() {
    identities.record_with(
        [this](node_id id, incarnation disk, log_index joined) {
          recorded[id] = {disk, joined};
          return result<void>{};
        },
        [this](node_id id) {
          if (!may_erase) return result<void>(fail(error_code::no_space, "full"));
          recorded.erase(id);
          return result<void>{};
        });
    EXPECT_TRUE(identities.follow_members({{node_id(2), {}}}, true));
    EXPECT_TRUE(identities.admit(node_id(2), incarnation(20)));
  }
  bool takes(std::uint64_t disk) {
    return identities.admit(node_id(2), incarnation(disk)).has_value();
  }

  peer_identities identities;
  std::map<node_id, std::pair<incarnation, log_index>> recorded;
  bool may_erase = true;
};

// Hazards 67, 68: a wiped disk must not pass as long as the member that it belonged to may be one.
TEST(PeerIdentities, WhoMayStillBeAMemberIsRemembered) {
  followed_members f;

  ASSERT_TRUE(f.identities.follow_members({}, false));

  EXPECT_FALSE(f.takes(21));
  EXPECT_TRUE(f.takes(20));
}

TEST(PeerIdentities, WhoHasLeftComesAgainWithAnotherDisk) {
  followed_members f;
  ASSERT_TRUE(f.identities.follow_members({}, true));
  ASSERT_TRUE(f.recorded.empty());
  ASSERT_TRUE(f.takes(20));  // the old node, which does not know yet: heard, not remembered

  ASSERT_TRUE(f.identities.follow_members({{node_id(2), log_index(7)}}, false));

  EXPECT_TRUE(f.takes(21));
  EXPECT_FALSE(f.takes(20));
  EXPECT_EQ(f.recorded[node_id(2)], (std::pair{incarnation(21), log_index(7)}));
}

// Hazard 67. A snapshot, or one batch of entries, brings both changes at once.
TEST(PeerIdentities, WhoseLeavingWasMissedIsKnownByWhenItJoined) {
  followed_members f;

  ASSERT_TRUE(f.identities.follow_members({{node_id(2), log_index(7)}}, false));
  const bool before = f.takes(21);
  ASSERT_TRUE(f.identities.follow_members({{node_id(2), log_index(7)}}, true));
  const bool after = f.takes(21);

  EXPECT_FALSE(before);
  EXPECT_TRUE(after);
}

TEST(PeerIdentities, WhatCannotBeErasedIsRememberedUntilItCan) {
  followed_members f;
  f.may_erase = false;
  EXPECT_EQ(f.identities.follow_members({}, true).error().code, error_code::no_space);
  EXPECT_FALSE(f.takes(21));

  f.may_erase = true;
  EXPECT_TRUE(f.identities.follow_members({}, true));

  EXPECT_TRUE(f.takes(21));
}

}  // namespace
}  // namespace mainstay
