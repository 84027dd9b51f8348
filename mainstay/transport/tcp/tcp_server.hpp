/// The answering half of the TCP transport: listens, checks who comes, and hands requests on. This
/// header names no Boost type beyond the io_context's name.
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

/// What a server has seen so far; counts since it was made.
struct tcp_server_counters {
  std::uint64_t accepted = 0;           ///< connections taken from the operating system
  std::uint64_t greeted = 0;            ///< handshakes that succeeded
  std::uint64_t refused = 0;            ///< handshakes that were refused or broken
  std::uint64_t requests = 0;           ///< handed on
  std::uint64_t responses = 0;          ///< sent
  std::uint64_t dropped_responses = 0;  ///< too large, or for a connection that had ended
  std::uint64_t pauses = 0;             ///< times that a connection was not read on for a while
};

namespace tcp {

class server_core;

/// What every tcp_server is, whatever its serializer.
class server_base {
 public:
  server_base(const server_base&) = delete;
  server_base& operator=(const server_base&) = delete;

  /// Starts to listen on the options' address. Errors: `io_failed` (address in use, …),
  /// `invalid_argument` (beyond loopback without leave, already started, no address).
  result<void> start(request_handler handler);
  /// Stops listening and closes all connections; no request is handed on after it returns. Answers
  /// to requests from before are dropped. Idempotent.
  void stop();
  /// Where it listens, with the port that the system gave: "127.0.0.1:43210". Empty unless started.
  std::string local_address() const;

  const tcp_server_counters& counters() const;

 protected:
  server_base(boost::asio::io_context& io, valid_tcp_options options, logger_ref logger,
              rpc_codec codec);
  /// Stops.
  ~server_base();

 private:
  std::shared_ptr<server_core> core_;
};

}  // namespace tcp

/// Requests from peers over TCP. Satisfies `network_server`; every function is for the loop that
/// runs `io`, and so are the responders (called or dropped) as long as that loop runs. It is
/// destroyed before `io`, and never from inside its request handler. The logger outlives it.
template <rpc_serializer Serializer>
class tcp_server : public tcp::server_base {
 public:
  explicit tcp_server(boost::asio::io_context& io, const valid_tcp_options& options,
                      logger_ref logger = {}, Serializer serializer = {})
      : server_base(io, options, logger,
                    tcp::rpc_codec(any_rpc_serializer(std::move(serializer)),
                                   decode_limits{.max_payload = options->limits.max_frame_bytes})) {
  }
};

}  // namespace mainstay
