/// One explored replica: the real core and its disk, the inputs that it may be given, and what
/// comes of them. A replica is a value; the explorer keeps one of each kind (explorer_tables.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mainstay/core/raft.hpp"
#include "mainstay/simulation/explorer_hash.hpp"
#include "mainstay/simulation/explorer_scope.hpp"

namespace mainstay::simulation::exploration {

/// What a node finds again after a crash, and the batch that has not got there yet.
struct explored_disk {
  core::hard_state hard_state;
  /// Index i stands at i - 1; what was compacted away stays for the judges to see.
  std::vector<core::entry> entries;
  log_index base;                          ///< the log goes on behind it
  std::optional<core::snapshot> snapshot;  ///< its digest is the log that it covers, packed
  std::optional<core::snapshot_id> received;
  std::optional<core::snapshot_id> installing;
  std::optional<core::persist_batch> pending;

  /// How many steps a batch takes: hard state, truncation or reset, then each entry.
  std::size_t steps() const { return pending ? pending->entries.size() + 2 : 0; }
  /// Makes the first `steps` of the batch durable and forgets the rest.
  void end_batch(std::size_t steps);
  /// Makes the received image the snapshot, unless a newer one is there.
  core::snapshot install(const core::configuration& members);
  /// The log that a restart finds: where it does not hold the snapshot's last entry, that of the
  /// snapshot stands for it (paper §7).
  std::vector<core::entry> found_entries() const;
  /// What a core starts from.
  core::initial_state recover() const;
};

/// A replica as the explorer keeps it.
struct replica {
  core::raft core;
  explored_disk disk;
};

/// What can be done to one replica.
enum class input_kind : std::uint8_t {
  deliver,               ///< a message arrives
  alarm,                 ///< its next deadline passes
  lapse,                 ///< its leader has been silent for the shortest election timeout
  propose,               ///< a client's command
  read,                  ///< a client's read; `number` is its context
  persist,               ///< the disk finishes its batch
  refuse,                ///< the disk refuses its batch, and leaves everything as it was
  crash,                 ///< the first `number` steps of the batch survive; it starts again
  crash_behind_install,  ///< as above, and what was being installed is installed
  step_down,             ///< the node cannot serve
  save,                  ///< what is applied goes into a snapshot
  install,               ///< the disk has made a received image the snapshot
  give_up,               ///< nobody answers the message any more, a request of this replica's
  turn,                  ///< its outputs are carried out
};

/// Whether the node starts again.
constexpr bool is_crash(input_kind kind) {
  return kind == input_kind::crash || kind == input_kind::crash_behind_install;
}

/// One input. `message` belongs to `deliver` and `give_up`.
struct input {
  input_kind kind = input_kind::alarm;
  const core::envelope* message = nullptr;
  std::uint64_t number = 0;
};

/// A property that does not hold, and how that shows.
struct violation {
  property broken = property::core_in_order;
  std::string what;
};

/// What an input makes a replica say.
struct effects {
  std::vector<core::envelope> sent;  ///< with the names of calls in place of their numbers
  std::vector<core::read_grant> granted;
  std::vector<std::uint64_t> failed_reads;
  std::optional<violation> wrong;  ///< the first that this step alone shows
};

/// The settings under which a scope's replicas run.
core::valid_config settings_of(const scope& s);

/// The bits of the properties that the scope leaves unchecked.
std::uint32_t unchecked_bits(const scope& s);

/// The alarms of a replica.
core::timing timing_of(const core::raft& core);

/// Runs replicas of one scope.
class replica_runner {
 public:
  /// `s` must outlive it. `seed` and `now` cannot be told from one another's behaviour.
  explicit replica_runner(const scope& s, std::uint64_t seed = 1, instant now = instant{})
      : scope_(s),
        settings_(settings_of(s)),
        unchecked_(unchecked_bits(s)),
        seed_(seed),
        epoch_(now) {}

  const core::config& settings() const { return *settings_; }

  /// A node that was never started before.
  replica start(std::uint64_t node) const;
  /// Gives `r` the input, and unless turns are apart carries out its outputs.
  effects give(replica& r, const input& in) const;
  /// True when `lapse` changes something.
  bool can_lapse(const replica& r) const;
  /// The hashes of the replica under every renaming.
  renamed_hashes hashes_of(const replica& r) const;

 private:
  void apply(replica& r, const input& in, effects& out) const;
  void restart(replica& r, std::size_t surviving_steps) const;
  void take_turn(replica& r, effects& out) const;
  void carry_out(replica& r, core::ready& ready, effects& out) const;
  void save(replica& r) const;
  void install(replica& r) const;
  void carry_out_images(replica& r, core::ready& ready) const;
  void send(const replica& r, std::vector<core::envelope>& messages, effects& out) const;
  void note(std::optional<violation> wrong, effects& out) const;

  const scope& scope_;
  core::valid_config settings_;
  std::uint32_t unchecked_;
  std::uint64_t seed_;
  instant epoch_;
};

/// The payload of the command that a leader of `t` appends at `i`: what an entry says follows from
/// where it stands, so a misplaced one shows.
std::string command_text(term t, log_index i);

/// The entries of a packed log (explorer_properties.hpp).
std::vector<core::entry> unpacked(std::uint64_t bits);

/// The hashes of a message with a named call, under every renaming.
renamed_hashes hashes_of(const core::envelope& e);

}  // namespace mainstay::simulation::exploration
