/// The window through which checkers watch cores: every input a core is given, what it made of it,
/// and everything it wants done. Checkers, the naive twin and traces all stand behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "mainstay/core/raft.hpp"

namespace mainstay::simulation {

/// The inputs of `core::raft`, each as a value; spans and pointers live as long as the call.
struct time_passed {
  instant now;
};
struct message_arrived {
  const core::envelope* envelope;
};
struct commands_proposed {
  std::span<const shared_bytes> commands;
  log_time now;
  core::entry_kind kind = core::entry_kind::command;
  /// What `propose` gave; null while the input is still to be taken.
  const result<log_index>* outcome = nullptr;
};
struct time_proposed {
  log_time now;
  /// What `propose_time` gave; null while the input is still to be taken.
  const result<log_index>* outcome = nullptr;
};
struct change_asked {
  const core::configuration_change* change;
  /// What `change_configuration` gave; null while the input is still to be taken.
  const result<log_index>* outcome = nullptr;
};
struct read_asked {
  std::uint64_t context;
  core::read_basis basis = core::read_basis::round;
};
struct batch_persisted {
  std::uint64_t sequence;
};
struct batch_refused {
  std::uint64_t sequence;
};
struct entries_applied {
  log_index index;
};
struct log_was_read {
  std::uint64_t id;
  std::span<const core::entry> entries;
};
struct peer_unreachable {
  node_id peer;
  std::uint64_t call;
};
struct told_to_step_down {};
struct told_to_retire {};
struct told_to_hand_over {
  node_id to;
  /// What `transfer` gave; null while the input is still to be taken.
  const result<node_id>* outcome = nullptr;
};
struct own_snapshot_saved {
  const core::snapshot* snapshot;
};
struct snapshot_was_read {
  std::uint64_t id;
  const shared_bytes* data;
};
struct chunk_was_stored {
  std::uint64_t id;
  std::optional<std::uint64_t> next_offset;  ///< none: it was not
  bool is_whole;
};
struct image_installed {
  const core::snapshot* snapshot;
};
struct image_not_installed {
  core::snapshot_id image;
};

/// One input.
using core_input =
    std::variant<time_passed, message_arrived, commands_proposed, time_proposed, read_asked,
                 batch_persisted, batch_refused, entries_applied, log_was_read, peer_unreachable,
                 told_to_step_down, told_to_retire, own_snapshot_saved, snapshot_was_read,
                 chunk_was_stored, image_installed, image_not_installed, told_to_hand_over,
                 change_asked>;

/// Watches the cores of a cluster; the core's `id()` tells which one it is. One thread.
///
/// The order is that of the world: for each core `started`, then for each input `before` and
/// `after`, and `took_ready` for each `take_ready`, before anything of it is carried out. A core
/// that starts again after a crash comes through `started` again; a core that stops is not
/// announced. May throw: the simulation ends with what was thrown as its finding.
class core_observer {
 public:
  virtual ~core_observer() = default;

  /// A core starts from what its disk holds.
  virtual void started(const core::raft& core) { (void)core; }
  /// A core as it is when it is about to be given `input`.
  virtual void before(const core::raft& core, const core_input& input) { (void)core, (void)input; }
  /// The same core when it has taken it.
  virtual void after(const core::raft& core, const core_input& input) { (void)core, (void)input; }
  /// What the core wants done.
  virtual void took_ready(const core::raft& core, const core::ready& ready) {
    (void)core, (void)ready;
  }
};

}  // namespace mainstay::simulation
