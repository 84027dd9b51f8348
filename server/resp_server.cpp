#include "server/resp_server.hpp"

#include <chrono>
#include <future>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "server/address.hpp"
#include "server/connection.hpp"
#include "server/dispatcher.hpp"

namespace mainstay::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr std::string_view too_many = "-ERR max number of clients reached\r\n";

}  // namespace

/// Everything but the constructor, `start` and `stop` runs on the thread.
class resp_server::implementation {
 public:
  implementation(gateway& cluster, server_limits limits, server_counters& counters,
                 logger_ref logger)
      : limits_(limits),
        counters_(counters),
        logger_(logger),
        dispatcher_(cluster, limits.request_timeout,
                    {[this] { asio::post(context_, [this] { dispatcher_.flush(); }); },
                     [this] { asio::post(context_, [this] { dispatcher_.drain(); }); }}),
        shared_{cluster, dispatcher_, limits_, counters_, arena_},
        acceptor_(context_),
        pause_(context_),
        sweep_(context_),
        grace_(context_) {}

  ~implementation() {
    stop(duration{});
    // Late outcomes may hold connections for longer than this lives: they must hold no socket.
    for (const auto& [id, each] : std::exchange(connections_, {})) each->close();
  }

  result<void> start(const std::string& address) {
    const auto endpoint = resolve(address);
    if (!endpoint) return std::unexpected(endpoint.error());
    boost::system::error_code failure;
    acceptor_.open(endpoint->protocol(), failure);
    if (!failure) acceptor_.set_option(tcp::acceptor::reuse_address(true), failure);
    if (!failure) acceptor_.bind(*endpoint, failure);
    if (!failure) acceptor_.listen(tcp::acceptor::max_listen_connections, failure);
    if (failure) {
      return fail(error_code::io_failed,
                  fmt::format("cannot listen for clients on {}: {}", address, failure.message()));
    }
    accept();
    if (limits_.idle_time > duration{}) sweep();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void stop(duration grace) {
    if (!thread_.joinable()) return;
    asio::post(context_, [this, grace] { begin_stop(grace); });
    thread_.join();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code failure, tcp::socket socket) {
      if (stopping_) return;
      if (failure) return pause_accepting(failure);
      admit(std::move(socket));
      accept();
    });
  }

  /// Out of file descriptors, most likely: trying again at once would only burn the processor.
  void pause_accepting(boost::system::error_code failure) {
    logger_.log(log_level::warning, "resp", "cannot accept a connection",
                {{"reason", std::string_view(failure.message())}});
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled && !stopping_) accept();
    });
  }

  void admit(tcp::socket socket) {
    if (connections_.size() >= limits_.connections) {
      counters_.connections_refused.fetch_add(1, relaxed);
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(too_many), ignored);
      return;
    }
    counters_.connections_accepted.fetch_add(1, relaxed);
    const auto id = next_id_++;
    const auto made = std::make_shared<connection>(
        std::move(socket), shared_, id, [this](std::uint64_t closed) { forget(closed); });
    connections_.emplace(id, made);
    counters_.connections_open.store(connections_.size(), relaxed);
    made->start();
  }

  void forget(std::uint64_t id) {
    connections_.erase(id);
    counters_.connections_open.store(connections_.size(), relaxed);
    if (stopping_ && connections_.empty()) context_.stop();
  }

  std::vector<std::shared_ptr<connection>> all() const {
    std::vector<std::shared_ptr<connection>> found;
    for (const auto& [id, each] : connections_) found.push_back(each);
    return found;
  }

  void sweep() {
    sweep_.expires_after(std::chrono::seconds(1));
    sweep_.async_wait([this](boost::system::error_code cancelled) {
      if (cancelled || stopping_) return;
      const instant moment = shared_.cluster.now() - limits_.idle_time;
      for (const auto& each : all()) each->close_if_idle_since(moment);
      sweep();
    });
  }

  void begin_stop(duration grace) {
    stopping_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    sweep_.cancel();
    for (const auto& each : all()) each->finish();
    if (connections_.empty()) return context_.stop();
    grace_.expires_after(grace);
    grace_.async_wait([this](boost::system::error_code) {
      for (const auto& each : all()) each->close();
      context_.stop();
    });
  }

  server_limits limits_;
  server_counters& counters_;
  logger_ref logger_;
  byte_arena arena_;
  asio::io_context context_{1};
  dispatcher dispatcher_;
  session_context shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::steady_timer sweep_;
  asio::steady_timer grace_;
  std::unordered_map<std::uint64_t, std::shared_ptr<connection>> connections_;
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

resp_server::resp_server(gateway& cluster, server_limits limits, server_counters& counters,
                         logger_ref logger)
    : implementation_(std::make_unique<implementation>(cluster, limits, counters, logger)) {}

resp_server::~resp_server() = default;

result<void> resp_server::start(const std::string& address) {
  return implementation_->start(address);
}

std::uint16_t resp_server::port() const { return implementation_->port(); }

void resp_server::stop(duration grace) { implementation_->stop(grace); }

}  // namespace mainstay::server
