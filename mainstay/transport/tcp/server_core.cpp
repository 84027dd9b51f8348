#include "mainstay/transport/tcp/server_core.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "mainstay/transport/tcp/address.hpp"
#include "mainstay/transport/tcp/connector.hpp"

namespace mainstay {

namespace tcp {

namespace {

using endpoint = boost::asio::ip::tcp::endpoint;

/// Lines a second about connections that strangers can cause.
constexpr std::uint64_t lines_per_second = 20;

/// How long accepting rests when the process is out of descriptors.
constexpr duration accept_pause = std::chrono::milliseconds(100);

}  // namespace

server_core::server_core(boost::asio::io_context& io, valid_tcp_options options, logger_ref logger,
                         rpc_codec codec)
    : io_(io), options_(std::move(options)), logger_(logger), codec_(std::move(codec)) {}

result<void> server_core::start(request_handler handler) {
  if (acceptor_) return fail(error_code::invalid_argument, "the server was started already");
  const auto where = resolve_listen_address();
  if (!where) return std::unexpected(where.error());
  if (auto allowed = check_plaintext(*where, options_->allow_plaintext_beyond_loopback); !allowed) {
    return allowed;
  }
  if (auto listening = listen(*where); !listening) return listening;
  handler_ = std::make_shared<request_handler>(std::move(handler));
  accept_again_ = std::make_shared<alarm>(io_, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->accept();
  });
  accept();
  return {};
}

result<endpoint> server_core::resolve_listen_address() {
  const auto& address = options_->listen_address;
  const auto parsed = parse_address(address);
  if (!parsed) return fail(error_code::invalid_argument, "no address to listen on was given");
  boost::system::error_code failure;
  const auto number = boost::asio::ip::make_address(parsed->host, failure);
  if (!failure) return endpoint(number, parsed->port);
  boost::asio::ip::tcp::resolver resolver(io_);
  const auto found = resolver.resolve(parsed->host, std::to_string(parsed->port), failure);
  if (!failure && !found.empty()) return found.begin()->endpoint();
  return fail(error_code::io_failed,
              fmt::format("\"{}\" cannot be resolved: {}", address, failure.message()));
}

result<void> server_core::listen(const endpoint& where) {
  boost::system::error_code failure;
  boost::asio::ip::tcp::acceptor acceptor(io_);
  acceptor.open(where.protocol(), failure);
  if (!failure) {
    acceptor.set_option(boost::asio::ip::tcp::acceptor::reuse_address(true), failure);
  }
  if (!failure) acceptor.bind(where, failure);
  if (!failure) acceptor.listen(boost::asio::socket_base::max_listen_connections, failure);
  if (failure) {
    return fail(error_code::io_failed, fmt::format("cannot listen on {}: {}",
                                                   options_->listen_address, failure.message()));
  }
  acceptor_ = std::move(acceptor);
  return {};
}

void server_core::accept() {
  if (!acceptor_) return;
  acceptor_->async_accept([self = shared_from_this()](const boost::system::error_code& failure,
                                                      tcp_connection::socket accepted) {
    self->on_accepted(failure, std::move(accepted));
  });
}

void server_core::on_accepted(const boost::system::error_code& failure,
                              tcp_connection::socket accepted) {
  if (!acceptor_) return;
  if (!failure) {
    take_in(std::move(accepted));
    return accept();
  }
  if (failure == boost::asio::error::operation_aborted) return;
  // Out of descriptors, most likely. The connection stays in the backlog: asking again at once
  // would spin.
  log(log_level::error, "accepting a connection failed",
      {{"reason", std::string_view(failure.message())}});
  accept_again_->set(now() + accept_pause);
}

void server_core::take_in(tcp_connection::socket accepted) {
  ++counters_.accepted;
  if (half_open_.size() >= limits().max_half_open_connections) {
    const auto oldest = half_open_.front();
    half_open_.pop_front();
    oldest->close();
    ++counters_.refused;
    log(log_level::warning, "too many handshakes at once: the oldest was given up", {});
  }
  half_open_.push_back(std::make_shared<inbound>(*this, std::move(accepted)));
  half_open_.back()->start();
}

greeting server_core::own_greeting(node_id to) const {
  return {min_frame_version,
          max_frame_version,
          options_->cluster,
          options_->self,
          to,
          options_->disk,
          static_cast<std::uint32_t>(limits().max_frame_bytes),
          std::string(codec_.name())};
}

bool server_core::is_full(node_id peer) const {
  return peers_.size() >= limits().max_inbound_connections && !peers_.contains(peer);
}

void server_core::on_greeted(inbound& connection) {
  ++counters_.greeted;
  const auto self = connection.shared_from_this();
  half_open_.remove(self);
  auto& place = peers_[connection.peer()];
  // The peer would not have come anew if the old connection still served it.
  if (place) place->close();
  place = self;
  logger_.log(log_level::info, "tcp", "a peer connected", {{"peer", connection.peer().value()}});
}

void server_core::on_ended(inbound& connection, const connection_end& end) {
  const auto self = connection.shared_from_this();
  if (!connection.peer()) {
    ++counters_.refused;
    half_open_.remove(self);
  } else if (const auto at = peers_.find(connection.peer());
             at != peers_.end() && at->second == self) {
    peers_.erase(at);
  }
  log(end.level, "a peer's connection ended",
      {{"peer", connection.peer().value()},
       {"remote", std::string_view(end.remote)},
       {"reason", std::string_view(end.why)}});
}

void server_core::hand_on(node_id from, group_id group, rpc_request request, answer_ticket ticket) {
  ++counters_.requests;
  // Held while it runs: it may stop the server.
  const auto handler = handler_;
  (*handler)(from, group, std::move(request),
             [ticket = std::move(ticket)](const rpc_response& response) mutable {
               ticket.answer(response);
             });
}

void server_core::log(log_level level, std::string_view event,
                      std::initializer_list<log_field> fields) {
  if (may_log()) logger_.log(level, "tcp", event, fields);
}

bool server_core::may_log() {
  const auto moment = now();
  if (moment - log_window_ >= std::chrono::seconds(1)) {
    log_window_ = moment;
    logged_ = 0;
  }
  return logged_++ < lines_per_second;
}

void server_core::stop() {
  if (!acceptor_) return;
  boost::system::error_code ignored;
  acceptor_->close(ignored);
  acceptor_.reset();
  accept_again_->cancel();
  for (const auto& connection : std::exchange(half_open_, {})) connection->close();
  for (const auto& [peer, connection] : std::exchange(peers_, {})) connection->close();
}

std::string server_core::local_address() const {
  if (!acceptor_) return {};
  const auto where = acceptor_->local_endpoint();
  return to_text({where.address().to_string(), where.port()});
}

server_base::server_base(boost::asio::io_context& io, valid_tcp_options options, logger_ref logger,
                         rpc_codec codec)
    : core_(std::make_shared<server_core>(io, std::move(options), logger, std::move(codec))) {}

server_base::~server_base() { core_->stop(); }

result<void> server_base::start(request_handler handler) {
  return core_->start(std::move(handler));
}

void server_base::stop() { core_->stop(); }

std::string server_base::local_address() const { return core_->local_address(); }

const tcp_server_counters& server_base::counters() const {
  return std::as_const(*core_).counters();
}

}  // namespace tcp

}  // namespace mainstay
