/// What one exploration covers: the settings of the replicas, what may happen in their world, and
/// how often. A scope is finite; when the explorer comes to its end, nothing in it is unknown.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/core/raft.hpp"

namespace mainstay::simulation::exploration {

/// What may happen only so often in one history.
enum class allowance : std::uint8_t {
  proposal,   ///< a leader is given a command
  read,       ///< a replica is asked for a linearizable read
  heartbeat,  ///< a leader's alarm goes off
  drop,       ///< a message is lost
  duplicate,  ///< a message is delivered and stays on its way
  timeout,    ///< a leader is told that a request went unanswered, which is still on its way
  crash,      ///< a node loses what its disk had not finished, and starts again
  stall,      ///< a disk refuses a batch, or a node gives up its role
  snapshot,   ///< a replica saves a snapshot, and keeps nothing of the log that it covers
};

/// How many kinds of allowance there are.
inline constexpr std::size_t allowance_count = 9;

/// The name as it stands in traces and reports: "crash".
std::string_view name_of(allowance kind);

/// Allowances by kind; `unlimited` never runs out.
using allowances = std::array<std::uint8_t, allowance_count>;

/// An allowance without end: other bounds keep such a scope finite.
inline constexpr std::uint8_t unlimited = 255;

/// The most messages that a scope may have on their way at once.
inline constexpr std::size_t largest_network = 8;
/// The highest term and the longest log of a scope.
inline constexpr std::uint64_t largest_term = 7;
inline constexpr std::uint64_t longest_log = 15;
/// The most reads of a scope.
inline constexpr std::size_t most_reads = 3;

/// Everything that must hold, each in a sentence of its own where it is checked
/// (explorer_properties.hpp).
enum class property : std::uint8_t {
  election_safety,
  log_matching,
  leader_completeness,
  state_machine_safety,
  durable_quorum,
  vote_once,
  promise_after_durability,
  stable_is_durable,
  match_is_durable,
  leader_append_only,
  nothing_goes_back,
  linearizable_reads,
  core_in_order,
};

/// How many properties there are.
inline constexpr std::size_t property_count = 13;

/// The name as it stands in reports: "election_safety".
std::string_view name_of(property p);

/// A world that breaks its own promises, so that tests can see the explorer notice. Every function
/// must depend on its arguments only, and on no node's name. Empty: nothing is broken.
struct sabotage {
  /// Changes what the disk writes; the replica is told that all was written.
  std::function<void(core::persist_batch&)> write;
  /// Changes what a replica finds on its disk.
  std::function<void(core::initial_state&)> recover;
  /// Changes a message that arrives.
  std::function<void(core::envelope&)> deliver;
  /// Changes what a replica wants sent, in place of its own rules.
  std::function<void(std::vector<core::envelope>&)> send;
  /// Changes the reads that a replica grants.
  std::function<void(std::vector<core::read_grant>&)> grant;
};

/// One bounded world.
struct scope {
  std::string name;
  std::string purpose;
  /// Too large for every day.
  bool is_deep = false;

  bool pre_vote = false;
  bool check_quorum = false;
  /// The history begins with node 1 leading term 1, its no-op committed and applied everywhere.
  bool starts_with_leader = false;
  /// Disks take time, so that a crash can come before the end of a write. Else they are at once.
  bool slow_disks = false;
  /// A replica takes in any number of inputs before its outputs are carried out.
  bool separate_turns = false;

  std::uint64_t max_term = 2;
  std::uint64_t max_log = 3;       ///< entries, no-ops included
  std::size_t max_messages = 4;    ///< on their way at once
  std::uint64_t max_inflight = 1;  ///< appends with entries to one peer, unanswered
  allowances allowed{};

  std::uint8_t& operator[](allowance kind) { return allowed[static_cast<std::size_t>(kind)]; }
  std::uint8_t operator[](allowance kind) const { return allowed[static_cast<std::size_t>(kind)]; }

  /// Properties that are not checked; for tests that want to see what the others make of it.
  std::vector<property> unchecked;
  sabotage broken;
};

/// Settings, bounds and allowances in a line.
std::string bounds_of(const scope& s);

/// The scopes that `mainstay-explore` knows by name, in the order in which it runs them.
std::vector<scope> named_scopes();

}  // namespace mainstay::simulation::exploration
