/// One replica of one group at work: the loop that drives a core, and the traffic between it and
/// storage, network, state machine and callers. Users see it through `node` (node.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/raft.hpp"
#include "mainstay/node/applier.hpp"
#include "mainstay/node/configuration_synchronizer.hpp"
#include "mainstay/node/core_of.hpp"
#include "mainstay/node/events.hpp"
#include "mainstay/node/forwarding.hpp"
#include "mainstay/node/health.hpp"
#include "mainstay/node/host.hpp"
#include "mainstay/node/message_conversion.hpp"
#include "mainstay/node/options.hpp"
#include "mainstay/node/pending_work.hpp"
#include "mainstay/node/snapshot_trigger.hpp"
#include "mainstay/node/status.hpp"

namespace mainstay {

/// What a node tells as it happens; called on the loop. Any may be empty, and may stop the node
/// unless it says otherwise.
struct node_listener {
  std::function<void(const core::leadership&)> leadership_changed;
  std::function<void(const error&)> stopped;  ///< the node had to stop; the sentence says why
  /// The members in force; at the start, and whenever they or their standing change.
  std::function<void(const membership_news&)> members_changed;
  /// Decides who may join and leave while this node leads.
  membership_manager manages_members = allow_distinct_addresses;
};

/// Takes the snapshot that was saved, or why there is none; on the loop.
using snapshot_handler = std::move_only_function<void(const result<core::snapshot>&)>;

/// Takes the node that leads after a transfer of leadership, or why this one leads on.
using transfer_handler = std::move_only_function<void(result<node_id>)>;
/// Takes the news that this node leads no more, or why it still does.
using way_handler = std::move_only_function<void(result<void>)>;

namespace detail {

/// Everything but `submit`, which may come from any thread, happens on the loop; the state machine
/// is touched on the apply executor only. Callbacks keep the replica alive, so completions that
/// come late find it and are ignored. Callers' completions run in the middle of the work here and
/// may do anything that a node offers, `stop_on_loop` included: after each, look at `is_stopped`.
template <raft_types Types>
class replica : public std::enable_shared_from_this<replica<Types>> {
 public:
  using machine_type = typename Types::state_machine_type;
  using timer_type = typename Types::runtime_type::timer;

  replica(host<Types>& owner, node_options options, core::raft core, machine_type machine,
          node_listener listener)
      : owner_(owner),
        parts_(owner.parts()),
        log_(owner.parts().logger),
        options_(std::move(options)),
        listener_(std::move(listener)),
        core_(core_of<Types>::make(std::move(core), parts_.runtime)),
        applier_(std::move(machine)),
        timer_(parts_.runtime.make_timer(parts_.runtime.loop())) {}

  void start_on_loop();
  void stop_on_loop(const error& why);

  /// Any thread. Completes `op` in every case.
  void submit(std::unique_ptr<operation> op);

  /// Saves a snapshot, or waits for the one being saved. On the loop.
  void save_snapshot(snapshot_handler done);
  /// Before the start: the state machine takes the state that the log begins with.
  result<void> restore_machine(const core::snapshot& from);
  /// On the loop.
  void change_members(membership_request request, instant deadline,
                      completion_handler<membership_outcome> done);

  /// Hands leadership over; `done` is called once, on the loop.
  void transfer(node_id to, instant deadline, transfer_handler done);
  /// Hands leadership to whoever takes it; as above.
  void make_way(instant deadline, way_handler done);

  /// An index that covers every command and read answered here so far. Any thread.
  log_index token() const { return log_index(covered_->load(std::memory_order_acquire)); }

  /// Events from now on; on the loop.
  void subscribe(std::weak_ptr<event_stream> subscriber) { events_.add(std::move(subscriber)); }
  log_index applied_on_loop() const { return core_.last_applied(); }
  node_status status() const;
  const node_options& options() const { return options_; }
  machine_type& machine() { return applier_.machine(); }

 private:
  bool is_stopped() const { return health_.has(node_health::stopped); }

  // Turns.
  void schedule_turn();
  void turn();
  void expire();
  void take_submissions();
  void propose_due_time();
  instant time_due(instant now) const;
  void arm_timer();
  void carry_out(core::ready work);
  void advance() { core_.advance(parts_.runtime.now()); }

  // Callers.
  void accept(operation_handle op);
  void accept_write(operation_handle op);
  void accept_read(operation_handle op);
  void send_forwards();
  void forward(operations batch, std::vector<shared_bytes> commands);
  void on_forwarded(node_id leader, std::uint64_t ticket, result<rpc_response> response);
  void ask_reads();
  void ask(operations batch, core::read_basis basis);
  void on_reads(core::ready& work);
  void run_queries(operations batch);
  void answer_reads(const operations& asked, std::vector<outcomes> answers);
  void release_at(log_index index, operations batch);
  void release_reads();
  void cover(log_index index);

  // Transfer of leadership.
  bool holds_writes() const;
  void release_fenced();
  void on_transfer(const core::transfer_result& ended);
  void end_transfer(result<node_id> outcome);
  void look_at_transfer();
  instant transfer_due() const;
  result<node_id> begin_transfer(node_id to);
  void go_on_making_way();
  void end_making_way(result<void> outcome);
  void hand_over_for_the_disk();
  void hand_over_for_priority();
  void hand_over_by_own_will(node_id heir);

  // Peers.
  void on_request(node_id from, rpc_request request, responder respond);
  void on_forward_request(forward_commands request, responder respond);
  void send(core::envelope e);
  void report_failed_call(node_id peer, const char* kind, const error& why);
  duration timeout_of(const core::message& m) const;

