/// State-Machine Safety (paper, figure 3): no two servers apply different commands at one index;
/// and since machines are deterministic, none comes to another answer or state than the first.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/simulation/checkers/ghost.hpp"
#include "mainstay/simulation/checkers/machine_observer.hpp"

namespace mainstay::simulation {

/// Compares whatever is handed out for applying, each machine's steps, and each snapshot with the
/// first applier's.
class state_machine_safety final : public core_observer, public machine_observer {
 public:
  explicit state_machine_safety(const ghost& record) : ghost_(record) {}

  void started(const core::raft& core) override { check_image(core); }
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

  void machine_started(node_id node) override;
  void machine_applied(const machine_step& step) override;
  void machine_saved(const machine_step& step) override { compare(step); }
  void machine_restored(const machine_step& step) override;

 private:
  /// The first applier's digest at an index.
  struct first_step {
    node_id by;  ///< none: nobody has got there
    std::uint64_t answers = 0;
  };

  /// The first machine of which a state is known.
  struct first_state {
    node_id by;
    std::uint64_t digest = 0;
  };

  /// The first image of an index.
  struct first_image {
    node_id by;
    core::snapshot_id id;
  };

  void check_image(const core::raft& core);
  void check_command(const machine_step& step) const;
  void check_session(const machine_step& step);
  void compare(const machine_step& step);

  const ghost& ghost_;
  std::map<node_id, log_index> last_;  // each machine's
  std::vector<first_step> first_;      // by index
  // By what they include and the members that they name: a newcomer may save one before the log has
  // told it of any, and names those that it was told of at its start.
  std::map<std::pair<log_index, std::string>, first_image> images_;
  // Where the command of a session's serial was applied.
  std::map<std::pair<session_id, std::uint64_t>, log_index> session_uses_;
  // Digests of whole states, by the last command's index and the last entry's time.
  std::map<std::pair<log_index, std::int64_t>, first_state> states_;
};

}  // namespace mainstay::simulation
