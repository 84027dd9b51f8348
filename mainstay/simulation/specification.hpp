/// One server of Raft as the paper describes it, written down once more: plain data, no
/// optimization, and nothing of the core but its types. It does not run; it follows a server step
/// by step and names the rule that a step breaks. Where the paper leaves a choice (when to send,
/// how much to batch, how long to wait) the server's choice is taken as given; where the paper, the
/// thesis or docs/divergence.md demand or forbid, so does this. Read it beside figure 2.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/config.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/messages.hpp"
#include "mainstay/core/ready.hpp"

namespace mainstay::simulation::specification {

/// A step that no rule allows; `what` is the rule, with its section.
struct broken_rule : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Who votes and who only listens (paper §6). While joint, both sets of voters must agree.
struct membership {
  std::vector<node_id> voters;
  std::vector<node_id> outgoing_voters;
  std::vector<node_id> learners;
  core::configuration written;  ///< with addresses, priorities and the change's id

  /// True when `id` takes part.
  bool contains(node_id id) const;
  /// True when `id` votes, in either set.
  bool is_voter(node_id id) const;
  /// True when those for whom `agrees` holds are a majority, of both sets while joint.
  bool has_quorum(const std::function<bool(node_id)>& agrees) const;
};

/// The same members as the core writes them down.
membership membership_of(const core::configuration& c);

/// A membership and the index of the entry that brought it.
struct appended_membership {
  log_index index;
  membership members;
};

/// What can be seen of a server after a step.
struct appearance {
  core::role role = core::role::follower;
  core::hard_state state;
  node_id leader;
  log_index commit_index;
  log_index last_applied;
  log_index last_index;
  term last_term;
  log_index stable_index;
  log_index configuration_index;
  core::term_run base;       ///< what compaction has left behind
  log_index snapshot_index;  ///< of the newest snapshot; none: there is none
  bool is_installing = false;
  std::uint64_t uncommitted_bytes = 0;
  instant now;
  instant alarm;                                          ///< when it wants to be called next
  bool is_fenced = false;                                 ///< it takes no commands for a transfer
  std::function<const core::entry&(log_index)> entry_at;  ///< for entries that the step appended
};

/// What a server has found on its disk when it starts.
struct recovered_disk {
  core::hard_state state;
  core::term_run base;
  log_index last_index;
  std::optional<core::snapshot> snapshot;
  appended_membership in_force;
  std::function<term(log_index)> term_at;
  std::function<const core::entry*(log_index)> entry_at;  ///< null: not in memory
};

/// The disk: what is durable, and what is on its way there.
struct stable_storage {
  core::hard_state state;
  core::term_run base;           ///< at least so much; compaction may have got further
  std::vector<core::entry> log;  ///< the first stands behind the base
  std::optional<core::persist_batch> in_flight;
};

/// What a leader knows of one peer.
struct peer {
  node_id id;
  log_index match_index;
  std::uint64_t acknowledged_round = 0;  ///< the newest read round that it answered
  instant last_response;
  instant last_sent = instant::min();
  instant promised_until = instant::min();  ///< by the leader's clock: it elects nobody before
  // Learners: a round of catching up (thesis §4.2.1).
  log_index round_target;
  instant round_began{};
  int slow_rounds = 0;
  bool is_newcomer = false;                 ///< it became a member under this leader
  std::optional<std::uint64_t> first_call;  ///< newcomers: the first request that it was sent
  bool has_left = false;                    ///< it may be told so, or not

