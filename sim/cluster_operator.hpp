/// Whoever operates a simulated cluster: by chance, nodes are told to do what operators have them
/// do while all goes on. It judges nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "mainstay/base/random.hpp"
#include "mainstay/node/operation.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/simulation/schedule.hpp"
#include "mainstay/simulation/simulated_cluster.hpp"

namespace mainstay::sim {

/// The cluster as its operator sees it.
struct operated_cluster {
  std::uint64_t nodes = 0;
  std::function<void(instant, task)> at;
  std::function<instant()> now;
  std::function<void(node_id, simulation::outcome_handler)> save_snapshot;
};

/// Must outlive the cluster's events.
class cluster_operator {
 public:
  cluster_operator(const simulation::schedule& plan, operated_cluster cluster);
  cluster_operator(const cluster_operator&) = delete;
  cluster_operator& operator=(const cluster_operator&) = delete;

  void start();
  /// Nothing more is asked for.
  void stop() { stopped_ = true; }
  /// What was asked for and has not ended.
  std::size_t under_way() const { return under_way_; }

 private:
  /// About so long from now.
  void after(duration mean, void (cluster_operator::*act)());
  void save_snapshot();
  node_id draw_node() { return node_id(1 + random_.below(cluster_.nodes)); }

  simulation::snapshot_plan snapshots_;
  operated_cluster cluster_;
  random_generator random_;
  std::size_t under_way_ = 0;
  bool stopped_ = false;
};

}  // namespace mainstay::sim
