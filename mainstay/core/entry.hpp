/// What the log holds, and the state that a server must have on disk before it answers (paper,
/// figure 2: persistent state on all servers).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay::core {

/// What an entry's payload means.
enum class entry_kind : std::uint8_t {
  command = 0,        ///< the state machine's bytes
  no_op = 1,          ///< a leader's first entry of its term (thesis §6.4); empty payload
  configuration = 2,  ///< an encoded `configuration`; in force from append on (paper §6)
  session = 3,        ///< what a client asks within a session (thesis §6.3), command included
};

/// The newest kind: what is above it is unknown to this build.
inline constexpr entry_kind last_entry_kind = entry_kind::session;

/// One entry of the replicated log (paper §5.3).
struct entry {
  log_index index;
  mainstay::term term;
  entry_kind kind = entry_kind::command;
  log_time time;         ///< stamped by the leader that appended it
  shared_bytes payload;  ///< shared by log, disk, peers and state machine

  friend bool operator==(const entry&, const entry&) = default;
};

/// What an entry counts for beside its payload, in every byte limit.
inline constexpr std::uint64_t entry_allowance = 64;

/// What an entry counts for in every byte limit, in bytes.
inline std::uint64_t size_of(const entry& e) { return e.payload.size() + entry_allowance; }

/// currentTerm and votedFor, always written together as one record.
struct hard_state {
  term current_term;
  node_id voted_for;  ///< none: no vote given in current_term

  friend bool operator==(const hard_state&, const hard_state&) = default;
};

/// The term of a stretch of the log: every entry from `first` up to the next run has `term`.
struct term_run {
  log_index first;
  mainstay::term term;

  friend bool operator==(const term_run&, const term_run&) = default;
};

/// One unit of durable work. A storage engine makes batches durable in the order of `sequence`,
/// whole or (after a crash) as a prefix: hard state and truncation first, then entries in order.
struct persist_batch {
  std::uint64_t sequence = 0;  ///< rising; given back through `raft::persisted`
  bool has_hard_state = false;
  hard_state state;         ///< to write, when `has_hard_state`
  log_index truncate_from;  ///< remove this index and all after it first; none: nothing to remove
  /// Forget the whole log first: it goes on behind this index, which has this term, because a
  /// snapshot took its place. `truncate_from` is none then.
  std::optional<term_run> reset_to;
  std::vector<entry> entries;  ///< consecutive, following what is left of the log

  /// True when there is nothing to make durable.
  bool empty() const { return !has_hard_state && !truncate_from && !reset_to && entries.empty(); }

  friend bool operator==(const persist_batch&, const persist_batch&) = default;
};

}  // namespace mainstay::core
