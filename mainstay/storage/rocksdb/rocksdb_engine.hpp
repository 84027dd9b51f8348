/// A durable `persistence_engine` on RocksDB (docs/formats/rocksdb.md): a thread that owns the log,
/// and that makes everything durable with one synced write that gathered during the last.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/seams/persistence_engine.hpp"

namespace rocksdb {
class Env;  // NOLINT(readability-identifier-naming): its name there
}  // namespace rocksdb

namespace mainstay {

namespace wal {
class peer_file;
}  // namespace wal

/// Everything that opening a database needs. Checked whole before anything is touched.
struct rocksdb_options {
  /// Where the data lives; made when missing, but its parent must exist. One process at a time.
  std::string directory;
  /// Whose log it is. A directory of someone else is refused.
  cluster_id cluster;
  node_id node;
  /// The cluster's first configuration. Written to a new directory, ignored for any other.
  core::configuration bootstrap;
  /// Seed of a new directory's incarnation; draw it from the runtime's `random_seed`.
  std::uint64_t seed = 0;
  /// What RocksDB gathers in memory before it writes a table, from 1 MiB to 1 GiB. Larger: less is
  /// written twice; smaller: less memory, up to four times this. So much is kept free on the disk,
  /// too: what would take of it is refused with `no_space`.
  std::uint64_t write_buffer_bytes = 16 << 20;
  /// As in `wal_options`.
  std::uint64_t snapshot_bytes_per_second = 128 << 20;
  /// What RocksDB stands on; null for the machine's own. Must outlive the engine.
  ::rocksdb::Env* environment = nullptr;

  /// The largest payload that an entry may have.
  static constexpr std::uint64_t largest_payload() { return std::uint64_t{256} << 20; }
};

/// Satisfies `persistence_engine`. Threads, errors and the queue are as in `wal_engine`.
class rocksdb_engine {
 public:
  /// Opens the database, reads all of it, and starts the threads. Blocks. Errors: `corrupt` (with
  /// directory, column family and index), `wrong_identity` (naming both owners, or both engines),
  /// `unsupported`, `invalid_argument`, `no_space`, `io_failed`.
  static result<std::unique_ptr<rocksdb_engine>> open(const rocksdb_options& options);

  /// The cluster whose log lies in a directory; none when there is none. Blocks. Errors: as above.
  static result<std::optional<cluster_id>> find_cluster(const std::string& directory);

  rocksdb_engine(const rocksdb_engine&) = delete;
  rocksdb_engine& operator=(const rocksdb_engine&) = delete;
  /// Stops.
  ~rocksdb_engine();

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
  explicit rocksdb_engine(std::unique_ptr<implementation> inside);

  std::unique_ptr<implementation> inside_;
};

}  // namespace mainstay
