/// The algorithm: one replica of one consensus group as a plain value. It has no threads, clocks,
/// sockets or files; it takes inputs, and `take_ready` gives everything that is to be done. Its
/// methods stand in files named after the paper: election, replication, reads, membership,
/// snapshots, transfer.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/random.hpp"
#include "mainstay/core/config.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/log.hpp"
#include "mainstay/core/messages.hpp"
#include "mainstay/core/progress.hpp"
#include "mainstay/core/ready.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/core/timing.hpp"
#include "mainstay/core/transfer.hpp"

namespace mainstay::core {

/// What a replica starts from.
struct initial_state {
  node_id id;
  /// In force at the log's beginning. When it names the replica as a learner, then with the index
  /// at which it joined, or one before that and after all in which another had this id.
  core::configuration bootstrap;
  core::hard_state hard_state;
  /// The newest durable snapshot, whose state the state machine has taken; its configuration is in
  /// force there. A log that does not hold its last entry is given up for it.
  std::optional<core::snapshot> snapshot;
  term_run base;                      ///< last compacted index and its term; 0 and 0 when none
  log_index last_index;               ///< of the log on disk
  std::vector<term_run> term_runs;    ///< of (base, last_index]
  std::vector<entry> configurations;  ///< every configuration entry in the log, in order
  std::vector<entry> tail;            ///< the newest entries, for the window
  std::uint64_t seed = 0;             ///< of the replica's random numbers
};

/// Refuses what no log can look like. Errors: `corrupt`, with the field.
result<void> check(const initial_state& state);

/// What a read may rest on.
enum class read_basis : std::uint8_t {
  round,  ///< a round of messages to a quorum (thesis §6.4)
  lease,  ///< the leader's lease while it lasts, else a round (thesis §6.4.1)
};

/// One peer as the leader sees it, for status pages.
struct peer_status {
  node_id id;
  log_index match_index;
  log_index next_index;
  progress_state state = progress_state::probe;
  duration silence{};               ///< since it last answered
  std::uint64_t snapshot_sent = 0;  ///< bytes of an image that it has; 0 unless one is on its way
  std::uint64_t snapshot_size = 0;  ///< of that image
  bool is_leaving = false;          ///< no member any more, but not yet told so
  std::uint32_t slow_rounds = 0;    ///< of catching up, as a learner; at 10 it is not promoted
};

/// One replica. Copyable and comparable. Not thread-safe.
///
/// Inputs may come in any order and any number of times; each leads to a defined outcome. A message
/// is never trusted: what breaks the protocol is answered with a rejection and changes nothing.
class raft {
 public:
  /// Starts as a follower. `now` is the first instant. Errors: `invalid_argument` when the id is 0
  /// or the bootstrap configuration breaks a rule, `corrupt` when the recovered log is impossible.
  static result<raft> start(const valid_config& config, initial_state state, instant now);

  // Inputs.

