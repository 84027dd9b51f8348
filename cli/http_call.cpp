/// Through Boost.Beast; every step is bounded by the same deadline.
#include "cli/http_call.hpp"

#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace mainstay::cli {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using system_error = boost::system::error_code;

constexpr std::uint64_t body_limit = 1 << 20;

/// The exchange of one request: each step starts the next, and the first failure ends it.
class exchange {
 public:
  exchange(const endpoint& server, const http_question& question, std::chrono::milliseconds timeout)
      : server_(server),
        timeout_(timeout),
        request_(http::string_to_verb(question.method), question.path, 11, question.body) {
    request_.set(http::field::host, to_string(server));
    request_.set(http::field::connection, "close");
    if (!question.body.empty()) request_.set(http::field::content_type, "application/json");
    request_.prepare_payload();
    response_.body_limit(body_limit);
  }

  result<http_reply> run() {
    stream_.expires_after(timeout_);
    resolver_.async_resolve(server_.host, std::to_string(server_.port),
                            [this](system_error e, const auto& found) {
                              if (e) return failed("resolve", error_code::unreachable, e);
                              connect(found);
                            });
    context_.run();
    if (failure_) return std::unexpected(*failure_);
    return http_reply{response_.get().result_int(), std::move(response_.get().body())};
  }

 private:
  void connect(const asio::ip::tcp::resolver::results_type& addresses) {
    stream_.async_connect(addresses, [this](system_error e, const auto&) {
      if (e) return failed("connect", error_code::unreachable, e);
      send();
    });
  }

  void send() {
    http::async_write(stream_, request_, [this](system_error e, std::size_t) {
      if (e) return failed("send", error_code::disconnected, e);
      receive();
    });
  }

  void receive() {
    http::async_read(stream_, buffer_, response_, [this](system_error e, std::size_t) {
      if (e) failed("receive", error_code::disconnected, e);
    });
  }

  void failed(const char* step, error_code code, system_error e) {
    if (e == beast::error::timeout && code != error_code::unreachable) code = error_code::timed_out;
    failure_ =
        error{code, fmt::format("{}: cannot {}: {}", to_string(server_), step, e.message()), {}};
  }

  const endpoint& server_;
  std::chrono::milliseconds timeout_;
  asio::io_context context_{1};
  asio::ip::tcp::resolver resolver_{context_};
  beast::tcp_stream stream_{context_};
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> response_;
  std::optional<error> failure_;
};

}  // namespace

result<http_reply> http_call(const endpoint& server, const http_question& question,
                             std::chrono::milliseconds timeout) {
  return exchange(server, question, timeout).run();
}

result<std::string> http_get(const endpoint& server, const std::string& path,
                             std::chrono::milliseconds timeout) {
  auto reply = http_call(server, {.path = path}, timeout);
  if (!reply) return std::unexpected(reply.error());
  if (reply->status == 200) return std::move(reply->body);
  return fail(error_code::malformed,
              fmt::format("{}: HTTP status {}", to_string(server), reply->status));
}

}  // namespace mainstay::cli
