/// A deterministic cluster of real cores in one thread: messages, disks, clocks and state machines
/// are simulated. Every step is checked by `invariants`, by the naive twin, and by whoever else
/// watches. Tests tell their story with it; it holds no randomness beside the cores' own seeds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mainstay/core/raft.hpp"
#include "mainstay/simulation/checkers/invariants.hpp"
#include "mainstay/simulation/observed_core.hpp"
#include "mainstay/simulation/observer_list.hpp"
#include "mainstay/simulation/twin.hpp"

#include "tests/core/simulated_disk.hpp"

namespace mainstay::core_test {

/// A configuration with voters 1 to n.
core::configuration voters(std::size_t n);
/// A command's payload.
core::entry command(std::uint64_t index, std::uint64_t term, std::string_view payload = "");

/// What became of a read.
struct read_result {
  std::optional<log_index> granted;
  std::optional<error> failed;
};

/// Nodes 1 to n. They start with the first call that needs one, so that disks can be filled before.
class cluster {
 public:
  /// The settings of `checked` are those given before. The first `members` nodes vote; with 0 all
  /// do. The others know of the cluster, but nobody knows of them.
  explicit cluster(std::size_t nodes, core::config settings = {}, std::uint64_t seed = 1,
                   simulation::checked_world checked = {}, std::size_t members = 0);
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// Shows every core to `observer` too, which must outlive the cluster. Call it first of all.
  void watch(simulation::core_observer& observer) { observers_.add(observer); }

  // Stories. Node numbers start at 1.

  /// Makes `node` stand for election, with the others out of patience with the old leader, and
  /// delivers what follows.
  void elect(std::uint64_t node);
  /// Brings a follower's clock so far that it may vote again, short of its own election alarm.
  void lose_patience(std::uint64_t node);
  /// Lets everything happen that needs no time to pass: messages, disks, state machines.
  void deliver();
  /// `deliver`, and a few heartbeats of time.
  void settle();
  /// Lets `span` pass for everyone, alarm by alarm, delivering in between.
  void pass(duration span);
  /// Lets `span` pass for one node alone, without delivering.
  void pass(std::uint64_t node, duration span);
  /// Brings one node's clock to its election alarm, without delivering.
  void time_out(std::uint64_t node);

  /// Proposes one command; gives its index.
  result<log_index> propose(std::uint64_t node, std::string_view payload);
  /// Asks for other members; gives the index of the configuration.
  result<log_index> change(std::uint64_t node, const core::configuration_change& change);
  /// Begins a read; gives its context for `read_of`.
  std::uint64_t read(std::uint64_t node, core::read_basis basis = core::read_basis::round);
  read_result read_of(std::uint64_t context) const;

  /// Nothing passes from `a` to `b` until `heal`; what is on the way is lost.
  void cut_one_way(std::uint64_t a, std::uint64_t b);
  void cut(std::uint64_t a, std::uint64_t b);
  /// Cuts one node off from all others.
  void isolate(std::uint64_t node);
  void heal() { cuts_.clear(); }
  bool is_cut(node_id from, node_id to) const { return cuts_.contains({from, to}); }

  /// The node loses what its disk has not finished, but for the first `steps` of the batch.
  void crash(std::uint64_t node, std::size_t steps = 0);
  void restart(std::uint64_t node);
  /// From now on the node's disk finishes a batch only by `persist`.
  void hold_disk(std::uint64_t node) { at(node).disk_is_held = true; }
  void free_disk(std::uint64_t node) { at(node).disk_is_held = false; }
  void hold_log_reads(std::uint64_t node) { at(node).log_reads_are_held = true; }
  void free_log_reads(std::uint64_t node) { at(node).log_reads_are_held = false; }

  // Single steps. Each ends with the node's ready being carried out.

