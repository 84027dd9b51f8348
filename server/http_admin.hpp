/// The admin port: status for people and programs, health for load balancers, metrics for
/// Prometheus, and the actions of admin_actions.hpp, over HTTP/1.1.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"

#include "server/gateway.hpp"

namespace mainstay::server {

/// Serves `GET /v1/status`, `/healthz`, `/readyz`, `/metrics` and the actions on a thread of its
/// own. Every other answer is a JSON problem (RFC 9457). At most 64 connections at a time, 8 KiB of
/// header, 64 KiB of body, ten seconds for a request and sixty between two.
class http_admin {
 public:
  /// `metrics` gives the text of /metrics; called on the admin port's thread. All outlive it.
  http_admin(gateway& cluster, std::function<std::string()> metrics, logger_ref logger);
  http_admin(const http_admin&) = delete;
  http_admin& operator=(const http_admin&) = delete;
  /// Stops.
  ~http_admin();

  /// Listens on "host:port"; port 0 lets the system choose. Errors: `invalid_argument` (address),
  /// `io_failed`.
  result<void> start(const std::string& address);
  /// The port that it listens on. Precondition: started.
  std::uint16_t port() const;
  /// Closes everything and ends the thread. Idempotent.
  void stop();

 private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace mainstay::server