  /// True when the answer to this call is one of the member as it is.
  bool counts(std::uint64_t call) const {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    return !is_newcomer || (first_call && call - *first_call < half);
  }
};

/// One term of leading.
struct leadership {
  mainstay::term term;
  log_index first_index;  ///< of its no-op
  membership members;
  std::vector<membership> members_before;  ///< in this turn
  std::vector<peer> peers;
  std::uint64_t uncommitted_bytes = 0;
  node_id heir;            ///< whom it hands over to, if anyone
  bool has_told = false;   ///< the heir was told to stand, in this transfer
  instant given_up;        ///< when the transfer must have come further, or be over
  bool makes_way = false;  ///< the members leave it out: it hands over to whom it will, and ends
  bool has_ever_told = false;  ///< somebody was told to stand, in this term
  /// When each read round was first sent, to anyone; those that a lease may still rest on.
  std::map<std::uint64_t, instant> first_sent;
  // Once it is over: what messages may still show that were made before, in the same turn.
  log_index commit_index;
  log_index kept;                 ///< the log is still that of the leadership up to here
  std::vector<core::entry> gone;  ///< what followed
};

/// One attempt to be elected: what its requests must say.
struct candidacy {
  mainstay::term term;
  bool pre_vote = false;
  log_index last_index;
  mainstay::term last_term;
  bool was_told = false;  ///< by the leader, to stand at once
};

/// A request that was taken and not yet answered, with what its answer may be.
struct owed_answer {
  node_id from;
  std::uint64_t call = 0;
  std::size_t kind = 0;           ///< the request's place among the messages
  mainstay::term asked;           ///< the term that it named
  mainstay::term current;         ///< the server's, once it was taken
  std::uint64_t due = 0;          ///< when this batch is durable, nothing excuses silence
  const char* reason = nullptr;   ///< why it must be refused
  bool may_grant = false;         ///< votes: the rules allow it
  bool must_grant = false;        ///< votes: the rules demand it
  bool follows = false;           ///< append_entries: from the leader of the term
  bool mismatch = false;          ///< append_entries: the log does not reach or differs
  bool matches = false;           ///< append_entries: its entries are in the log
  log_index previous;             ///< append_entries: its prev_log_index
  log_index matched;              ///< append_entries: the last index it vouches for
  log_index durable;              ///< append_entries: how much of that was durable in its term
  core::snapshot_id image;        ///< install_snapshot: what it is a piece of
  std::uint64_t round = 0;        ///< append_entries: its read round
  std::uint64_t log_version = 0;  ///< append_entries: of the log that it met
};

/// A read that waits: of this server's caller, or of a follower (`from`).
struct waiting_read {
  std::uint64_t number = 0;  ///< rising in the order of arrival
  std::uint64_t context = 0;
  node_id from;
  mainstay::term led;              ///< the term in which the server leads; none: it does not
  std::uint64_t round_before = 0;  ///< the newest round sent before it came
  log_index least;                 ///< the commit index when it came
  bool by_lease = false;           ///< it asked for it, and a lease held when it came
};

/// A question for a read index on its way to the leader, and what was answered.
struct asked_leader {
  std::uint64_t call = 0;
  node_id to;
  std::uint64_t covers = 0;  ///< the newest read that had come before it left
  log_index answer;
};

/// One server. Inputs and outputs come in the order in which they happen; each throws `broken_rule`
/// when what is seen afterwards is not what the rules allow.
struct server {
  // Set once.
  node_id id;
  core::config settings;
  log_index joined_from;  ///< where its disk is a newcomer's: when it can have joined, at first

  // Persistent state (paper, figure 2): as the server sees it, and as the disk has it.
  core::hard_state state;
  core::term_run base;
  std::vector<core::entry> log;  ///< the first stands behind the base
  core::term_run compacted;      ///< the base from the next turn on
  log_index known_from{1};       ///< entries before this are known by index and term only
  stable_storage disk;
  log_index durable_index;  ///< log and disk are known to be equal up to here
  log_index handed_index;   ///< as `durable_index`, once the batch in flight is durable
  log_index flight_index;   ///< as `durable_index`, for the batch in flight
  std::uint64_t last_sequence = 0;
  std::uint64_t durable_sequence = 0;
  std::uint64_t log_version = 0;  ///< counts the log's changes
  std::vector<appended_membership> configurations;
  std::optional<core::snapshot> snapshot;  ///< the newest durable one
  std::vector<core::snapshot_id> images;   ///< all that it has had: a transfer may be of an old one
  bool reset_is_uncertain = false;         ///< the crash may have come after the disk's reset
  bool must_reset_disk = false;            ///< a snapshot took the place of the disk's log

