/// The gateway to a real node: what clients ask goes to `node`, and outcomes come back on its loop.
#pragma once

#include <memory>
#include <string>

#include "mainstay/metrics/prometheus/prometheus_metrics.hpp"

#include "server/config.hpp"
#include "server/gateway.hpp"

namespace mainstay::server {

/// A running node of the key-value cluster: log, network, loop and replica.
class node_gateway : public gateway {
 public:
  /// Opens the log, listens for peers, and takes part. `stopped` is called from the node's loop
  /// when the node has to give up (a failed disk). Blocks while the log is read. The logger
  /// outlives it. Errors: those of the log and of the listening socket.
  static result<std::unique_ptr<node_gateway>> open(const server_config& config, logger_ref logger,
                                                    std::function<void(const error&)> stopped);
  /// Stops.
  ~node_gateway() override;

  void submit(std::vector<shared_bytes> commands, instant deadline, outcomes_handler done) override;
  void submit_session_requests(std::vector<shared_bytes> requests, instant deadline,
                               outcomes_handler done) override;
  void query(std::vector<shared_bytes> requests, const read_terms& terms, instant deadline,
             outcomes_handler done) override;
  log_index token() const override;
  void save_snapshot(std::function<void(const result<snapshot_report>&)> done) override;
  void members(std::function<void(const membership_outcome&)> done) override;
  void join(core::member newcomer, const std::string& credential, instant deadline,
            std::function<void(const membership_outcome&)> done) override;
  void change_members(membership_request request, instant deadline,
                      std::function<void(const membership_outcome&)> done) override;
  void transfer(node_id to, instant deadline,
                std::function<void(const result<node_id>&)> done) override;
  /// Before a stop: hands leadership over if this node leads, trying one voter after the other.
  /// Blocks, for about as long as `patience` at most.
  void make_way(duration patience);
  /// Waits for a turn of the node's loop, at most a second: then the health is "stalled".
  status_report status() override;
  cluster_id identity() const override;
  instant now() const override;

  /// What the node's parts have measured, and room for more. Any thread.
  prometheus_metrics& metrics();
  /// Completes what is under way, closes connections and log. Afterwards only `status`, `metrics`
  /// and destruction are allowed. Idempotent.
  void stop();

 private:
  class implementation;
  explicit node_gateway(std::unique_ptr<implementation> inside);

  std::unique_ptr<implementation> inside_;
};

}  // namespace mainstay::server
