/// What mainstayd is told, understood and checked as a whole before anything starts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/node/options.hpp"
#include "mainstay/runtime/asio/asio_runtime.hpp"
#include "mainstay/seams/log_levels.hpp"
#include "mainstay/seams/log_line.hpp"

#include "cli/endpoint.hpp"
#include "server/limits.hpp"
#include "server/settings.hpp"

namespace mainstay::server {

/// A sound set of settings; `make_config` gives no other.
struct server_config {
  node_options node;  ///< id, members and timing among them
  cluster_id cluster;
  std::string data;
  std::string persistence = "wal";  ///< a name that `open_storage` knows
  std::string address;  ///< where peers reach this node; empty: as it stands among the members
  std::string resp = "127.0.0.1:6401";
  std::string http = "127.0.0.1:8101";
  bool insecure = false;
  std::string serializer = "binary";  ///< a name that `serializer_named` knows
  /// Admin ports of a cluster that this node asks to take it in. Then `cluster` and the members are
  /// unknown until `find_cluster` has filled them in: the one member is this node.
  std::vector<cli::endpoint> join;
  bool is_learner = false;  ///< a newcomer, which the cluster has still to take in
  std::string join_token;   ///< newcomers must name it; empty: any may come
  std::uint64_t segment_bytes = 64 << 20;
  std::uint64_t snapshot_bytes_per_second = 128 << 20;  ///< of saving; 0: no limit
  apply_thread apply = apply_thread::loop;
  server_limits limits;
  std::string logger = "spdlog";  ///< a name that `logger_named` knows
  log_levels levels;
  log_format format = log_format::text;
};

/// Where other nodes reach this one, and it listens for them.
std::string address_of(const server_config& config);

/// Errors: `invalid_argument`, with the setting's origin, its value, and the rule.
result<server_config> make_config(const settings& given);

}  // namespace mainstay::server
