/// The seam of durable storage: what the node asks of a log on disk. Adapters live in
/// mainstay/storage; each passes tests/conformance/persistence_engine.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/core/snapshot.hpp"

namespace mainstay::core {
struct initial_state;
}

namespace mainstay {

/// What a group finds on its disk when it starts. The entries themselves stay on disk: the core
/// needs their terms, every configuration among them, and the newest few.
struct recovered_state {
  core::hard_state hard_state;
  log_index base_index;  ///< last index that compaction removed; 0 when the log is whole
  term base_term;        ///< its term
  log_index last_index;  ///< last index of the log; equals base_index when it is empty
  std::vector<core::term_run> term_runs;    ///< of (base_index, last_index], in order
  std::vector<core::entry> configurations;  ///< every configuration entry in the log, in order
  /// The newest consecutive entries, up to the asked byte limit; the newest of all in any case,
  /// because its time is the least that the next one may have. Empty when the log is.
  std::vector<core::entry> tail;
  std::optional<core::snapshot> snapshot;  ///< the newest image, whole and durable
};

/// What a core starts from that goes on with this; whose it is, the first members and the seed are
/// still to be set.
core::initial_state initial_state_of(recovered_state found);

/// Called once, from the engine's own thread, in the order of the appends. An error means that
/// this batch and all after it are not durable and never will be: the node stops. `no_space` is
/// told apart: the batch was not written, and appends are taken again once `space_returned`.
using append_done = std::move_only_function<void(result<void>)>;

/// Called once, from the engine's own thread.
using read_done = std::move_only_function<void(result<std::vector<core::entry>>)>;

/// Takes the state that an image is to hold, in any number of pieces. One thread at a time, any;
/// every call may block. Destroyed without a successful `commit`, it leaves nothing behind. It must
/// not outlive its engine.
///
/// Errors of both: `no_space`, `io_failed`; the image will not come to be.
class snapshot_sink {
 public:
  virtual ~snapshot_sink() = default;

  virtual result<void> write(std::span<const std::byte> bytes) = 0;
  /// Makes the image durable, and the group's newest; older ones go. Also `invalid_argument`, when
  /// a newer image came in between: then nothing has changed. Called once, at the end.
  virtual result<core::snapshot> commit() = 0;
};

/// Gives back what a sink took. One thread at a time, any; blocks. It must not outlive its engine.
class snapshot_source {
 public:
  virtual ~snapshot_source() = default;

  /// Fills `room` with the next bytes and gives how many: 0 at the end, only when all of the image
  /// has been read and holds. What it gives was checked. Errors: `corrupt`, `io_failed`.
  virtual result<std::size_t> read(std::span<std::byte> room) = 0;
};

/// How far an image has come in.
struct received_snapshot {
  std::uint64_t next_offset = 0;  ///< what is wanted next
  bool complete = false;          ///< it is whole, checked and durable, and may be installed

  friend bool operator==(const received_snapshot&, const received_snapshot&) = default;
};

/// Called once, from the engine's own thread.
using snapshot_read_done = std::move_only_function<void(result<shared_bytes>)>;
/// Called once, from the engine's own thread.
using snapshot_received_done = std::move_only_function<void(result<received_snapshot>)>;
/// Called once, from the engine's own thread.
using snapshot_installed_done = std::move_only_function<void(result<core::snapshot>)>;

/// A store of logs, hard states and snapshots, one per group, opened for one node of one cluster.
///
/// Threads: every call may come from any thread, but the calls of one group come from one thread
/// at a time. Calls return at once; the work is done on the engine's own activity.
/// Order: batches of a group become durable, and their `done` is called, in the order of append.
/// Durability: when `done` is called without error the batch survives loss of power.
template <class Engine>
concept persistence_engine =
    requires(Engine engine, group_id group, core::persist_batch batch, append_done appended,
             log_index index, std::uint64_t max_bytes, read_done read,
             const core::snapshot_contents& contents, const core::snapshot_id& image,
             std::uint64_t offset, shared_bytes data, snapshot_read_done image_read,
             snapshot_received_done received, snapshot_installed_done installed) {
      /// Reads what the group left on disk; called once per group, before any other call. Blocks.
      /// Errors: `corrupt` (with file, offset and index), `io_failed`, `wrong_identity`.
      { engine.recover(group, max_bytes) } -> std::same_as<result<recovered_state>>;
      /// Makes a batch durable.
      engine.append(group, std::move(batch), std::move(appended));
      /// Reads entries [index, index] and on, as many as fit into max_bytes but at least one; only
      /// durable ones. Errors: `invalid_argument` when `first` is not in the log, `corrupt`.
      engine.read(group, index, index, max_bytes, std::move(read));
      /// Removes entries up to and including `index`, whose effects a durable snapshot covers.
      engine.compact(group, index, std::move(appended));
      /// Begins an image of the group. Any thread; blocks. One image of a group is written at a
      /// time. Errors: `invalid_argument`, `no_space`, `io_failed`.
      {
        engine.begin_snapshot(group, contents)
      } -> std::same_as<result<std::unique_ptr<snapshot_sink>>>;
      /// Opens the newest image for restoring from it. Any thread; blocks. Errors:
      /// `invalid_argument` when it is not the newest, `io_failed`.
      {
        engine.open_snapshot(group, image)
      } -> std::same_as<result<std::unique_ptr<snapshot_source>>>;
      /// Reads the bytes of an image from `offset` on, up to `max_bytes`, for sending them. An
      /// image that was replaced stays readable for about a minute after the last read. Errors:
      /// `invalid_argument` when there is no such image or nothing behind `offset`, `corrupt`.
      engine.read_snapshot(group, image, offset, max_bytes, std::move(image_read));
      /// Adds bytes to the image that is being received, one a group; another one takes its place.
      /// Bytes at another offset than the one wanted are not taken, and the answer tells which is.
      /// A partial image outlives a restart. Errors, after which it starts over at 0: `corrupt`
      /// when what came is not the image that was announced, `no_space`, `io_failed`. And
      /// `invalid_argument`, for bytes behind its end.
      engine.receive_snapshot(group, image, offset, std::move(data), std::move(received));
      /// Makes an image that was received whole the newest one: at once, and durably. Older ones
      /// go. Errors: `invalid_argument` when it is not whole or older than the newest, `io_failed`.
      engine.install_snapshot(group, image, std::move(installed));
      /// Completes everything that is under way, then joins the engine's activity. Idempotent.
      engine.stop();
    };

}  // namespace mainstay