  /// Moves time on and lets the alarms go off that have passed. Instants never decrease.
  void advance(instant now);
  /// Takes a message from a peer. Every request is answered by exactly one message with its `call`.
  void step(envelope e);
  /// Appends commands at the leader (paper §5.3); gives the index of the first, the others follow
  /// it. All or nothing. `now` is the wall clock; entries never go back in time.
  /// Precondition: the kind is `command` or `session`; the core does not look into either.
  /// Errors: `not_leader` with a hint, `overloaded`, `invalid_argument`.
  result<log_index> propose(std::span<const shared_bytes> commands, log_time now,
                            entry_kind kind = entry_kind::command);
  /// Appends an entry that brings nothing but the time, a no-op; gives its index. Errors:
  /// `not_leader` with a hint, `overloaded`.
  result<log_index> propose_time(log_time now);
  /// Changes the members at the leader (paper §6); gives the index of the configuration that is in
  /// force from now on. The change is made when `is_changing` is false again; until then it may be
  /// taken back with the leadership. One that has been made, by its id or because nothing is
  /// different, gives the index of the configuration in force.
  /// Errors: `not_leader` with a hint, `overloaded` while another change is under way or the leader
  /// has just been elected, `invalid_argument`.
  result<log_index> change_configuration(const configuration_change& change);
  /// Asks from which index on a read is linearizable (thesis §6.4). The answer comes in a ready's
  /// `granted_reads` or `failed_reads` with the same context. On a follower it is the leader who
  /// is asked. On a lease it is granted at once; `advance` must have been called after the read
  /// arrived, or time may have passed that the lease has not.
  void read(std::uint64_t context, read_basis basis = read_basis::round);
  /// The persist batch with this sequence, and all before it, are durable.
  void persisted(std::uint64_t sequence);
  /// The persist batch with this sequence was not written and never will be: its work comes again
  /// in a later ready. Only for failures that leave the disk as it was (a full disk).
  void not_persisted(std::uint64_t sequence);
  /// The state machine has applied everything up to `index`.
  void applied(log_index index);
  /// The entries that a `log_read_request` asked for; none when storage could not give them.
  void log_read(std::uint64_t id, std::vector<entry> entries);
  /// A snapshot of this replica's own state is durable: the log behind it can go (paper §7).
  /// Precondition: the state machine has applied its last included index.
  void snapshot_saved(const core::snapshot& saved);
  /// The piece of an image that a `snapshot_read_request` asked for; empty when storage could not
  /// give it.
  void snapshot_read(std::uint64_t id, shared_bytes data);
  /// What became of a `snapshot_chunk`: where storage wants the image to go on, and whether it is
  /// whole. None: the chunk could not be stored for now.
  void snapshot_chunk_stored(std::uint64_t id, std::optional<std::uint64_t> next_offset,
                             bool is_whole);
  /// The image that `ready::install` named is durably this replica's snapshot.
  void snapshot_installed(const core::snapshot& installed);
  /// It could not be installed, and everything is as it was.
  void snapshot_not_installed(const snapshot_id& image);
  /// A request to this peer went unanswered: lost, refused, or past its deadline.
  void unreachable(node_id peer, std::uint64_t call);
  /// Gives up leadership or candidacy at once, because the node cannot serve (a stalled disk).
  void step_down();
  /// Hands leadership to `to`, a voter, or to the best there is when none is named; gives whom
  /// (thesis §3.10). How it ends comes in a ready's `transfer`; until then commands may be refused
  /// as overloaded, for an election timeout at most. Errors: `not_leader` with a hint,
  /// `overloaded` while a transfer is under way, `unreachable` when nobody is in contact,
  /// `invalid_argument`.
  result<node_id> transfer(node_id to);
  /// As `step_down`, for good: this replica never campaigns again, because its state machine has
  /// failed and nobody would be answered. It still votes and stores.
  void retire();

  // Outputs.

  /// Everything to be done since the last call.
  ready take_ready();
  /// When `advance` has to be called at the latest; `no_deadline` for never.
  instant next_deadline() const { return timing_.next(); }

  // What it is, for status pages and tests.

  node_id id() const { return id_; }
  /// The newest instant that it was given.
  instant now() const { return timing_.now; }
  core::role role() const { return role_; }
  term current_term() const { return hard_state_.current_term; }
  node_id voted_for() const { return hard_state_.voted_for; }
  node_id leader() const { return leader_; }
  log_index commit_index() const { return commit_index_; }
  log_index last_applied() const { return last_applied_; }
  log_index last_index() const { return log_.last_index(); }
  /// The last index whose entry is on this replica's own disk.
  log_index stable_index() const { return stable_index_; }
  const core::log& entries() const { return log_; }
  /// The configuration in force: the newest in the log, committed or not (paper §6).
  const core::configuration& configuration() const { return configurations_.back().value; }
  /// The index whose entry brought it.
  log_index configuration_index() const { return configurations_.back().index; }
  /// The configuration that was in force at this index. Precondition: not below the newest
  /// snapshot's, nor beyond the log.
  const core::configuration& configuration_at(log_index index) const;
  /// The newest durable snapshot.
  const std::optional<core::snapshot>& snapshot() const { return snapshot_; }
  /// True from the moment an image is handed out to be installed until the state machine has it:
  /// this replica neither campaigns nor answers reads.
  bool is_installing() const { return installing_ || restoring_; }
  /// The transfer of leadership under way; its phase is `none` when there is none.
  const transfer_state& handing_over() const { return handing_over_; }
  /// Whom this leader best hands over to, among the voters in contact but those passed over: who
  /// has all that is committed, has the highest priority, has the most of the log, in this order;
  /// the first by id of equals. None: there is nobody.
  node_id best_heir(std::span<const node_id> passed_over = {}) const;
  /// The best heir, where it has all that is committed and a higher priority than this leader; none
  /// while the members change.
  node_id preferred_leader() const;
  /// True while commands are refused because leadership is being handed over.
  bool is_fenced() const { return handing_over_.phase >= transfer_phase::fence; }
  /// That of the oldest index that this replica knows of.
  const core::configuration& first_configuration() const { return configurations_.front().value; }
  /// True from the first step of a change until its last is committed here.
  bool is_changing() const;
  /// True while a quorum has promised this leader that nobody else is elected (thesis §6.4.1), as
  /// of the instant last given. Never unless `config::lease_reads`.
  bool has_lease() const;
  /// Bytes accepted as leader and not yet committed.
  std::uint64_t uncommitted_bytes() const { return uncommitted_bytes_; }
  /// The peers' progress; empty unless leader.
  std::vector<peer_status> peers() const;

