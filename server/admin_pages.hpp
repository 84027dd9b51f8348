/// What the admin port shows, as text: no sockets, no HTTP.
#pragma once

#include <string>
#include <string_view>

#include "mainstay/metrics/prometheus/prometheus_metrics.hpp"

#include "server/gateway.hpp"
#include "server/session.hpp"

namespace mainstay::server {

/// A status report as JSON. The cluster's id is text, because 64 bits do not survive every reader
/// of JSON.
std::string status_json(const status_report& report);

/// A saved snapshot as JSON.
std::string snapshot_json(const snapshot_report& snapshot);

/// A failed action as RFC 9457 has it: title, status, detail; beside them the error's name, and the
/// leader's id where that helps.
std::string problem_json(unsigned status, std::string_view title, const error& why);

/// An error as RFC 9457 has it: title, status, detail.
std::string problem_json(unsigned status, std::string_view title, std::string_view detail);

/// Brings the figures of this moment into the metrics, so that they show in the exposition. For one
/// thread.
class figure_publisher {
 public:
  explicit figure_publisher(prometheus_metrics& metrics) : metrics_(metrics) {}

  /// What the client port has counted.
  void publish(const server_counters& counters);
  /// What the node says of itself.
  void publish(const status_report& report);

 private:
  void advance(std::string_view name, std::uint64_t& published, std::uint64_t now);
  void gauge(std::string_view name, std::uint64_t value);

  prometheus_metrics& metrics_;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_connections_ = 0;
  std::uint64_t commands_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t protocol_errors_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t unknown_ = 0;
};

}  // namespace mainstay::server
