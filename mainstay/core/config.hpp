/// The settings of one replica's core: timing, windows and byte limits. Only `check` turns a
/// `config` into a `valid_config`, and the core accepts nothing else.
#pragma once

#include <cstdint>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay::core {

/// A snapshot's chunks are never smaller, however slow the link.
inline constexpr std::uint64_t smallest_snapshot_chunk = 16 << 10;

/// Every field says its meaning, its cost, and what it must agree with.
struct config {
  /// A follower that hears nothing for a random time in [min, max) starts an election (paper
  /// §5.2). Shorter finds a dead leader sooner, and mistakes a slow one for dead sooner. Must
  /// exceed `heartbeat_interval`. Peers also refuse votes for `min` after they heard from a leader.
  duration election_timeout_min = std::chrono::milliseconds(150);
  /// Must exceed `election_timeout_min`: the spread is what avoids split votes. A leader that hears
  /// from no majority for this long steps down.
  duration election_timeout_max = std::chrono::milliseconds(300);
  /// An idle leader speaks this often. Costs one small message a peer each time.
  duration heartbeat_interval = std::chrono::milliseconds(50);
  /// How long a leader may keep a new commit index to itself when it has nothing else to send.
  /// Must not exceed `heartbeat_interval`.
  duration commit_notice_delay = std::chrono::milliseconds(2);

  /// Ask "would you vote for me?" before disturbing anyone (thesis §9.6).
  bool pre_vote = true;
  /// A leader without contact to a majority steps down, and followers of a living leader refuse
  /// votes (thesis §6.2, §4.2.3).
  bool check_quorum = true;
  /// Let reads that ask for it rest on a lease instead of a round of messages (thesis §6.4.1):
  /// peers promise the leader to elect nobody else for a while. Such a read is linearizable only as
  /// long as the clocks keep `max_clock_drift`. Needs `check_quorum`. A node that starts with this
  /// on gives no vote for `election_timeout_min`, for it may have promised so before. Before it is
  /// turned off or that time is shortened, a node has to be down for the old one.
  bool lease_reads = false;
  /// How much less one node's clock may count than another's in the same time, in millionths.
  /// Leases are shorter by that much. Beyond it, a lease may outlive its promises.
  std::uint64_t max_clock_drift = 10'000;

  /// Payload and allowance of one append_entries' entries; one may exceed it. At most 64 MiB.
  std::uint64_t max_append_bytes = 1 << 20;
  /// append_entries with entries on their way to one peer, unanswered.
  std::uint64_t max_inflight_messages = 64;
  /// Their bytes. At least `max_append_bytes`.
  std::uint64_t max_inflight_bytes = 8 << 20;
  /// One command's payload, in bytes; at most 256 MiB. Larger ones are refused as invalid.
  std::uint64_t max_command_bytes = 4 << 20;
  /// Entries that a leader has accepted and not yet committed, in bytes; more is refused as
  /// overloaded. At least `max_command_bytes` and the entry's allowance.
  std::uint64_t max_uncommitted_bytes = 64 << 20;
  /// The newest part of the log that stays in memory, in bytes. Peers further behind, and a state
  /// machine further behind, are served from storage. Entries neither committed nor durable stay
  /// beyond it.
  std::uint64_t log_window_bytes = 16 << 20;
  /// Committed entries handed out for applying and not yet applied, in bytes.
  std::uint64_t max_applying_bytes = 16 << 20;
  /// Read rounds under way at once (thesis §6.4). Further reads share the next round.
  std::uint64_t max_read_rounds = 2;
  /// Reads that wait for a round, or for a leader's answer; more are refused as overloaded.
  std::uint64_t max_waiting_reads = 1 << 20;

  /// One install_snapshot carries at most so many bytes of an image, 64 MiB at most; less where its
  /// way takes longer than a heartbeat interval, so that a slow link delays no heartbeat.
  std::uint64_t snapshot_chunk_bytes = 1 << 20;
  /// Peers that are sent a snapshot at the same time; others wait.
  std::uint64_t max_snapshot_transfers = 2;
  /// What one transfer may send in a second. 0: as fast as it goes.
  std::uint64_t snapshot_bytes_per_second = 0;
  /// What stays of the log behind a snapshot, for followers that are a little behind; no more than
  /// is in the log's window. Costs disk; each follower beyond it costs a whole snapshot.
  std::uint64_t compaction_tail_bytes = 8 << 20;

  friend bool operator==(const config&, const config&) = default;
};

/// A `config` that keeps every rule.
class valid_config {
 public:
  /// Errors: `invalid_argument`, with the field, its value and the rule.
  static result<valid_config> check(const config& c);

  const config* operator->() const { return &config_; }
  const config& operator*() const { return config_; }

  friend bool operator==(const valid_config&, const valid_config&) = default;

 private:
  explicit valid_config(const config& c) : config_(c) {}

  config config_;
};

}  // namespace mainstay::core
