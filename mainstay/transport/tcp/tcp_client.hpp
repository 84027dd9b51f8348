/// The calling half of the TCP transport: one connection to each peer, made when it is needed.
/// This header names no Boost type beyond the io_context's name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "mainstay/seams/diagnostic_logger.hpp"
#include "mainstay/seams/network.hpp"
#include "mainstay/seams/rpc_serializer.hpp"
#include "mainstay/transport/tcp/rpc_codec.hpp"
#include "mainstay/transport/tcp/tcp_options.hpp"

namespace boost::asio {
class io_context;
}

namespace mainstay {

/// What a client has seen so far; counts since it was made.
struct tcp_client_counters {
  std::uint64_t calls = 0;               ///< made, refused ones included
  std::uint64_t responses = 0;           ///< that completed a call
  std::uint64_t late_responses = 0;      ///< to calls that were no longer, or never, outstanding
  std::uint64_t timeouts = 0;            ///< calls whose deadline passed
  std::uint64_t connections = 0;         ///< handshakes that succeeded
  std::uint64_t failed_connections = 0;  ///< attempts that failed, and connections that were lost
};

namespace tcp {

class client_core;

/// What every tcp_client is, whatever its serializer.
class client_base {
 public:
  client_base(const client_base&) = delete;
  client_base& operator=(const client_base&) = delete;

  /// Tells where a peer is reached ("host:port"). With another address than before, the connection
  /// is closed and its calls complete with `disconnected`.
  void add_peer(node_id peer, const std::string& address);
  /// Forgets a peer; its calls in flight complete with `disconnected`.
  void remove_peer(node_id peer);
  /// Calls a peer. Beside the errors of the seam: `invalid_argument` when the request is larger
  /// than the peer or the limits allow; it was not sent.
  void call(node_id peer, group_id group, rpc_request request, instant deadline, call_done done);
  /// Completes every call with `shutting_down` before it returns, and closes all connections.
  void stop();

  const tcp_client_counters& counters() const;

 protected:
  client_base(boost::asio::io_context& io, valid_tcp_options options, logger_ref logger,
              rpc_codec codec);
  /// Stops.
  ~client_base();

 private:
  std::shared_ptr<client_core> core_;
};

}  // namespace tcp

/// Calls to peers over TCP. Satisfies `network_client`; every function is for the loop that runs
/// `io`, whose deadlines are on CLOCK_MONOTONIC. It is destroyed before `io`, and never
/// from inside one of its completions. The logger outlives it.
template <rpc_serializer Serializer>
class tcp_client : public tcp::client_base {
 public:
  explicit tcp_client(boost::asio::io_context& io, const valid_tcp_options& options,
                      logger_ref logger = {}, Serializer serializer = {})
      : client_base(io, options, logger,
                    tcp::rpc_codec(any_rpc_serializer(std::move(serializer)),
                                   decode_limits{.max_payload = options->limits.max_frame_bytes})) {
  }
};

}  // namespace mainstay
