#include "server/http_admin.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "server/address.hpp"
#include "server/admin_actions.hpp"
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
constexpr std::size_t max_body_bytes = 64 << 10;
constexpr auto request_time = std::chrono::seconds(10);
constexpr auto idle_time = std::chrono::seconds(60);
/// How long a node may take to show that it is ready.
constexpr auto readiness_time = std::chrono::seconds(1);

using request = http::request<http::string_body>;
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

response failed_action(const error& why) {
  const auto status = static_cast<http::status>(http_status_of(why.code));
  const auto name = http::obsolete_reason(status);
  return answer(status, "application/problem+json",
                problem_json(static_cast<unsigned>(status), {name.data(), name.size()}, why));
}

/// The action of this path and method; else any of the path.
const admin_action* action_at(std::string_view target, std::string_view method) {
  const admin_action* found = nullptr;
  for (const auto& action : admin_actions()) {
    if (action.path != target) continue;
    if (found == nullptr || action.method == method) found = &action;
  }
  return found;
}

std::string_view method_of(const request& r) {
  return {r.method_string().data(), r.method_string().size()};
}

std::string_view path_of(const request& r) {
  const std::string_view whole(r.target().data(), r.target().size());
  return whole.substr(0, whole.find('?'));
}

}  // namespace

class http_admin::implementation {
 public:
  implementation(gateway& cluster, std::function<std::string()> metrics, logger_ref logger)
      : cluster_(cluster),
        metrics_(std::move(metrics)),
        logger_(logger),
        readiness_(cluster, way_) {}

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

  /// The response to a question whose answer is at hand.
  response respond(const request& r);
  readiness_probe& readiness() { return readiness_; }
  gateway& cluster() { return cluster_; }
  const way_back& way() const { return way_; }

 private:
  class connection;
  void accept();

  gateway& cluster_;
  std::function<std::string()> metrics_;
  logger_ref logger_;
  std::size_t open_ = 0;
  asio::io_context context_{1};
  way_back way_{context_};
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
    parser_->body_limit(max_body_bytes);
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
    const std::string_view path = path_of(parser_->get());
    const auto* action = action_at(path, method_of(parser_->get()));
    if (action != nullptr) return run(*action);
    if (path == "/readyz" && parser_->get().method() == http::verb::get) return ask_readiness();
    write(owner_.respond(parser_->get()), parser_->get().keep_alive());
  }

  void ask_readiness() {
    wait(2 * readiness_time, problem(http::status::service_unavailable, "the node did not answer"));
    owner_.readiness().ask(readiness_time, [weak = weak_from_this()](const result<void>& ready) {
      const auto self = weak.lock();
      if (!self) return;
      self->tell(ready ? answer(http::status::ok, "text/plain", "ready\n")
                       : problem(http::status::service_unavailable, ready.error().message));
    });
  }

  void run(const admin_action& action) {
    const request& asked = parser_->get();
    if (method_of(asked) != action.method) {
      auto refused = problem(http::status::method_not_allowed,
                             fmt::format("{} is only for {}", action.path, action.method));
      refused.set(http::field::allow, beast::string_view(action.method));
      return write(std::move(refused), asked.keep_alive());
    }
    wait(action.patience + std::chrono::seconds(1),
         failed_action({error_code::timed_out, "the node did not answer; it may yet do it", {}}));
    action.run(owner_.cluster(), asked.body(), owner_.cluster().now() + action.patience,
               [way = owner_.way().entrance(), weak = weak_from_this(),
                question = question_](result<std::string> done) {
                 way->post([weak, question, done = std::move(done)] {
                   const auto self = weak.lock();
                   if (!self || question != self->question_) return;
                   self->tell(done ? answer(http::status::ok, "application/json", *done)
                                   : failed_action(done.error()));
                 });
               });
  }

  /// Waits for the cluster's word, but not for ever: the timer keeps this connection alive.
  void wait(duration patience, response otherwise) {
    asking_ = true;
    ++question_;
    patience_.expires_after(patience);
    patience_.async_wait(
        [self = shared_from_this(), r = std::move(otherwise)](beast::error_code cancelled) mutable {
          if (!cancelled) self->tell(std::move(r));
        });
  }
  void tell(response r) {
    if (!std::exchange(asking_, false)) return;
    patience_.cancel();
    write(std::move(r), parser_->get().keep_alive());
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
  std::uint64_t question_ = 0;  // an answer that comes late belongs to an earlier one
  implementation& owner_;
  beast::flat_buffer buffer_{max_header_bytes * 2};
  std::optional<http::request_parser<http::string_body>> parser_;
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
  const std::string target(path_of(r));
  const bool known =
      target == "/v1/status" || target == "/healthz" || target == "/readyz" || target == "/metrics";
  if (!known) {
    std::string there = "there is /v1/status, /healthz, /readyz, /metrics";
    for (const auto& action : admin_actions()) there.append(", ").append(action.path);
    return problem(http::status::not_found, there);
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