  // Volatile state.
  core::role role = core::role::follower;
  node_id leader;
  log_index commit_index;
  log_index handed_to_apply;
  log_index last_applied;
  bool retired = false;
  std::optional<core::snapshot_id> wanted;  ///< whole, beyond the commit index: to be installed
  bool is_handed_to_install = false;
  std::optional<core::snapshot> to_restore;  ///< to be handed to the state machine
  bool is_restoring = false;
  std::set<node_id> votes;
  std::vector<candidacy> candidacies;  ///< whose requests may still leave
  std::optional<leadership> leading;
  std::optional<leadership> led;  ///< a leadership that ended in this turn
  core::leadership reported;
  instant now;
  instant heard = instant::min();        ///< the leader, last
  instant bound_until = instant::min();  ///< a leader's lease may rest on its giving no vote before
  instant alarm;                         ///< of the election, unless it leads

  // What is owed to others, and by others.
  std::deque<owed_answer> owed;
  std::deque<waiting_read> reads;
  std::map<std::uint64_t, core::snapshot_id> chunks;  ///< with storage, by id
  std::uint64_t reads_seen = 0;
  std::uint64_t newest_round = 0;  ///< the highest read round that was ever sent
  std::vector<asked_leader> asked;
  std::vector<asked_leader> answered;  ///< in this turn

  // Starts.

  /// The first start, from a disk that nobody has followed yet.
  void begins(const recovered_disk& found, const membership& bootstrap, const appearance& after);
  /// A start after a crash: the disk must hold what was durable, and a prefix of what was on its
  /// way there (core/entry.hpp).
  void recovers(const recovered_disk& found, const appearance& after);

  // Inputs, each with what the server looks like afterwards.

  void time_passes(instant to, const appearance& after);
  void receives(const core::envelope& e, const appearance& after);
  void is_offered(core::entry_kind kind, std::span<const shared_bytes> payloads,
                  const result<log_index>& outcome, const appearance& after);
  void is_asked_to_change(const core::configuration_change& change,
                          const result<log_index>& outcome, const appearance& after);
  void is_asked_to_read(std::uint64_t context, bool by_lease, const appearance& after);
  void disk_finishes(std::uint64_t sequence, const appearance& after);
  void disk_refuses(std::uint64_t sequence, const appearance& after);
  void machine_applied(log_index index, const appearance& after);
  void call_fails(std::uint64_t call, const appearance& after);
  void steps_down(const appearance& after);
  void retires(const appearance& after);
  void is_told_to_hand_over(node_id to, const result<node_id>& outcome, const appearance& after);
  void saves_snapshot(const core::snapshot& saved, const appearance& after);
  void stores_chunk(std::uint64_t number, bool is_stored, bool is_whole, const appearance& after);
  void installs(const core::snapshot& installed, const appearance& after);
  void does_not_install(const core::snapshot_id& image, const appearance& after);
  /// Any input that changes nothing to be seen.
  void stays_the_same(const appearance& after);

  // Output.

  void puts_out(const core::ready& out, const appearance& after);

  // The log.

  log_index last_index() const { return base.first + log.size(); }
  term last_term() const { return log.empty() ? base.term : log.back().term; }
  /// Precondition: in (base, last_index].
  const core::entry& entry_at(log_index index) const { return log[index - base.first - 1]; }
  /// Precondition: in [base, last_index].
  term term_at(log_index index) const;
  const membership& members() const { return configurations.back().members; }

 private:
  enum class alarm_rule : std::uint8_t { stays, moves, may_move };
  /// The rule that an unforeseen change of each part breaks.
  struct rules {
    const char* term;
    const char* vote;
    const char* role;
    const char* leader;
    const char* log;
    const char* commit;
  };

  // specification.cpp: steps and their comparison.
  void begin_step();
  void because(const char* rule);
  void end_step(const appearance& after);
  void compare(const appearance& after);
  void restart_from(const recovered_disk& found, const appearance& after);
  bool holds(const recovered_disk& found) const;
  void append(core::entry e);
  void append_own(const core::entry& seen, core::entry_kind kind, const shared_bytes& payload);
  void truncate_from(log_index from);
  bool same(const core::entry& a, const core::entry& b) const;
  log_index disk_last() const { return disk.base.first + disk.log.size(); }
  bool is_unsaved() const;
  void write_to_disk(const core::persist_batch& batch);