  /// Calls `visit(name, member)` for every member once, in the order of declaration, so that tools
  /// can hash, compare or print a replica, and decide by name what to leave out.
  template <class Visitor>
  void visit_state(Visitor&& visit) const;

  friend bool operator==(const raft&, const raft&) = default;

 private:
  struct appended_configuration {
    log_index index;
    core::configuration value;
    friend bool operator==(const appended_configuration&, const appended_configuration&) = default;
  };
  /// Whoever waits for a read: this replica's caller, or a follower's request.
  struct read_waiter {
    std::uint64_t context = 0;
    node_id from;  // none: local
    friend bool operator==(const read_waiter&, const read_waiter&) = default;
  };
  struct read_round {
    std::uint64_t round = 0;
    log_index index;
    std::vector<read_waiter> waiters;
    friend bool operator==(const read_round&, const read_round&) = default;
  };
  /// A round that may found a lease, and when it began: no message carries it before.
  struct lease_round {
    std::uint64_t round = 0;
    instant began{};
    friend bool operator==(const lease_round&, const lease_round&) = default;
  };
  /// A message that must not leave before the batch with `sequence` is durable.
  struct withheld_message {
    std::uint64_t sequence = 0;
    envelope message;
    friend bool operator==(const withheld_message&, const withheld_message&) = default;
  };
  /// The batch that storage is working on; sequence 0: none.
  struct pending_batch {
    std::uint64_t sequence = 0;
    log_index first_index;    // lowered, with last_index, when the log is truncated meanwhile
    log_index last_index;     // first_index - 1: no entries
    log_index truncate_from;  // none: nothing
    bool has_hard_state = false;
    std::optional<term_run> reset_to;
    friend bool operator==(const pending_batch&, const pending_batch&) = default;
  };

  /// A chunk with storage, or an image being installed, and whom to answer.
  struct incoming_image {
    std::uint64_t id = 0;  // of the chunk
    snapshot_id image;
    node_id from;
    std::uint64_t call = 0;
    friend bool operator==(const incoming_image&, const incoming_image&) = default;
  };

  raft(const valid_config& config, node_id id, std::uint64_t seed);

  // raft.cpp: dispatch, durability, output.
  void on(const envelope& e, const request_vote& m);
  void on(const envelope& e, const request_vote_response& m);
  void on(const envelope& e, const append_entries& m);
  void on(const envelope& e, const append_entries_response& m);
  void on(const envelope& e, const install_snapshot& m);
  void on(const envelope& e, const install_snapshot_response& m);
  void on(const envelope& e, const timeout_now& m);
  void on(const envelope& e, const timeout_now_response& m);
  void on(const envelope& e, const read_index& m);
  void on(const envelope& e, const read_index_response& m);
  void refuse_misdirected(const envelope& e);
  std::uint64_t unsaved_sequence() const;
  void hard_state_changed();
  void send(node_id to, std::uint64_t call, message m, std::uint64_t after_sequence = 0);
  void send_request(node_id to, message m) { send(to, ++last_call_, std::move(m)); }
  void release_withheld();
  void collect_persist(ready& out);
  void collect_committed(ready& out);
  void truncate_log(log_index from);
  void assert_invariants() const;

