/// Whole nodes with the user's own state machine, in virtual time on one thread, from one seed:
/// the real core, node and write-ahead log, on a simulated network and on simulated disks.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mainstay/node/node.hpp"
#include "mainstay/simulation/observed_core.hpp"
#include "mainstay/simulation/simulated_log_engine.hpp"
#include "mainstay/simulation/simulated_transport.hpp"
#include "mainstay/simulation/simulated_world.hpp"

namespace mainstay::simulation {

/// The bundle of a simulated node.
template <state_machine Machine>
struct simulated_types {
  using runtime_type = simulated_runtime;
  using persistence_engine_type = simulated_log_engine;
  using network_client_type = simulated_client;
  using network_server_type = simulated_server;
  using diagnostic_logger_type = simulated_logger;
  using metrics_type = null_metrics;
  using state_machine_type = Machine;
  using core_type = observed_core;
};

/// Takes what became of a command or a read, exactly once.
using outcome_handler = std::move_only_function<void(command_outcome)>;
/// Take what became of an opened session, a change of members, a transfer of leadership.
using session_handler = std::move_only_function<void(result<session_id>)>;
using membership_handler = std::move_only_function<void(membership_outcome)>;
using transfer_handler = std::move_only_function<void(result<node_id>)>;

/// How a simulated client waits. `timeout` is on the clock of the node that it asks.
struct call_settings {
  duration timeout = std::chrono::seconds(5);
  bool forward = true;                          ///< of commands
  read_level level = read_level::linearizable;  ///< of reads
  session_id session = 0;                       ///< of commands; see `submit_options`
  std::uint64_t serial = 0;
  std::uint64_t lowest_waiting = 0;
};

namespace detail {

/// Completes a caller whose node is gone, whatever becomes of the node.
template <class Outcome>
class caller {
 public:
  using handler = std::move_only_function<void(Outcome)>;

  caller(event_queue& events, handler done) : events_(&events), done_(std::move(done)) {}
  caller(caller&& other) noexcept
      : events_(other.events_), done_(std::exchange(other.done_, nullptr)) {}
  caller& operator=(caller&&) = delete;
  ~caller() {
    if (!done_) return;
    events_->soon([done = std::move(done_)]() mutable {
      done(fail(error_code::disconnected, "the simulated node is gone"));
    });
  }
  void operator()(Outcome outcome) {
    auto done = std::exchange(done_, nullptr);
    done(std::move(outcome));
  }

 private:
  event_queue* events_;
  handler done_;
};

/// A node from its start to its crash. Destroyed at any moment, it leaves nothing behind that
/// would run: whoever waits for an answer is told that the node is gone.
template <class Types>
struct node_life {
  node_life(simulated_world& world, computer& here)
      : runtime(world.events(), here.execution, here.clock, world.draw(),
                world.settings().observer),
        logger(world.settings().log, here.id),
        client(world.network(), runtime, here.id),
        server(world.network(), here.id) {
    runtime.how = world.settings().how;
  }
  node_life(const node_life&) = delete;
  node_life& operator=(const node_life&) = delete;
  ~node_life() { runtime.end(); }

  simulated_runtime runtime;
  simulated_logger logger;
  null_metrics metrics;
  std::unique_ptr<simulated_log_engine> storage;
  simulated_client client;
  simulated_server server;
  std::optional<host<Types>> owner;
  std::optional<node<Types>> replica;
};

}  // namespace detail

/// A cluster of whole nodes. Nothing happens but in `run_…`, and everything on the caller's thread.
///
/// Faults may come at any time, also out of completions and observers: what ends a process out of
/// its own event does so when the event is over.
template <state_machine Machine>
class simulated_cluster {
 public:
  using types = simulated_types<Machine>;
  /// Makes the state machine of a node that starts.
  using machine_factory = std::function<Machine(node_id)>;

  explicit simulated_cluster(cluster_settings settings = {})
    requires std::default_initializable<Machine>
      : simulated_cluster(std::move(settings), [](node_id) { return Machine{}; }) {}
  simulated_cluster(cluster_settings settings, machine_factory make)
      : world_(std::move(settings)), make_(std::move(make)), lives_(world_.settings().nodes) {}

  // Processes.

  /// Starts every node that is down.
  void start() {
    for (const auto& c : world_.computers()) (void)start(c->id);
  }
  /// Starts a node on what its disk holds; nothing if it runs. Errors: those of the log, when it
  /// cannot be recovered; `invalid_argument` for the options; `unsupported` when it was wiped.
  result<void> start(node_id id);
  /// The power fails, now: what is not on the disk is gone, and what is there is as a disk leaves
  /// it.
  void crash(node_id id) { end_life(id, ending::power_failure); }
  /// The power of a node that is down comes back, and fails again so many millionths into the
  /// recovery of its log; nothing if it is not down. Errors: those of the log, as of `start`.
  result<void> crash_in_recovery(node_id id, std::uint32_t millionths);
  /// The process ends, now; what it wrote is in the hands of the system, which goes on.
  void kill(node_id id) { end_life(id, ending::killed); }
  /// The node shuts down in order.
  void stop(node_id id) { end_life(id, ending::in_order); }
  /// The disk is gone for good, and the node with it: it stays away.
  void wipe(node_id id) { end_life(id, ending::wiped); }
  /// The node gets an empty disk, whatever it was, and is down: it comes back as another one that
  /// is to join `members`. For nodes that are no members any more.
  void replace_disk(node_id id, const core::configuration& members, log_index joined);
  /// The process stands still until it is resumed; nothing if it does not run.
  void pause(node_id id);
  void resume(node_id id);

