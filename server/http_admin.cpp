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
#include <nlohmann/json.hpp>

#include "server/address.hpp"

namespace mainstay::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using nlohmann::json;

namespace {

constexpr std::size_t max_connections = 64;
constexpr std::size_t max_header_bytes = 8 << 10;
constexpr auto request_time = std::chrono::seconds(10);
constexpr auto idle_time = std::chrono::seconds(60);

using request = http::request<http::empty_body>;
using response = http::response<http::string_body>;

json to_json(const member_report& m) {
  return {{"id", m.id.value()},
          {"address", m.address},
          {"role", m.role},
          {"match_index", m.match_index.value()},
          {"state", m.state},
          {"silence_ms", std::chrono::duration_cast<std::chrono::milliseconds>(m.silence).count()}};
}

json to_json(const status_report& s) {
  json members = json::array();
  for (const auto& m : s.members) members.push_back(to_json(m));
  return {{"id", s.id.value()},
          {"cluster_id", s.cluster_id.value()},
          {"role", s.role},
          {"term", s.term.value()},
          {"leader", s.leader ? json(s.leader.value()) : json(nullptr)},
          {"commit_index", s.commit_index.value()},
          {"applied_index", s.applied_index.value()},
          {"last_index", s.last_index.value()},
          {"health", s.health},
          {"problem", s.problem},
          {"ready", s.ready},
          {"members", std::move(members)}};
}

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
  const json body{{"title", std::string(name.data(), name.size())},
                  {"status", static_cast<unsigned>(status)},
                  {"detail", detail}};
  return answer(status, "application/problem+json", body.dump() + "\n");
}

}  // namespace

class http_admin::implementation {
 public:
  implementation(gateway& cluster, std::function<std::string()> metrics, logger_ref logger)
      : cluster_(cluster), metrics_(std::move(metrics)), logger_(logger) {}

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

  response respond(const request& r);

 private:
  class connection;
  void accept();

  gateway& cluster_;
  std::function<std::string()> metrics_;
  logger_ref logger_;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer retry_{context_};
  std::size_t open_ = 0;
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
    write(owner_.respond(parser_->get()), parser_->get().keep_alive());
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

response http_admin::implementation::respond(const request& r) {
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
  if (target == "/healthz") return answer(http::status::ok, "text/plain", "alive\n");
  if (target == "/metrics") {
    return answer(http::status::ok, "text/plain; version=0.0.4; charset=utf-8", metrics_());
  }
  const auto status = cluster_.status();
  if (target == "/v1/status") {
    return answer(http::status::ok, "application/json", to_json(status).dump(2) + "\n");
  }
  if (status.ready) return answer(http::status::ok, "text/plain", "ready\n");
  std::string why = "the node is not caught up";
  if (!status.has_leader()) why = "no leader is known";
  if (!status.problem.empty()) why = status.problem;
  return problem(http::status::service_unavailable, why);
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