  // election.cpp
  void become_follower(term t, node_id leader);
  void campaign();
  void become_pre_candidate();
  void become_candidate(bool told_to = false);
  void become_leader();
  void request_votes(bool pre_vote, bool told_to = false);
  void count_votes();
  bool heed_leader(node_id from, term t, bool is_well_formed);
  void leave_leadership();
  bool hears_leader() const;
  bool is_up_to_date(log_index last_log_index, term last_log_term) const;
  void check_quorum_contact();

  // replication.cpp
  result<log_index> append_as_leader(entry_kind kind, std::span<const shared_bytes> payloads,
                                     log_time now);
  std::optional<append_entries_response> examine(const envelope& e, const append_entries& m);
  append_entries_response reject_append(const append_entries& m) const;
  log_index accept_entries(const append_entries& m);
  bool is_well_formed(const append_entries& m) const;
  void broadcast_append();
  void send_heartbeats();
  void send_empty_append(node_id peer, progress& p, log_index previous);
  void send_confirmation(node_id peer, progress& p) { send_empty_append(peer, p, p.match_index); }
  void replicate_to(node_id peer, progress& p);
  bool may_send(const progress& p) const;
  void send_entries(node_id peer, progress& p, std::vector<entry> entries);
  void on_mismatch(progress& p, const append_entries_response& m);
  void advance_commit_index();
  void set_commit_index(log_index index);
  void send_commit_notices();

  // reads.cpp
  bool has_committed_in_term() const;
  void start_read_round();
  void confirm_reads();
  void grant(const read_waiter& waiter, log_index index);
  void ask_leader_for_reads();
  void begin_lease_round();
  void note_promise(progress& p, const append_entries_response& m) const;
  std::uint64_t promise() const;
  void fail_reads(error_code code, const char* why);
  void fail_read(const read_waiter& waiter, error_code code, const char* why);

  // snapshots.cpp
  void recover_snapshot(const core::snapshot& found);
  void compact_log();
  void reset_log(const core::snapshot& from);
  void continue_transfer(node_id peer, progress& p);
  bool begin_transfer(progress& p);
  void send_chunk(node_id peer, progress& p, shared_bytes data);
  void adapt_to_link(image_transfer& t) const;
  void retry_transfer(progress& p) const;
  bool is_silent(const progress& p) const;
  void answer_with_snapshot(node_id to, std::uint64_t call, const snapshot_id& image);
  void decline_snapshot(node_id to, std::uint64_t call);
  void collect_install(ready& out);

  // transfer.cpp
  void continue_transfer();
  void end_transfer(transfer_outcome outcome);
  void give_up_transfer(transfer_outcome outcome);
  void transfer_ends_with_leadership();
  bool may_stand_when_told() const;

  // membership.cpp
  void configuration_appended(log_index index, core::configuration c);
  void roll_back_configurations(log_index from);
  bool may_stand() const;
  const member* own_vote(const core::configuration& c) const;
  std::string change_under_way() const;
  void append_configuration(core::configuration c);
  void go_on_with_change();
  bool is_left_out() const;
  void make_way();
  void track_members(log_index next, std::optional<std::uint64_t> joined_after);
  void on_acknowledged(node_id peer, progress& p, std::uint64_t call);
  void say_farewell(node_id peer, progress& p, std::uint64_t call);
  void forget_departed();
  void watch_catching_up(const member& learner, progress& p);

  valid_config config_;
  node_id id_;
  log_index joined_from_;  // earlier, another node had this id
  random_generator random_;
  timing timing_;

  // Persistent state (paper, figure 2), and how much of it is durable.
  hard_state hard_state_;
  core::log log_;
  std::vector<appended_configuration> configurations_;  // never empty; rising by index
  std::uint64_t last_sequence_ = 0;                     // of the newest batch handed out
  std::uint64_t durable_sequence_ = 0;
  std::uint64_t hard_state_sequence_ = 0;  // the batch that the current hard state is part of
  bool hard_state_dirty_ = false;
  log_index stable_index_;                  // on disk, and equal to log_
  log_index unsaved_from_;                  // the first entry not yet handed to storage
  log_index truncate_disk_from_;            // none: the disk needs no truncation
  std::optional<term_run> reset_disk_to_;   // none: what is on the disk goes on
  std::optional<core::snapshot> snapshot_;  // the newest durable one
  pending_batch pending_;
  std::vector<withheld_message> withheld_;

