/// State-Machine Safety (paper, figure 3): no two servers apply different commands at one index;
/// and since machines are deterministic, none comes to another answer or state than the first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "mainstay/simulation/checkers/ghost.hpp"
#include "mainstay/simulation/checkers/machine_observer.hpp"

namespace mainstay::simulation {

/// Compares whatever is handed out for applying, and each machine's steps, with the first
/// applier's.
class state_machine_safety final : public core_observer, public machine_observer {
 public:
  explicit state_machine_safety(const ghost& record) : ghost_(record) {}

  void took_ready(const core::raft& core, const core::ready& ready) override;

  void machine_started(node_id node) override;
  void machine_applied(const machine_step& step) override;
  void machine_restored(const machine_step& step) override;

 private:
  /// The first applier's digests at an index.
  struct first_step {
    node_id by;  ///< none: nobody has got there
    std::uint64_t answers = 0;
    std::optional<std::uint64_t> state;
  };

  void check_command(const machine_step& step) const;
  void compare(const machine_step& step);

  const ghost& ghost_;
  std::map<node_id, log_index> last_;  // each machine's
  std::vector<first_step> first_;      // by index
};

}  // namespace mainstay::simulation
