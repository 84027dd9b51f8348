/// How a node's TCP client and server are set up: who the node is, and every limit. Nothing here
/// opens a socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/transport/tcp/peer_identities.hpp"

namespace mainstay {

/// Limits of one client or server. Sizes are in bytes.
struct tcp_limits {
  /// Largest request or response that is taken. It bounds what one connection can make this node
  /// allocate; peers learn it in the handshake and refuse to send more. 4 KiB to 1 GiB.
  std::size_t max_frame_bytes = 16 << 20;
  /// Calls to one peer that may be outstanding; more are `overloaded`. 1 to 65,535.
  std::size_t max_calls_in_flight = 1024;
  /// Request bytes to one peer that may be outstanding or unwritten. At least max_frame_bytes.
  std::size_t max_bytes_in_flight = 64 << 20;
  /// Calls that may wait for a connection that is being made. At least 1.
  std::size_t max_calls_while_connecting = 64;
  /// Requests of one connection that wait for this node's answer; at the limit the connection is
  /// not read on, so that the peer feels it. At least 1.
  std::size_t max_unanswered_requests = 1024;
  /// The same in request bytes; and separately for responses that the peer does not take. At least
  /// max_frame_bytes.
  std::size_t max_unanswered_bytes = 64 << 20;
  /// Peers connected to this node. At least 1.
  std::size_t max_inbound_connections = 64;
  /// Connections whose handshake is not over; the oldest gives way to a new one. At least 1.
  std::size_t max_half_open_connections = 32;
  /// Received payloads are slices of blocks of this size, and keep them alive. 4 KiB to 16 MiB.
  std::size_t receive_block_bytes = 256 << 10;

  /// For making a connection, its handshake included; on the accepting side for the handshake.
  duration connect_timeout = std::chrono::seconds(1);
  /// An inbound connection without a whole frame for this long is closed; the peer connects again
  /// when it has something to say.
  duration idle_timeout = std::chrono::minutes(5);
  /// Written bytes that the peer's machine does not acknowledge for this long end the connection.
  duration dead_peer_timeout = std::chrono::seconds(10);
  /// After a failed connection calls are refused for this long, twice as long after each further
  /// failure, up to the second value; each time less a random part of up to a half.
  duration reconnect_min = std::chrono::milliseconds(10);
  duration reconnect_max = std::chrono::milliseconds(500);
};

/// Who the node is, where it listens, and how much it allows.
struct tcp_options {
  cluster_id cluster;          ///< must be that of every peer
  node_id self;                ///< this node's id
  incarnation disk;            ///< of this node's disk
  std::string listen_address;  ///< "host:port"; port 0: any. Empty for a client alone
  /// Without it, listening on or connecting to anything but loopback is refused, because nothing
  /// on the wire is encrypted or authenticated.
  bool allow_plaintext_beyond_loopback = false;
  std::uint64_t random_seed = 0;  ///< of the reconnection's jitter; from the runtime
  tcp_limits limits;
  /// Shared by a node's client and server. Made when empty.
  std::shared_ptr<peer_identities> identities;
};

/// Options that keep every rule. Only `check` makes one; client and server take nothing else.
class valid_tcp_options {
 public:
  const tcp_options& operator*() const { return options_; }
  const tcp_options* operator->() const { return &options_; }

 private:
  friend result<valid_tcp_options> check(tcp_options options);
  explicit valid_tcp_options(tcp_options options) : options_(std::move(options)) {}
  tcp_options options_;
};

/// Holds options against the rules above. Errors: `invalid_argument`, naming field, value and rule.
result<valid_tcp_options> check(tcp_options options);

}  // namespace mainstay