  // Volatile state.
  core::role role_ = core::role::follower;
  bool retired_ = false;
  node_id leader_;
  leadership reported_;
  log_index commit_index_;
  log_index applying_index_;  // handed out for applying
  log_index last_applied_;
  std::uint64_t applying_bytes_ = 0;
  std::deque<std::pair<log_index, std::uint64_t>> applying_;  // handed out: last index, bytes
  std::uint64_t apply_read_ = 0;              // the log read under way for applying; 0: none
  std::vector<entry> apply_from_storage_;     // its answer
  std::map<node_id, bool> votes_;             // answers of this election; true: granted
  std::optional<incoming_image> receiving_;   // its chunk is with storage
  std::optional<incoming_image> installing_;  // storage makes it the snapshot
  bool install_is_handed_out_ = false;        // storage has been told to
  bool restoring_ = false;                    // the state machine takes the snapshot

  // Volatile state on leaders.
  std::map<node_id, progress> progress_;
  std::uint64_t uncommitted_bytes_ = 0;
  log_index term_start_;                    // index of this term's no-op
  std::uint64_t calls_before_leading_ = 0;  // the last call before this term's leadership
  transfer_state handing_over_;
  bool has_handed_over_ = false;  // in this term somebody was told to stand

  // Reads.
  std::uint64_t round_ = 0;
  std::deque<lease_round> lease_rounds_;  // of this leadership, newest last; a bounded number
  std::vector<read_waiter> waiting_reads_;
  std::deque<read_round> rounds_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> asked_reads_;  // call → contexts

  std::uint64_t last_call_;
  std::uint64_t last_log_read_ = 0;
  ready out_;
};

/// Names and members in the order in which they stand above.
template <class Visitor>
void raft::visit_state(Visitor&& visit) const {
  visit("config", config_);
  visit("id", id_);
  visit("joined_from", joined_from_);
  visit("random", random_);
  visit("timing", timing_);
  visit("hard_state", hard_state_);
  visit("log", log_);
  visit("configurations", configurations_);
  visit("last_sequence", last_sequence_);
  visit("durable_sequence", durable_sequence_);
  visit("hard_state_sequence", hard_state_sequence_);
  visit("hard_state_dirty", hard_state_dirty_);
  visit("stable_index", stable_index_);
  visit("unsaved_from", unsaved_from_);
  visit("truncate_disk_from", truncate_disk_from_);
  visit("reset_disk_to", reset_disk_to_);
  visit("snapshot", snapshot_);
  visit("pending", pending_);
  visit("withheld", withheld_);
  visit("role", role_);
  visit("retired", retired_);
  visit("leader", leader_);
  visit("reported", reported_);
  visit("commit_index", commit_index_);
  visit("applying_index", applying_index_);
  visit("last_applied", last_applied_);
  visit("applying_bytes", applying_bytes_);
  visit("applying", applying_);
  visit("apply_read", apply_read_);
  visit("apply_from_storage", apply_from_storage_);
  visit("votes", votes_);
  visit("receiving", receiving_);
  visit("installing", installing_);
  visit("install_is_handed_out", install_is_handed_out_);
  visit("restoring", restoring_);
  visit("progress", progress_);
  visit("uncommitted_bytes", uncommitted_bytes_);
  visit("term_start", term_start_);
  visit("calls_before_leading", calls_before_leading_);
  visit("handing_over", handing_over_);
  visit("has_handed_over", has_handed_over_);
  visit("round", round_);
  visit("lease_rounds", lease_rounds_);
  visit("waiting_reads", waiting_reads_);
  visit("rounds", rounds_);
  visit("asked_reads", asked_reads_);
  visit("last_call", last_call_);
  visit("last_log_read", last_log_read_);
  visit("out", out_);
}

}  // namespace mainstay::core
