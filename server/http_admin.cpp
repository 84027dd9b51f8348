#include "server/http_admin.hpp"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "server/address.hpp"
#include "server/admin_pages.hpp"
#include "server/readiness.hpp"

namespace mainstay::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t max_connections = 64;
constexpr std::size_t max_header_bytes = 8 << 10;
constexpr auto request_time = std::chrono::seconds(10);
constexpr auto idle_time = std::chrono::seconds(60);
/// How long a node may take to show that it is ready.
constexpr auto readiness_time = std::chrono::seconds(1);

using request = http::request<http::empty_body>;
using response = http::response<http::string_body>;

response answer(http::status status, std::string_view type, std::string body) {
  response r(status, 11);
  r.set(http::field::server, "mainstayd");
  r.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  r.set(http::field::cache_control, "no-store");
  r.body() = std::move(body);
  return r;
}

response problem(http::status status, const std::string& detail) {
  const auto name = http::obsolete_reason(status);
  return answer(status, "application/problem+json",
                problem_json(static_cast<unsigned>(status), {name.data(), name.size()}, detail));
}

}  // namespace

class http_admin::implementation {
 public:
  implementation(gateway& cluster, std::function<std::string()> metrics, logger_ref logger)
      : cluster_(cluster),
        metrics_(std::move(metrics)),
        logger_(logger),
        readiness_(cluster, context_) {}

  result<void> start(const std::string& address) {
    const auto endpoint = resolve(address);
    if (!endpoint) return std::unexpected(endpoint.error());
    beast::error_code failure;
    acceptor_.open(endpoint->protocol(), failure);
    if (!failure) acceptor_.set_option(tcp::acceptor::reuse_address(true), failure);
    if (!failure) acceptor_.bind(*endpoint, failure);
    if (!failure) acceptor_.listen(asio::socket_base::max_listen_connections, failure);
    if (failure) {
      return fail(error_code::io_failed,
                  fmt::format("cannot listen on {}: {}", address, failure.message()));
    }
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  /// The response; none for /readyz, whose answer takes time.
  std::optional<response> respond(const request& r);
  readiness_probe& readiness() { return readiness_; }

 private:
  class connection;
  void accept();

  gateway& cluster_;
  std::function<std::string()> metrics_;
  logger_ref logger_;
  std::size_t open_ = 0;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer retry_{context_};
  readiness_probe readiness_;
  std::thread thread_;
};

/// One client: requests one after the other, each within its time.
class http_admin::implementation::connection : public std::enable_shared_from_this<connection> {
 public:
  connection(tcp::socket socket, implementation& owner)
      : stream_(std::move(socket)), owner_(owner) {
    ++owner_.open_;
  }
  ~connection() { --owner_.open_; }

  void read(std::chrono::seconds time) {
    parser_.emplace();
    parser_->header_limit(max_header_bytes);
    parser_->body_limit(0);
    stream_.expires_after(time);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code failure, std::size_t) {
                       self->on_read(failure);
                     });
  }

 private:
  void on_read(beast::error_code failure) {
    if (failure == http::error::end_of_stream || failure == beast::error::timeout) return;
    if (failure &&
        failure.category() == http::make_error_code(http::error::end_of_stream).category()) {
      return write(problem(refusal_of(failure), failure.message()), false);
    }
    if (failure) return;
    auto made = owner_.respond(parser_->get());
    if (!made) return ask_readiness();
    write(*std::move(made), parser_->get().keep_alive());
  }

  /// Waits for the cluster's word, but not for ever: the timer keeps this connection alive.
  void ask_readiness() {
    patience_.expires_after(2 * readiness_time);
    patience_.async_wait([self = shared_from_this()](beast::error_code cancelled) {
      if (!cancelled) self->tell_readiness(fail(error_code::timed_out, "the node did not answer"));
    });
    owner_.readiness().ask(readiness_time, [weak = weak_from_this()](const result<void>& ready) {
      if (const auto self = weak.lock()) self->tell_readiness(ready);
    });
    asking_ = true;
  }
  void tell_readiness(const result<void>& ready) {
    if (!std::exchange(asking_, false)) return;
    patience_.cancel();
    auto made = ready ? answer(http::status::ok, "text/plain", "ready\n")
                      : problem(http::status::service_unavailable, ready.error().message);
    write(std::move(made), parser_->get().keep_alive());
  }

  static http::status refusal_of(beast::error_code failure) {
    if (failure == http::error::header_limit) return http::status::request_header_fields_too_large;
    if (failure == http::error::body_limit) return http::status::payload_too_large;
    return http::status::bad_request;
  }

  void write(response r, bool keep_alive) {
    response_ = std::move(r);
    response_.keep_alive(keep_alive);
    response_.prepare_payload();
    stream_.expires_after(request_time);
    http::async_write(
        stream_, response_,
        [self = shared_from_this(), keep_alive](beast::error_code failure, std::size_t) {
          if (!failure && keep_alive) return self->read(idle_time);
          self->stream_.socket().shutdown(tcp::socket::shutdown_send, failure);
        });
  }

  beast::tcp_stream stream_;
  asio::steady_timer patience_{stream_.get_executor()};
  bool asking_ = false;
  implementation& owner_;
  beast::flat_buffer buffer_{max_header_bytes * 2};
  std::optional<http::request_parser<http::empty_body>> parser_;
  response response_;
};

void http_admin::implementation::accept() {
  acceptor_.async_accept([this](beast::error_code failure, tcp::socket socket) {
    if (failure == asio::error::operation_aborted) return;
    if (!failure && open_ < max_connections) {
      std::make_shared<connection>(std::move(socket), *this)->read(request_time);
    }
    if (!failure) return accept();
    // Out of file descriptors, most likely: asking again at once would spin.
    logger_.log(log_level::warning, "http", "cannot accept a connection",
                {{"reason", std::string_view(failure.message())}});
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](beast::error_code cancelled) {
      if (!cancelled) accept();
    });
  });
}

std::optional<response> http_admin::implementation::respond(const request& r) {
  const auto whole = r.target();
  const std::string target(whole.substr(0, whole.find('?')));
  const bool known =
      target == "/v1/status" || target == "/healthz" || target == "/readyz" || target == "/metrics";
  if (!known) {
    return problem(http::status::not_found, "there is /v1/status, /healthz, /readyz and /metrics");
  }
  if (r.method() != http::verb::get) {
    auto refused = problem(http::status::method_not_allowed, target + " is only for GET");
    refused.set(http::field::allow, "GET");
    return refused;
  }
  if (target == "/readyz") return std::nullopt;
  if (target == "/healthz") return answer(http::status::ok, "text/plain", "alive\n");
  if (target == "/metrics") {
    return answer(http::status::ok, "text/plain; version=0.0.4; charset=utf-8", metrics_());
  }
  return answer(http::status::ok, "application/json", status_json(cluster_.status()));
}

http_admin::http_admin(gateway& cluster, std::function<std::string()> metrics, logger_ref logger)
    : implementation_(std::make_unique<implementation>(cluster, std::move(metrics), logger)) {}
http_admin::~http_admin() { implementation_->stop(); }
result<void> http_admin::start(const std::string& address) {
  return implementation_->start(address);
}
std::uint16_t http_admin::port() const { return implementation_->port(); }
void http_admin::stop() { implementation_->stop(); }

}  // namespace mainstay::server