  // Members.
  void follow_members();
  void report_members();
  std::map<node_id, std::string> wanted_peers();
  membership_view members() const {
    return {core_.configuration(), core_.configuration_index(),
            core_.is_changing(),   core_.role() == core::role::leader,
            core_.commit_index(),  core_.entries()};
  }

  // Storage and state machine.
  void append(core::persist_batch batch);
  void write(core::persist_batch batch);
  void on_appended(std::uint64_t attempt, std::uint64_t sequence, const result<void>& outcome);
  void on_disk_full(std::uint64_t sequence, const error& why);
  void check_stall();
  void report_health();
  void publish_members();
  void read_log(const core::log_read_request& request);
  void apply(std::vector<core::entry> entries);
  void apply_next();
  void on_applied(applied_entries done);
  void complete_writes(applied_entries& done);
  void on_apply_failed(const applied_entries& done);

  // Snapshots.
  void consider_snapshot();
  void begin_save();
  void write_snapshot(frozen_state frozen);
  result<core::snapshot> write_image(const core::snapshot_contents& contents, state_saver save);
  void on_saved(result<core::snapshot> saved);
  void report_snapshot(std::string_view event, const core::snapshot& s, instant since);
  void carry_out_images(core::ready& work);
  void read_image(const core::snapshot_read_request& wanted);
  void store_chunk(core::snapshot_chunk chunk);
  void report_failed_transfer(std::string_view event, const error& why);
  void compact(log_index index);
  void install(const core::snapshot_id& image);
  void on_installed(const core::snapshot_id& image, const result<core::snapshot>& installed);
  void refuse_granted_reads();
  void restore(core::snapshot from);
  error taking_a_snapshot_in() const {
    return {error_code::not_leader, "this node is taking a snapshot in", core_.leader()};
  }

  void on_leadership(const core::leadership& now);
  void fail_stop(const error& why);
  void close(const error& refused, const error& unknown);

  template <class Function>
  void post_to_loop(Function f) {
    parts_.runtime.loop().post(
        [self = this->shared_from_this(), f = std::move(f)]() mutable { f(*self); });
  }

  host<Types>& owner_;
  host_parts<Types> parts_;
  logger_ref log_;
  node_options options_;
  node_listener listener_;
  typename core_of<Types>::type core_;
  applier<machine_type> applier_;
  std::optional<timer_type> timer_;  // none once stopped: the last owner may be on any thread

  submission_queue submissions_;
  std::shared_ptr<std::atomic<std::uint64_t>> pending_bytes_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  pending_work work_;
  operations reads_now_;        // arrived this turn, not yet asked about
  operations lease_reads_now_;  // as `reads_now_`; on a lease, if there is one
  operations forwards_now_;     // arrived this turn, not yet on their way
  std::uint64_t last_read_context_ = 0;
  log_index known_index_;  // covers what was answered before `known_fresh_at_`
  std::optional<instant> known_fresh_at_;
  /// The index that covers whatever this node has answered. Any thread reads it.
  std::shared_ptr<std::atomic<std::uint64_t>> covered_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);

  std::unordered_map<std::uint64_t, responder> unanswered_;  // peers' requests, by call
  std::uint64_t last_token_ = 0;
  configuration_synchronizer changes_;
  std::map<node_id, std::string> known_peers_;                  // as the network was told of them
  std::optional<std::pair<log_index, bool>> followed_members_;  // as told: index, settled
  bool someone_leaves_ = false;                                 // and is still spoken to
  bool was_member_ = false;                                     // when they were last settled

  /// A transfer that somebody waits for.
  struct handing_over {
    node_id target;
    instant deadline;
    transfer_handler done;
    bool is_won = false;  ///< all that is missing is to hear who leads
  };
  std::optional<handing_over> transfer_;
  /// Leadership is on its way to anybody else.
  struct making_way {
    instant deadline;
    way_handler done;
    std::vector<node_id> tried;
  };
  std::optional<making_way> making_way_;
  instant no_transfer_before_ = instant::min();  // by this node's own will
  instant prefers_from_ = instant::min();        // it gives way to a higher priority
  instant held_until_ = instant::min();  // commands wait until then for the new leader's word

  event_feed events_;
  log_index reported_members_;  // the index of the configuration last told of
  node_health reported_health_ = node_health::sound;
  core::leadership leadership_;
  health_record health_;
  std::uint64_t last_append_ = 0;             // appends so far: a batch may be tried many times
  instant append_started_ = instant::max();   // when storage was given the last; max: it is over
  std::optional<log_time> next_expiry_;       // the state machine's, as of what was applied
  instant time_not_before_ = instant::min();  // the next entry that brings nothing but time
  instant retry_at_ = instant::max();         // disk full: when to write held_ again
  core::persist_batch held_;
  std::deque<std::vector<core::entry>> to_apply_;  // committed; bounded by max_applying_bytes
  std::size_t applying_ = 0;                       // stretches with the apply activity
  bool turn_scheduled_ = false;

  snapshot_trigger snapshot_trigger_{options_.snapshots};
  std::vector<snapshot_handler> snapshot_waiters_;  // of the one being saved
  bool saving_ = false;
  log_index saving_index_;  // of the snapshot being saved
  instant save_started_{};
  instant install_started_{};
  std::atomic<bool> is_closing_ = false;  // what is being saved ends soon
};

}  // namespace detail
}  // namespace mainstay

#include "mainstay/node/replica_callers.hpp"
#include "mainstay/node/replica_loop.hpp"
#include "mainstay/node/replica_members.hpp"
#include "mainstay/node/replica_peers.hpp"
#include "mainstay/node/replica_reads.hpp"
#include "mainstay/node/replica_snapshots.hpp"
#include "mainstay/node/replica_storage.hpp"
#include "mainstay/node/replica_time.hpp"
#include "mainstay/node/replica_transfer.hpp"
