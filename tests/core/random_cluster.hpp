/// One random schedule of a simulated cluster: loss, duplication, reordering, partitions, crashes,
/// slow and full disks, proposals and reads, all drawn from one seed. `simulation::invariants`
/// judges each step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/core/cluster.hpp"

namespace mainstay::core_test {

/// What happened in one schedule or in many; a campaign that never truncates proves nothing of
/// truncation.
struct coverage {
  std::uint64_t leaders = 0;
  std::uint64_t truncations = 0;
  std::uint64_t torn_batches = 0;
  std::uint64_t refused_batches = 0;
  std::uint64_t log_reads = 0;
  std::uint64_t committed = 0;
  std::uint64_t granted_reads = 0;
  std::uint64_t granted_reads_of_followers = 0;
  std::uint64_t failed_reads = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t snapshots_saved = 0;
  std::uint64_t compactions = 0;
  std::uint64_t chunks = 0;    ///< handed to storage
  std::uint64_t installs = 0;  ///< images handed out to be installed
  std::uint64_t log_resets = 0;
  std::uint64_t restores = 0;
  std::uint64_t transfers_won = 0;
  std::uint64_t transfers_failed = 0;
  std::uint64_t crashes = 0;
  std::uint64_t changes = 0;           ///< begun
  std::uint64_t joint_leaders = 0;     ///< elected while a change was under way
  std::uint64_t leaders_left_out = 0;  ///< that led until the change that removed them was made
  std::uint64_t steps = 0;
};

/// Runs the schedule of one seed. Throws `violation` when a property breaks or when the healed
/// cluster does not come to agree.
class random_cluster {
 public:
  explicit random_cluster(std::uint64_t seed);

  /// The whole schedule, healing included.
  void run();
  const coverage& covered() const { return covered_; }
  cluster& nodes() { return cluster_; }

 private:
  enum class action : std::uint8_t {
    deliver,
    lose,
    duplicate,
    tick,
    tick_one,
    persist,
    refuse,
    apply,
    log_read,
    turn,
    propose,
    read,
    crash,
    restart,
    cut,
    heal,
    step_down,
    transfer,
    save_snapshot,
    image,
    image_failure,
    change,
    count
  };

  static core::config random_settings(random_generator& random);
  static std::size_t random_size(random_generator& random);
  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  std::uint64_t any_node() { return 1 + random_.below(cluster_.size()); }
  void draw_weights();
  action draw_action();
  void act(action a);
  void act_on_network(action a);
  void act_on_clocks(action a);
  void act_on_node(action a, std::uint64_t node);
  void watch(std::uint64_t node, const core::ready& ready);
  void lost(const core::envelope& e);
  void propose();
  void change();
  bool has_all_members(std::uint64_t leader);
  void crash(std::uint64_t node);
  void save_snapshot(std::uint64_t node);
  void transfer();
  void cut_somewhere();
  void heal_and_agree();
  bool has_agreed(std::uint64_t& proposed_term);

  random_generator random_;
  cluster cluster_;
  std::vector<std::uint64_t> weights_;
  std::uint64_t all_weights_ = 0;
  std::uint64_t payload_bytes_ = 1;
  std::uint64_t reordering_ = 1;
  bool lazy_ = false;
  coverage covered_;
};

}  // namespace mainstay::core_test
