/// The two ports with real sockets: redis-cli, redis-benchmark and HTTP against a machine in this
/// process. Ports are given by the system.
#include <array>
#include <cstdio>
#include <string>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/admin_pages.hpp"
#include "server/http_admin.hpp"
#include "server/resp_server.hpp"
#include "tests/server/local_gateway.hpp"

namespace mainstay::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

/// What a command prints, both streams.
std::string run(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  std::array<char, 4096> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe)) {
    text.append(piece.data(), count);
  }
  pclose(pipe);
  return text;
}

/// A socket that says and hears plain bytes.
class plain_client {
 public:
  explicit plain_client(std::uint16_t port) : socket_(context_) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
  }
  void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }
  /// Exactly so many bytes.
  std::string read(std::size_t count) {
    std::string bytes(count, '\0');
    asio::read(socket_, asio::buffer(bytes));
    return bytes;
  }
  /// Everything up to the end of the stream.
  std::string read_all() {
    std::string bytes;
    boost::system::error_code end;
    asio::read(socket_, asio::dynamic_buffer(bytes), end);
    return bytes;
  }
  tcp::socket& socket() { return socket_; }

 private:
  asio::io_context context_;
  tcp::socket socket_;
};

class Fronts : public testing::Test {
 protected:
  void SetUp() override {
    limits.connections = 64;
    clients = std::make_unique<resp_server>(cluster, limits, counters, logger_ref());
    ASSERT_TRUE(clients->start("127.0.0.1:0"));
    ASSERT_TRUE(admin.start("127.0.0.1:0"));
  }
  void restart_with(const server_limits& other) {
    clients = std::make_unique<resp_server>(cluster, other, counters, logger_ref());
    ASSERT_TRUE(clients->start("127.0.0.1:0"));
  }