  /// Delivers the message at `position` of the network.
  void deliver_one(std::size_t position);
  /// Puts a message straight into a node.
  void inject(core::envelope e);
  /// The node's disk finishes its batch, if there is one.
  void persist(std::uint64_t node);
  /// The node's disk refuses its batch, if there is one.
  void refuse(std::uint64_t node);
  /// The node's state machine applies the oldest batch that it was handed.
  void apply(std::uint64_t node);
  /// Saves a snapshot of what the node has applied, which is durable at once.
  void save_snapshot(std::uint64_t node);
  /// The node's storage does its oldest work with an image: reads, stores or installs.
  void work_on_image(std::uint64_t node);
  /// The same work comes to nothing.
  void fail_work_on_image(std::uint64_t node);
  void hold_images(std::uint64_t node) { at(node).images_are_held = true; }
  void free_images(std::uint64_t node) { at(node).images_are_held = false; }
  /// The node's storage answers its oldest log read.
  void answer_log_read(std::uint64_t node);
  /// The node learns that a request of its to `peer` failed: the newest, or that with `call`.
  void unreachable(std::uint64_t node, std::uint64_t peer);
  void unreachable(std::uint64_t node, std::uint64_t peer, std::uint64_t call);
  void step_down(std::uint64_t node);
  result<node_id> transfer(std::uint64_t node, std::uint64_t to = 0);

  /// While true, readies wait for `turn`, so that one takes in several inputs.
  void set_lazy(bool lazy) { lazy_ = lazy; }
  void turn(std::uint64_t node);

  // What there is to see.

  std::size_t size() const { return nodes_.size(); }
  bool is_up(std::uint64_t node) { return at(node).core.has_value(); }
  const core::raft& core(std::uint64_t node) { return at(node).core->core(); }
  simulated_disk& disk(std::uint64_t node) { return nodes_[node - 1].disk; }
  bool has_work_to_apply(std::uint64_t node) { return !at(node).to_apply.empty(); }
  bool has_log_reads(std::uint64_t node) { return !at(node).log_reads.empty(); }
  bool has_work_on_images(std::uint64_t node) { return !at(node).image_work.empty(); }
  /// The payloads of the log behind its base, in memory or on disk; no-ops are "-".
  std::vector<std::string> log(std::uint64_t node);
  /// The payloads of the commands that the node has applied.
  const std::vector<std::string>& committed(std::uint64_t node) { return at(node).applied; }
  /// The terms of the log behind its base.
  std::vector<std::uint64_t> terms(std::uint64_t node);
  /// The node that leads in the highest term; 0 when none does.
  std::uint64_t leader();
  /// True when all nodes are up and have the same log, all of it committed and applied.
  bool has_converged();

  std::deque<core::envelope>& network() { return network_; }
  instant clock(std::uint64_t node) { return at(node).clock; }
  const core::config& settings() const { return settings_; }
  const simulation::ghost& ghost() const { return invariants_.record(); }
  const simulation::twin& followed_by() const { return twin_; }

  /// Called with every ready before it is carried out.
  std::function<void(std::uint64_t node, const core::ready&)> on_ready;
  /// Called with every message before it is stepped.
  std::function<void(const core::envelope&)> on_delivery;
  /// Called instead of losing a message across a cut.
  std::function<void(const core::envelope&)> on_loss;

 private:
  /// For the state machine: entries, or a snapshot to take.
  using machine_work = std::variant<std::vector<core::entry>, core::snapshot>;
  /// For storage: to read, to store or to install.
  using image_task =
      std::variant<core::snapshot_read_request, core::snapshot_chunk, core::snapshot_id>;

  struct simulated_node {
    simulated_disk disk;
    std::optional<simulation::observed_core> core;
    instant clock{};
    std::deque<machine_work> to_apply;
    std::deque<core::log_read_request> log_reads;
    std::deque<image_task> image_work;
    std::vector<std::string> applied;
    bool disk_is_held = false;
    bool log_reads_are_held = false;
    bool images_are_held = false;
    bool has_started = false;
  };

  simulated_node& at(std::uint64_t number);
  void start(std::uint64_t number);
  /// Runs `input` on a node that is up, and takes its turn.
  void with(std::uint64_t number, const std::function<void(simulation::observed_core&)>& input);
  void carry_out(std::uint64_t number, core::ready ready);
  bool work_local(std::uint64_t number);
  duration until_next_alarm();

  core::config settings_;
  core::valid_config valid_settings_;
  std::uint64_t seed_;
  core::configuration first_;
  std::vector<simulated_node> nodes_;
  image_library images_;
  std::deque<core::envelope> network_;
  std::map<std::pair<node_id, node_id>, std::uint64_t> newest_calls_;  // of requests, by from, to
  std::set<std::pair<node_id, node_id>> cuts_;
  std::map<std::uint64_t, read_result> reads_;
  std::uint64_t last_read_ = 0;
  std::int64_t wall_clock_ = 0;
  bool lazy_ = false;
  simulation::invariants invariants_;
  simulation::twin twin_;
  simulation::observer_list observers_;
};

}  // namespace mainstay::core_test
