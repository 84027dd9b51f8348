/// The durable `persistence_engine` (docs/formats/wal.md): a thread that owns a write-ahead log,
/// and that makes everything durable with one write and one flush that gathered during the last.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/seams/persistence_engine.hpp"

namespace mainstay {

namespace wal {
class file_system;
class peer_file;
}  // namespace wal

/// Everything that opening a log needs. Checked whole before anything is touched.
struct wal_options {
  /// Where the log lives; made when missing, but its parent must exist. One process at a time.
  std::string directory;
  /// Whose log it is. A directory of someone else is refused.
  cluster_id cluster;
  node_id node;
  /// The cluster's first configuration. Written to a new directory, ignored for any other.
  core::configuration bootstrap;
  /// Seed of a new directory's incarnation; draw it from the runtime's `random_seed`.
  std::uint64_t seed = 0;
  /// Size of a segment file: a multiple of 4096 from 16 KiB to 1 GiB. A payload may have a quarter
  /// of it. Larger: fewer switches; smaller: compaction gives room back sooner.
  std::uint64_t segment_bytes = 64 * 1024 * 1024;
  /// How many dropped segments are kept to be written again, which spares the disk new ones.
  std::uint32_t recycled_segments = 2;
  /// After so long without a write, evidence is written that the last one was flushed.
  duration idle_before_proof = std::chrono::seconds(1);
  /// What the saving of a snapshot may write in a second, on average, so that commands on the same
  /// disk hardly notice. 0: as fast as it goes.
  std::uint64_t snapshot_bytes_per_second = 128 << 20;
  /// The files to stand on; null for the machine's own. Must outlive the engine.
  wal::file_system* files = nullptr;

  /// The largest payload that an entry may have. Whoever admits commands must refuse what is
  /// larger: in the log it would be a batch that cannot be written, and stop the node.
  std::uint64_t largest_payload() const { return segment_bytes / 4; }
};

/// Satisfies `persistence_engine`. Four threads: one appends, flushes and completes appends, one
/// reads and completes reads, one prepares segments, one reads, receives and installs images.
///
/// Errors of `append` and `compact`:
/// - `invalid_argument`: the batch does not follow the group's log; nothing was written.
/// - `no_space`: no further segment could be prepared; neither this batch nor any that was queued
///   behind it was written. Whoever appends it again has it tried again.
/// - anything else: the log is dead, and every later call fails with the same error. The files
///   must be opened anew.
/// - `shutting_down`: called after `stop`; completed on the caller's thread.
///
/// The engine's queue has no limit of its own: who appends bounds what is outstanding.
class wal_engine {
 public:
  /// Opens the log, recovers it, and starts the threads. Blocks. Errors: `corrupt` (with file,
  /// offset and index), `wrong_identity` (naming both owners, or both engines), `unsupported`,
  /// `invalid_argument`, `no_space` (only for a new directory), `io_failed`; the same for the file
  /// of peers.
  static result<std::unique_ptr<wal_engine>> open(const wal_options& options);

  wal_engine(const wal_engine&) = delete;
  wal_engine& operator=(const wal_engine&) = delete;
  /// Stops.
  ~wal_engine();

  cluster_id cluster() const;
  node_id node() const;
  /// Drawn when the directory was new.
  mainstay::incarnation incarnation() const;
  /// The cluster's first configuration, as the directory has it.
  const core::configuration& bootstrap() const;
  /// The disks of peers, kept beside the log. For one thread at a time, any; not after `stop`.
  wal::peer_file& peers();

  /// See `persistence_engine`.
  result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes);
  void append(group_id group, core::persist_batch batch, append_done done);
  void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
            read_done done);
  void compact(group_id group, log_index index, append_done done);
  result<std::unique_ptr<snapshot_sink>> begin_snapshot(group_id group,
                                                        const core::snapshot_contents& contents);
  result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                         const core::snapshot_id& id);
  void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                     std::uint64_t max_bytes, snapshot_read_done done);
  void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                        shared_bytes data, snapshot_received_done done);
  void install_snapshot(group_id group, const core::snapshot_id& id, snapshot_installed_done done);
  void stop();

 private:
  class implementation;
  explicit wal_engine(std::unique_ptr<implementation> inside);

  std::unique_ptr<implementation> inside_;
};

}  // namespace mainstay