  std::string redis_cli(const std::string& arguments) {
    return run(fmt::format("redis-cli -p {} {}", clients->port(), arguments));
  }
  /// Status line, headers and body of one HTTP exchange.
  std::string http(const std::string& request) {
    plain_client client(admin.port());
    client.send(request);
    return client.read_all();
  }
  std::string http_post(const std::string& path, std::string_view body = "") {
    return http(fmt::format(
        "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", path,
        body.size(), body));
  }
  std::string http_get(const std::string& path) {
    return http("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }

  local_gateway cluster;
  server_limits limits;
  server_counters counters;
  prometheus_metrics metrics;
  figure_publisher figures{metrics};
  http_admin admin{cluster,
                   [this] {
                     figures.publish(cluster.status());
                     figures.publish(counters);
                     return metrics.text();
                   },
                   logger_ref()};
  std::unique_ptr<resp_server> clients;
};

TEST_F(Fronts, RedisCliTalksBothProtocols) {
  EXPECT_EQ(redis_cli("PING"), "PONG\n");
  EXPECT_EQ(redis_cli("SET greeting 'hello world'"), "OK\n");
  EXPECT_EQ(redis_cli("-3 GET greeting"), "hello world\n");
  EXPECT_EQ(redis_cli("--no-raw -3 MGET greeting none"), "1) \"hello world\"\n2) (nil)\n");
  EXPECT_EQ(redis_cli("INCRBY n 41"), "41\n");
  EXPECT_EQ(redis_cli("--scan --pattern 'greet*'"), "greeting\n");
  EXPECT_THAT(redis_cli("SET k v EX soon"), StartsWith("ERR value is not an integer"));
}

TEST_F(Fronts, RedisCliPipesManyCommands) {
  const auto text = run(fmt::format(
      "seq 1 20000 | sed 's/.*/SET key:& value:&/' | redis-cli -p {} --pipe", clients->port()));

  EXPECT_THAT(text, HasSubstr("errors: 0, replies: 20000"));
  EXPECT_EQ(redis_cli("DBSIZE"), "20000\n");
}

TEST_F(Fronts, RedisBenchmarkRunsWithoutErrors) {
  const auto text = run(
      fmt::format("redis-benchmark -p {} -t ping,set,get,incr,mset -n 5000 -c 20 -P 8 -r 1000 -q",
                  clients->port()));

  for (const auto* name : {"SET: ", "GET: ", "INCR: ", "MSET (10 keys): "}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
  EXPECT_THAT(text, testing::Not(HasSubstr("rror")));
}

TEST_F(Fronts, LargeValuesTravelBothWays) {
  plain_client client(clients->port());
  const std::string value(1 << 20, 'v');
  client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n" + value + "\r\nGET k\r\n");

  EXPECT_EQ(client.read(5), "+OK\r\n");
  EXPECT_EQ(client.read(10), "$1048576\r\n");
  EXPECT_EQ(client.read(value.size()), value);
}

TEST_F(Fronts, PipelineDeeperThanEveryBufferIsAnsweredInOrder) {
  plain_client client(clients->port());
  constexpr int count = 200000;
  std::thread sender([&] {
    std::string commands;
    for (int i = 0; i < count; ++i) commands += "INCR n\r\n";
    client.send(commands);
  });
  std::string expected;
  for (int i = 1; i <= count; ++i) expected += fmt::format(":{}\r\n", i);

  EXPECT_EQ(client.read(expected.size()), expected);
  sender.join();
}

TEST_F(Fronts, MixedPipelineSeesItsOwnWrites) {
  plain_client client(clients->port());
  std::string commands;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    commands += fmt::format("SET k {}\r\nGET k\r\nDBSIZE\r\n", i);
    const auto text = std::to_string(i);
    expected += fmt::format("+OK\r\n${}\r\n{}\r\n:1\r\n", text.size(), text);
  }
  std::thread sender([&] { client.send(commands); });

  EXPECT_EQ(client.read(expected.size()), expected);
  sender.join();
}

TEST_F(Fronts, ManyLocalRepliesDoNotStall) {
  plain_client client(clients->port());
  const std::string text(1000, 'e');
  std::string commands;
  std::string expected;
  for (int i = 0; i < 10000; ++i) {
    commands += "ECHO " + text + "\r\n";
    expected += "$1000\r\n" + text + "\r\n";
  }
  std::thread sender([&] { client.send(commands); });

  EXPECT_EQ(client.read(expected.size()), expected);
  sender.join();
}

TEST_F(Fronts, LostStreamIsAnsweredAndClosed) {
  plain_client client(clients->port());
  client.send("PING\r\n*1\r\n!oops\r\nPING\r\n");

  EXPECT_EQ(client.read_all(), "+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
}

TEST_F(Fronts, ConnectionsOverTheLimitAreRefused) {
  limits.connections = 1;
  restart_with(limits);
  plain_client first(clients->port());
  first.send("PING\r\n");
  ASSERT_EQ(first.read(7), "+PONG\r\n");

  plain_client second(clients->port());

  EXPECT_EQ(second.read_all(), "-ERR max number of clients reached\r\n");
  first.send("PING\r\n");
  EXPECT_EQ(first.read(7), "+PONG\r\n");
}

TEST_F(Fronts, IdleConnectionsAreClosed) {
  limits.idle_time = std::chrono::seconds(1);
  restart_with(limits);
  plain_client client(clients->port());

  EXPECT_EQ(client.read_all(), "");
}

// Commands go on being read only while somebody takes the replies.
TEST_F(Fronts, ClientThatDoesNotReadIsNotServedWithoutEnd) {
  plain_client client(clients->port());
  client.send("SET k " + std::string(60000, 'v') + "\r\n");
  ASSERT_EQ(client.read(5), "+OK\r\n");
  client.socket().non_blocking(true);
  std::string commands;
  for (int i = 0; i < 10000; ++i) commands += "GET k\r\n";
  std::size_t sent = 0;
  boost::system::error_code failure;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (std::chrono::steady_clock::now() < give_up) {
    sent += client.socket().write_some(asio::buffer(commands), failure);
    if (failure == asio::error::would_block) std::this_thread::yield();
  }

  // 60 kB for 7 bytes: without limits, gigabytes would be waiting by now.
  EXPECT_LT(sent, 16U << 20);
  EXPECT_EQ(redis_cli("PING"), "PONG\n");
}

TEST_F(Fronts, StopAnswersWhatIsUnderWay) {
  plain_client client(clients->port());
  cluster.hold();
  client.send("SET a 1\r\n");
  plain_client other(clients->port());
  other.send("PING\r\n");
  ASSERT_EQ(other.read(7), "+PONG\r\n");  // so that the SET has been taken, too

  std::thread stopping([&] { clients->stop(std::chrono::seconds(20)); });
  EXPECT_EQ(other.read_all(), "");
  cluster.release();

  EXPECT_EQ(client.read_all(), "+OK\r\n");
  stopping.join();
}

TEST_F(Fronts, StopDoesNotWaitLongerThanItsGrace) {
  plain_client client(clients->port());
  cluster.hold();
  client.send("SET a 1\r\n");

  clients->stop(std::chrono::milliseconds(10));
  clients.reset();

  EXPECT_EQ(client.read_all(), "");
  cluster.release();
}

TEST_F(Fronts, FailuresReachTheClient) {
  cluster.fail_with(error{error_code::timed_out, "the deadline passed", {}});

  EXPECT_EQ(redis_cli("SET a 1"), "UNKNOWN the deadline passed\n\n");
}

TEST_F(Fronts, PortInUseIsAnError) {
  resp_server second(cluster, limits, counters, logger_ref());

  const auto started = second.start(fmt::format("127.0.0.1:{}", clients->port()));

  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("Address already in use"));
}

TEST_F(Fronts, AdminPortHasItsPages) {
  status_report report;
  report.id = node_id(1);
  report.role = "leader";
  report.leader = node_id(1);
  cluster.set_status(report);

  EXPECT_THAT(http_get("/healthz"), HasSubstr("200 OK"));
  EXPECT_THAT(http_get("/v1/status?x=1"), HasSubstr("\"role\": \"leader\""));
  const auto text = http_get("/metrics");
  EXPECT_THAT(text, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(text, HasSubstr("mainstay_is_leader 1"));
  EXPECT_THAT(text, HasSubstr("# TYPE mainstayd_commands_total counter"));
}

TEST_F(Fronts, ReadinessIsALinearizableRead) {
  EXPECT_THAT(http_get("/readyz"), HasSubstr("200 OK"));

  cluster.fail_with(error{error_code::not_leader, "no leader is known", {}});

  const auto refused = http_get("/readyz");
  EXPECT_THAT(refused, HasSubstr("503 Service Unavailable"));
  EXPECT_THAT(refused, HasSubstr("no leader is known"));
}

TEST_F(Fronts, ReadinessDoesNotWaitForever) {
  cluster.hold();

  const auto refused = http_get("/readyz");

  EXPECT_THAT(refused, HasSubstr("503 Service Unavailable"));
  EXPECT_THAT(refused, HasSubstr("the node did not answer"));
  cluster.release();
}

TEST_F(Fronts, StoppingWhileAProbeWaitsIsClean) {
  cluster.hold();
  plain_client client(admin.port());
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read(15);

  admin.stop();
  cluster.release();
}

TEST_F(Fronts, WrongRequestsGetProblems) {
  EXPECT_THAT(http_get("/nothing"), HasSubstr("404 Not Found"));
  const auto refused = http("POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(refused, HasSubstr("405 Method Not Allowed"));
  EXPECT_THAT(refused, HasSubstr("Allow: GET"));
  EXPECT_THAT(http("nonsense\r\n\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(http("GET / HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"),
              HasSubstr("431 Request Header Fields Too Large"));
  const auto large = http("POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n");
  EXPECT_THAT(large, HasSubstr("413 Payload Too Large"));
}

TEST_F(Fronts, AnActionAnswersWithItsJson) {
  cluster.snapshot = snapshot_report{log_index(7), term(2), 4096};

  const auto done = http_post("/v1/snapshot");

  EXPECT_THAT(done, HasSubstr("200 OK"));
  EXPECT_THAT(done, HasSubstr("application/json"));
  EXPECT_THAT(done, HasSubstr("\"last_included_index\": 7"));
  EXPECT_THAT(done, HasSubstr("\"bytes\": 4096"));
}

TEST_F(Fronts, AFailedActionIsAProblemWithItsCodeAndTheLeader) {
  cluster.snapshot = fail(error_code::not_leader, "node 2 leads", node_id(2));

  const auto refused = http_post("/v1/snapshot");

  EXPECT_THAT(refused, HasSubstr("409 Conflict"));
  EXPECT_THAT(refused, HasSubstr("\"code\": \"not_leader\""));
  EXPECT_THAT(refused, HasSubstr("\"leader\": 2"));
  EXPECT_THAT(refused, HasSubstr("node 2 leads"));
}

TEST_F(Fronts, AnActionIsNotTakenForAPage) {
  const auto refused = http_get("/v1/snapshot");

  EXPECT_THAT(refused, HasSubstr("405 Method Not Allowed"));
  EXPECT_THAT(refused, HasSubstr("Allow: POST"));
  EXPECT_THAT(http_post("/v1/snapshot"), HasSubstr("501 Not Implemented"));
}

TEST_F(Fronts, LeadershipIsHandedToWhomTheBodyNames) {
  cluster.new_leader = node_id(3);

  const auto done = http_post("/v1/transfer", R"({"to": 3})");

  EXPECT_THAT(done, HasSubstr("200 OK"));
  EXPECT_THAT(done, HasSubstr("{\"leader\":3}"));
  EXPECT_EQ(cluster.asked_heir, node_id(3));
  EXPECT_THAT(http_post("/v1/transfer"), HasSubstr("200 OK"));
  EXPECT_EQ(cluster.asked_heir, node_id());
}

TEST_F(Fronts, ATransferThatCannotBeReadIsRefused) {
  cluster.new_leader = node_id(3);
  for (const auto* body : {"3", R"({"to": 0})", R"({"to": "3"})", R"({"target": 3})", "{"}) {
    EXPECT_THAT(http_post("/v1/transfer", body), HasSubstr("400 Bad Request")) << body;
  }
}

TEST_F(Fronts, ATransferTakenBackSaysWhy) {
  cluster.new_leader =
      fail(error_code::overloaded, "node 3 declined to lead; node 1 leads on", node_id(1));

  const auto refused = http_post("/v1/transfer");

  EXPECT_THAT(refused, HasSubstr("503 Service Unavailable"));
  EXPECT_THAT(refused, HasSubstr("node 3 declined to lead; node 1 leads on"));
}

TEST_F(Fronts, ConnectionsOfTheAdminPortMayGoOn) {
  plain_client client(admin.port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read(15), "HTTP/1.1 200 OK");
    std::string rest;
    while (!rest.ends_with("\r\n\r\nalive\n")) rest += client.read(1);
  }
}

}  // namespace
}  // namespace mainstay::server
