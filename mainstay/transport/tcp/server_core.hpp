/// The inside of tcp_server: the listening socket and the connections that peers made, whatever the
/// serializer. Private to the transport: brings in Boost.Asio.
#pragma once

#include <initializer_list>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "mainstay/seams/network.hpp"
#include "mainstay/transport/tcp/alarm.hpp"
#include "mainstay/transport/tcp/handshake.hpp"
#include "mainstay/transport/tcp/inbound.hpp"
#include "mainstay/transport/tcp/rpc_codec.hpp"
#include "mainstay/transport/tcp/tcp_server.hpp"

namespace mainstay::tcp {

/// How a connection ended, for the log.
struct connection_end {
  log_level level;
  std::string remote;
  std::string why;
};

/// Accepts, and keeps the connections within their numbers: a bounded list of those whose handshake
/// is not over, and one for each peer. For the loop only; held by a shared_ptr.
class server_core : public std::enable_shared_from_this<server_core> {
 public:
  server_core(boost::asio::io_context& io, valid_tcp_options options, logger_ref logger,
              rpc_codec codec);

  result<void> start(request_handler handler);
  void stop();
  std::string local_address() const;

  // For the connections.
  boost::asio::io_context& io() { return io_; }
  const tcp_limits& limits() const { return options_->limits; }
  const rpc_codec& codec() const { return codec_; }
  peer_identities& identities() { return *options_->identities; }
  tcp_server_counters& counters() { return counters_; }
  const tcp_server_counters& counters() const { return counters_; }
  greeting own_greeting(node_id to) const;
  /// Whether there is no room for a connection of this peer.
  bool is_full(node_id peer) const;
  /// The handshake of one connection is over: it takes the place of an older one of that peer.
  void on_greeted(inbound& connection);
  void on_ended(inbound& connection, const connection_end& end);
  void hand_on(node_id from, group_id group, rpc_request request, answer_ticket ticket);
  void log(log_level level, std::string_view event, std::initializer_list<log_field> fields);

 private:
  result<boost::asio::ip::tcp::endpoint> resolve_listen_address();
  result<void> listen(const boost::asio::ip::tcp::endpoint& endpoint);
  void accept();
  void on_accepted(const boost::system::error_code& failure, tcp_connection::socket accepted);
  void take_in(tcp_connection::socket accepted);
  bool may_log();

  boost::asio::io_context& io_;
  valid_tcp_options options_;
  logger_ref logger_;
  rpc_codec codec_;
  tcp_server_counters counters_;

  std::shared_ptr<request_handler> handler_;
  std::optional<boost::asio::ip::tcp::acceptor> acceptor_;
  std::shared_ptr<alarm> accept_again_;
  std::list<std::shared_ptr<inbound>> half_open_;  ///< oldest first
  std::unordered_map<node_id, std::shared_ptr<inbound>> peers_;

  instant log_window_{};  ///< begin of the second that logged_ counts
  std::uint64_t logged_ = 0;
};

}  // namespace mainstay::tcp
