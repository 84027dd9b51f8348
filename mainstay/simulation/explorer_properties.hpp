/// What must hold, judged from scratch: of one replica's step, of each message as it leaves, and of
/// a whole cluster as it stands. Nothing here looks at how a state came about, but for the one
/// thing that a crash erases everywhere: what was once committed.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "mainstay/simulation/explorer_replica.hpp"

namespace mainstay::simulation::exploration {

/// A log of at most `longest_log` entries in one word: four bits an entry, the term and whether it
/// is a command. Payloads follow from place and term; one that does not makes the log unsound.
class packed_log {
 public:
  packed_log() = default;

  /// The log whose `bits()` these are.
  static packed_log of_bits(std::uint64_t bits) { return packed_log(bits); }
  std::uint64_t bits() const { return bits_; }
  std::uint64_t size() const { return (static_cast<std::uint64_t>(std::bit_width(bits_)) + 3) / 4; }
  /// The term at an index from 1 on; 0 beyond the end.
  std::uint64_t term_at(std::uint64_t index) const { return nibble(index) >> 1; }
  bool is_command_at(std::uint64_t index) const { return (nibble(index) & 1) != 0; }
  std::uint64_t last_term() const { return term_at(size()); }
  /// The first `count` entries.
  packed_log prefix(std::uint64_t count) const {
    return packed_log(count >= 16 ? bits_ : bits_ & ((std::uint64_t{1} << (4 * count)) - 1));
  }
  bool starts_with(packed_log other) const { return prefix(other.size()) == other; }
  void append(std::uint64_t term, bool is_command) {
    bits_ |= (term << 1 | (is_command ? 1U : 0U)) << (4 * size());
  }
  /// "1 1c 2", an entry by its term, commands marked.
  std::string text() const;

  friend bool operator==(packed_log, packed_log) = default;

 private:
  explicit packed_log(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t nibble(std::uint64_t index) const { return bits_ >> (4 * (index - 1)) & 15; }

  std::uint64_t bits_ = 0;
};

/// What the properties, the bounds and the traces ask of a replica.
struct replica_view {
  packed_log log;       ///< in memory
  packed_log disk_log;  ///< would be found after a crash
  core::role role = core::role::follower;
  std::uint8_t id = 0;
  std::uint8_t term = 0;
  std::uint8_t vote = 0;
  std::uint8_t leader = 0;
  std::uint8_t commit = 0;
  std::uint8_t stable = 0;
  std::uint8_t disk_term = 0;
  std::uint8_t disk_vote = 0;
  std::uint8_t batch_steps = 0;  ///< of the disk's batch; 0: none
  std::uint8_t withheld = 0;     ///< messages that wait for the disk
  bool has_alarm = false;
  bool can_save = false;       ///< a snapshot that covers more than the one it has
  bool is_installing = false;  ///< the disk is making an image the snapshot
  bool is_sound = true;        ///< every entry is what its place says, and within all bounds
  bool in_order = true;        ///< the log in memory goes on where the log's rules say
  std::array<std::uint8_t, node_count + 1> match{};  ///< a leader's, by peer

  bool leads() const { return role == core::role::leader; }
};

/// Takes the view of a replica.
replica_view view_of(const replica& r);

/// A line that says it all: "leader term 2, voted 1, log 1 2, commit 1, ...".
std::string describe(const replica_view& v);

/// What is wrong with a step from one replica to the next by itself, if anything.
std::optional<violation> judge_step(const replica_view& before, input_kind kind,
                                    const replica_view& after);

/// What is wrong with sending the message now, given what is on the sender's disk.
std::optional<violation> judge_message(const replica& sender, const core::envelope& e);

/// What is wrong with applying these entries now.
std::optional<violation> judge_applied(const replica& r, std::span<const core::entry> entries);

/// The longest prefix that any replica has ever taken for committed.
struct committed_prefix {
  packed_log entries;
  packed_log in_terms;  ///< for each entry the term of the replica that was first to say so

  friend bool operator==(const committed_prefix&, const committed_prefix&) = default;
};

/// A cluster as it stands.
struct cluster_view {
  std::array<const replica_view*, node_count> nodes{};
  committed_prefix committed;
};

/// Takes in what the node has committed; none when it contradicts what was committed before.
std::optional<committed_prefix> extend_committed(committed_prefix committed,
                                                 const replica_view& node);

/// The first property, leaving out those whose bit is in `unchecked`, that the cluster breaks.
std::optional<violation> judge_cluster(const cluster_view& c, std::uint32_t unchecked);

}  // namespace mainstay::simulation::exploration
