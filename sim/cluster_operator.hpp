/// Whoever operates a simulated cluster: by chance, nodes are told to do what operators have them
/// do while all goes on. It judges nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/node/membership.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/simulation/schedule.hpp"
#include "mainstay/simulation/simulated_cluster.hpp"

namespace mainstay::sim {

/// The cluster as its operator sees it.
struct operated_cluster {
  std::function<void(instant, task)> at;
  std::function<instant()> now;
  std::function<void(node_id, simulation::outcome_handler)> save_snapshot;
  /// Who leads; none: nobody does.
  std::function<node_id()> leader;
  /// The members in force at a node that runs.
  std::function<core::configuration(node_id)> members;
  std::function<void(node_id, membership_request, simulation::membership_handler, duration)> change;
  std::function<void(node_id, node_id, simulation::transfer_handler, duration)> transfer;
  /// Whether a node's disk is gone, or lies.
  std::function<bool(node_id)> is_lost;
  /// Gives a node an empty disk, to join these members at this index or later.
  std::function<void(node_id, const core::configuration&, log_index)> replace_disk;
};

/// What the operator brought about.
struct operator_counters {
  std::uint64_t changes = 0;   ///< of members that were done
  std::uint64_t rejoined = 0;  ///< nodes that were given an empty disk
  std::uint64_t transfers = 0;
};

/// Must outlive the cluster's events.
///
/// Of the nodes that are no members it knows for sure, as operators must: those that the last
/// change which was done left out, and that it has not asked to be taken in since.
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
  const operator_counters& counters() const { return counters_; }
  /// Whether the change with this id was refused, as one that certainly does not happen.
  bool was_refused(std::uint64_t change_id) const { return refused_.contains(change_id); }

  /// For every node's membership manager: whatever faults may take away for good, a majority of the
  /// voters is left, also of those that are promoted on the way.
  result<void> allows(const core::configuration& wanted) const;

 private:
  using action = void (cluster_operator::*)();

  /// About so long from now.
  void after(duration mean, action act);
  void save_snapshot();
  void change_members();
  void transfer();

  membership_request draw_request(const core::configuration& now);
  void add_newcomer(membership_request& request);
  void on_changed(std::uint64_t id, const membership_outcome& outcome);
  void give_new_disks(const core::configuration& members, log_index since);

  bool percent(std::uint64_t chance) { return random_.below(100) < chance; }
  node_id draw_node() { return node_id(1 + random_.below(plan_.nodes)); }
  template <class List>
  auto draw_from(const List& list) {
    return list[random_.below(list.size())];
  }
  /// Mostly the leader, else anyone.
  node_id whom_to_ask();

  const simulation::schedule& plan_;
  operated_cluster cluster_;
  random_generator random_;
  std::set<node_id> doomed_;
  std::set<node_id> spares_;  // certainly no members
  operator_counters counters_;
  std::uint64_t moves_ = 0;
  std::uint64_t changes_asked_ = 0;
  std::set<std::uint64_t> refused_;  // changes that certainly did not happen
  std::size_t under_way_ = 0;
  bool stopped_ = false;
};

}  // namespace mainstay::sim