  node_presence presence(node_id id) const { return world_.at(id).presence; }
  /// Why a node stopped or could not start, in its present life.
  const std::optional<error>& problem(node_id id) const { return world_.at(id).problem; }
  /// All stops and failed starts so far.
  const std::vector<node_failure>& failures() const { return world_.failures(); }

  // Clients.

  /// Submits a command through a node. `done` is called exactly once, never from within: when the
  /// node goes down meanwhile as `disconnected`, and as `unreachable` when it is down already. Only
  /// the end of the cluster drops it.
  void submit(node_id through, shared_bytes command, outcome_handler done,
              const call_settings& how = {});
  /// Asks the state machine; else as `submit`.
  void query(node_id whom, shared_bytes request, outcome_handler done,
             const call_settings& how = {});

  /// Opens a session, and ends one, through a node; else as `submit`.
  void open_session(node_id through, session_handler done, const call_settings& how = {});
  void close_session(node_id through, session_id session, outcome_handler done,
                     const call_settings& how = {});
  /// Changes the members, and hands leadership over, through a node; else as `submit`.
  void change_members(node_id through, membership_request request, membership_handler done,
                      duration timeout);
  void transfer(node_id through, node_id to, transfer_handler done, duration timeout);
  /// Has a node save a snapshot; `done` is told whether it could, else as `submit`.
  void save_snapshot(node_id whom, outcome_handler done);

  // Time.

  instant now() { return world_.events().now(); }
  /// Lets the next event happen; false when nothing is left to happen.
  bool run_one() { return world_.events().run_one(); }
  void run_until(instant end) { world_.events().run_until(end); }
  void run_for(duration span) { run_until(now() + span); }
  /// Runs until `holds()`, which is asked after every event; false when `limit` passes first.
  template <class Condition>
  bool run_until(Condition holds, duration limit);
  /// Has something run later, as part of the world.
  void at(instant when, task action) { world_.events().at(when, std::move(action)); }

  // Clocks.

  /// Both clocks of a node gain so many microseconds a second from now on, or lose them.
  void set_drift(node_id id, std::int64_t parts_per_million);
  /// The monotonic clock of a node leaps forward.
  void leap_clock(node_id id, duration forward);
  /// The wall clock of a node leaps, to or fro.
  void leap_wall_clock(node_id id, duration by) { world_.at(id).clock.leap_wall(by); }

  // What is there.

  event_queue& events() { return world_.events(); }
  simulated_network& network() { return world_.network(); }
  simulated_disk& disk(node_id id) { return *world_.at(id).disk; }
  std::vector<node_id> ids() const;
  /// What a node says about itself; of one that is down, `stopped` and the problem.
  node_status status(node_id id) const;
  /// The state machine of a node; null when it is down.
  Machine* machine(node_id id) { return running(id) ? &life(id)->replica->machine() : nullptr; }
  /// The runtime of a node, to change its pace; null when it is down.
  simulated_runtime* runtime(node_id id) { return running(id) ? &life(id)->runtime : nullptr; }
  /// The log of a node; null when it is down.
  const simulated_log_engine* log(node_id id) const {
    return running(id) ? life(id)->storage.get() : nullptr;
  }
  /// Who leads in the highest term, of the nodes that run; none when nobody does.
  node_id leader() const;
  /// Whether a node leads, no change of members is under way, and all members that are not wiped
  /// run, follow it, and have the same log, durable, committed and applied to its end.
  bool has_converged() const;

 private:
  using life_type = detail::node_life<types>;
  enum class ending : std::uint8_t { power_failure, killed, in_order, wiped };

  std::unique_ptr<life_type>& life(node_id id) { return lives_[id.value() - 1]; }
  const std::unique_ptr<life_type>& life(node_id id) const { return lives_[id.value() - 1]; }
  bool running(node_id id) const { return world_.at(id).lives != 0 && life(id) != nullptr; }

  result<std::unique_ptr<simulated_log_engine>> open_log(computer& here, life_type& life);
  result<void> begin_life(computer& here, life_type& life);
  void end_life(node_id id, ending how) {
    world_.events().when_over([this, id, how] { end_life_now(id, how); });
  }
  void end_life_now(node_id id, ending how);
  void shut_down(life_type& life);
  template <class Outcome>
  void refuse_later(std::move_only_function<void(Outcome)> done);

  simulated_world world_;
  machine_factory make_;
  std::vector<std::unique_ptr<life_type>> lives_;
};

}  // namespace mainstay::simulation

#include "mainstay/simulation/simulated_cluster_lives.hpp"
