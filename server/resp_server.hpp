/// The client port: accepts connections and runs them on a thread of its own, apart from the Raft
/// node, so that no load of clients delays a heartbeat.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"

#include "server/gateway.hpp"
#include "server/limits.hpp"
#include "server/session.hpp"

namespace mainstay::server {

/// Serves RESP2 and RESP3. Gateway, counters and logger must outlive it.
class resp_server {
 public:
  resp_server(gateway& cluster, server_limits limits, server_counters& counters, logger_ref logger);
  resp_server(const resp_server&) = delete;
  resp_server& operator=(const resp_server&) = delete;
  /// As `stop` without waiting for anyone.
  ~resp_server();

  /// Listens on "host:port"; port 0 lets the system choose. Errors: `invalid_argument` (address),
  /// `io_failed` (in use, not ours, …).
  result<void> start(const std::string& address);
  /// The port that it listens on. Precondition: started.
  std::uint16_t port() const;
  /// Takes no more connections or commands, waits until those under way are answered but at most
  /// `grace`, closes everything and ends the thread. Idempotent; from any thread but its own.
  void stop(duration grace);

 private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace mainstay::server