  // specification_messages.cpp: the rules for each message, elections, commitment.
  void become_follower(term t, node_id new_leader);
  void become_candidate(bool was_told = false);
  void become_leader(const appearance& after);
  void campaign();
  bool wins() const;
  bool is_in_contact() const;
  bool is_up_to_date(log_index last, term last_of) const;
  void obey_term(const core::message& m);
  void advance_commit_index(const appearance& after);
  owed_answer& owe(const core::envelope& e);
  bool heed_leader(const core::envelope& e, bool is_well_formed, owed_answer& answer);
  void on(const core::envelope& e, const core::request_vote& m, const appearance& after);
  void on(const core::envelope& e, const core::request_vote_response& m, const appearance& after);
  void on(const core::envelope& e, const core::append_entries& m, const appearance& after);
  void on(const core::envelope& e, const core::append_entries_response& m, const appearance& after);
  void on(const core::envelope& e, const core::read_index& m, const appearance& after);
  void on(const core::envelope& e, const core::read_index_response& m, const appearance& after);
  void merge(const core::append_entries& m, const appearance& after);

  // specification_transfer.cpp: handing leadership over.
  void on(const core::envelope& e, const core::timeout_now& m, const appearance& after);
  void on(const core::envelope& e, const core::timeout_now_response& m, const appearance& after);
  void send(const core::envelope& e, const core::timeout_now& m);
  void end_transfer(const core::ready& out, const appearance& after);

  // specification_snapshots.cpp: what a snapshot covers, and what gives way to it.
  void on(const core::envelope& e, const core::install_snapshot& m, const appearance& after);
  void on(const core::envelope& e, const core::install_snapshot_response& m,
          const appearance& after);
  void send(const core::envelope& e, const core::install_snapshot& m);
  const char* objection(const owed_answer& owes, const core::install_snapshot_response& m) const;
  void compact();
  void give_way_to(const core::snapshot& s);
  void take_back(const core::snapshot& found, const recovered_disk& disk_found);
  void hand_out_images(const core::ready& out);
  bool is_installing() const { return wanted.has_value() || is_restoring; }

  // specification_membership.cpp: who takes part.
  bool is_changing() const;
  bool may_stand() const;
  /// Whether it is itself a voter of these.
  bool votes_in(const membership& all) const;
  peer new_peer(node_id other) const;
  void follow_members();
  void append_configuration(const core::configuration& expected, const appearance& after);
  void go_on_with_change(const appearance& after);
  void promote_if_caught_up(node_id other, const appearance& after);

  // specification_output.cpp: what may leave.
  void hand_to_disk(const core::persist_batch& batch);
  void send(const core::envelope& e);
  void send(const core::envelope& e, const core::request_vote& m);
  void send(const core::envelope& e, const core::append_entries& m);
  void send(const core::envelope& e, const core::read_index& m);
  void answer(const core::envelope& e);
  const char* objection(const owed_answer& owes, const core::request_vote_response& m) const;
  const char* objection(const owed_answer& owes, const core::append_entries_response& m) const;
  const char* objection_to_hints(const owed_answer& owes,
                                 const core::append_entries_response& m) const;
  const char* objection_to(const owed_answer& owes, const core::envelope& e) const;
  void answer_read(const core::envelope& e, const core::read_index_response& m);
  void hand_to_machine(const std::vector<core::entry>& committed);
  const char* objection_to_grant(const waiting_read& read, log_index index) const;
  bool confirms(const leadership& l, const membership& by, std::uint64_t round_before) const;
  bool is_confirmed(const leadership& l, std::uint64_t round_before) const;
  bool has_lease() const;
  void note_round(std::uint64_t round);
  void take_promise(peer& from, const core::append_entries_response& m) const;
  bool may_promise(const owed_answer& owes, const core::append_entries_response& m) const;
  void end_turn(const core::ready& out);

  rules rules_{};
  alarm_rule alarm_rule_ = alarm_rule::stays;
  std::size_t settled_ = 0;  // answers owed before this step
};

/// Throws `broken_rule` unless `fact`.
inline void hold(bool fact, const char* rule) {
  if (!fact) throw broken_rule(rule);
}

/// A server in a line.
std::string describe(const server& s);
std::string describe(const appearance& a);

}  // namespace mainstay::simulation::specification
