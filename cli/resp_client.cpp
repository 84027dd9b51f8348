/// The blocking client runs an io_context of its own up to the deadline of each operation.
#include "cli/resp_client.hpp"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace mainstay::cli {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

class resp_client::connection {
 public:
  explicit connection(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  result<void> connect(const endpoint& server) {
    deadline_ = std::chrono::steady_clock::now() + timeout_;
    const auto where = to_string(server);
    std::optional<error_code> resolved;
    tcp::resolver::results_type addresses;
    resolver_.async_resolve(server.host, std::to_string(server.port),
                            [&](error_code e, tcp::resolver::results_type found) {
                              resolved = e;
                              addresses = std::move(found);
                            });
    if (const auto e = wait_for(resolved)) return unreachable(where, "resolve", e);

    std::optional<error_code> connected;
    asio::async_connect(socket_, addresses,
                        [&](error_code e, const tcp::endpoint&) { connected = e; });
    if (const auto e = wait_for(connected)) return unreachable(where, "connect", e);
    error_code ignored;  // without it commands are merely slower
    (void)socket_.set_option(tcp::no_delay(true), ignored);
    return {};
  }

  result<resp_reply> call(const std::vector<std::string>& arguments) {
    deadline_ = std::chrono::steady_clock::now() + timeout_;
    const auto request = encode_command(arguments);
    std::optional<error_code> written;
    asio::async_write(socket_, asio::buffer(request),
                      [&](error_code e, std::size_t) { written = e; });
    if (const auto e = wait_for(written)) return lost("send", e);

    std::string received;
    while (true) {
      const auto parsed = parse_reply(received);
      if (!parsed) {
        close();
        return std::unexpected(parsed.error());
      }
      if (parsed->consumed > 0) return parsed->reply;
      if (const auto e = receive_into(received)) return lost("receive", e);
    }
  }

 private:
  error_code receive_into(std::string& received) {
    std::optional<error_code> done;
    std::size_t count = 0;
    socket_.async_read_some(asio::buffer(buffer_), [&](error_code e, std::size_t n) {
      done = e;
      count = n;
    });
    const auto e = wait_for(done);
    if (!e) received.append(buffer_.data(), count);
    return e;
  }

  /// Runs the context until `outcome` is set. At the deadline the operation is cancelled, and its
  /// handler has run before this returns.
  error_code wait_for(std::optional<error_code>& outcome) {
    context_.restart();
    context_.run_until(deadline_);
    if (outcome) return *outcome;
    resolver_.cancel();
    close();
    context_.run();
    return asio::error::timed_out;
  }

  void close() {
    error_code ignored;
    (void)socket_.close(ignored);
  }

  result<void> unreachable(const std::string& where, const char* step, error_code e) {
    close();
    return fail(mainstay::error_code::unreachable,
                fmt::format("{}: cannot {}: {}", where, step, e.message()));
  }

  result<resp_reply> lost(const char* step, error_code e) {
    close();
    const bool late = e == asio::error::timed_out;
    return fail(late ? mainstay::error_code::timed_out : mainstay::error_code::disconnected,
                late ? fmt::format("no answer within {} ms", timeout_.count())
                     : fmt::format("connection lost ({}: {})", step, e.message()));
  }

  std::chrono::milliseconds timeout_;
  std::chrono::steady_clock::time_point deadline_;
  asio::io_context context_{1};
  tcp::resolver resolver_{context_};
  tcp::socket socket_{context_};
  std::array<char, 16384> buffer_;
};

resp_client::resp_client(std::chrono::milliseconds timeout)
    : connection_(std::make_unique<connection>(timeout)) {}
resp_client::resp_client(resp_client&&) noexcept = default;
resp_client& resp_client::operator=(resp_client&&) noexcept = default;
resp_client::~resp_client() = default;

result<void> resp_client::connect(const endpoint& server) { return connection_->connect(server); }

result<resp_reply> resp_client::call(const std::vector<std::string>& arguments) {
  return connection_->call(arguments);
}

}  // namespace mainstay::cli
