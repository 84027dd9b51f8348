/// The five properties of Raft (paper, figure 3) and what follows from them, checked after every
/// step of a simulated cluster. Ghost records grow by what changed; nothing is ever scanned again.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mainstay/simulation/core_observer.hpp"

#include "tests/core/simulated_disk.hpp"

namespace mainstay::core_test {

/// A property of Raft was broken; `what` tells which, where and how.
struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Sees every node's core, disk and output; throws `violation` at the first broken property.
/// Nodes have the ids 1 to n.
class invariants final : public simulation::core_observer {
 public:
  explicit invariants(std::size_t nodes) : lives_(nodes) {}

  /// The next node's disk, from node 1 on. It must outlive this.
  void add(const simulated_disk& disk) { disks_.push_back(&disk); }

  void started(const core::raft& core) override;
  /// A read begins: it must not see less than what is committed anywhere at this moment.
  void before(const core::raft& core, const simulation::core_input& input) override;
  void after(const core::raft& core, const simulation::core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

  /// The highest index that any node has ever seen committed.
  log_index last_committed() const { return log_index(committed_.size()); }

 private:
  /// One node since it last started.
  struct life {
    core::role role = core::role::follower;
    term current_term;
    log_index commit_index;
    log_index applied;  // handed out for applying
    log_index last_applied;
    prefix_hashes log;
    std::vector<term> terms{term{}};  // by index
  };
  struct committed_entry {
    std::uint64_t prefix;
    std::uint64_t entry;
    term by;  // the term in which it was committed, at the latest
  };

  life& of(node_id id) { return lives_[id.value() - 1]; }
  const simulated_disk& disk_of(node_id id) const { return *disks_[id.value() - 1]; }
  void observe(const core::raft& core);
  void check_order(const core::raft& core, const life& l) const;
  void follow_log(const core::raft& core, life& l);
  void check_leader(const core::raft& core, const life& l);
  void check_commit(const core::raft& core, const life& l);
  void check_quorum_holds(const core::raft& core, const life& l) const;
  void check_message(const core::raft& core, const core::envelope& e);
  void check_vote(node_id voter, term t, node_id candidate);
  void check_read(std::uint64_t context, log_index index) const;

  std::vector<const simulated_disk*> disks_;
  std::vector<life> lives_;
  std::unordered_map<term, node_id> leaders_;
  std::map<std::pair<node_id, term>, node_id> votes_;            // kept across crashes
  std::map<std::pair<log_index, term>, std::uint64_t> entries_;  // → hash of the prefix
  std::vector<committed_entry> committed_;                       // index i stands at i - 1
  std::unordered_map<std::uint64_t, log_index> reads_;
};

}  // namespace mainstay::core_test
