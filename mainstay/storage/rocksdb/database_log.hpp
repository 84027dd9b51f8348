/// The log in a RocksDB database, without threads: batches in, flushes, reads, compaction.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/storage/rocksdb/database.hpp"
#include "mainstay/storage/rocksdb/values.hpp"
#include "mainstay/storage/wal/appendable_log.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/group_index.hpp"
#include "mainstay/storage/wal/peer_file.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"
#include "mainstay/storage/wal/worker.hpp"

namespace mainstay::database {

/// Where a log lies; see `rocksdb_options`.
struct log_options {
  std::string directory;
  wal::identity identity;         ///< the incarnation is that of a new disk; else it is ignored
  core::configuration bootstrap;  ///< written to a new disk; else it is ignored
  std::uint64_t write_buffer_bytes = 16 << 20;
  ::rocksdb::Env* environment = nullptr;
};

/// What a database holds.
struct recovered_log {
  owner_record owner;
  std::map<group_id, wal::group_index> groups;
  std::map<group_id, core::snapshot_id> images;  ///< the newest that was told of
};

/// Reads all of a database and checks it; writes the owner's record to a new one. Errors:
/// `corrupt`, `wrong_identity`, `unsupported`, `io_failed`, `no_space`.
result<recovered_log> recover_log(open_database& from, const log_options& options);

/// Entries [first, last] of a group, as many as fit into `max_bytes` but at least one, as they were
/// when this was made. It must not outlive its log.
struct read_plan {
  const open_database* source = nullptr;
  std::shared_ptr<::rocksdb::ManagedSnapshot> view;
  group_id group;
  log_index first;
  log_index last;
  std::uint64_t max_bytes = 0;
};

/// Carries out a plan. Errors: `corrupt` with folder and index; `io_failed`.
result<std::vector<core::entry>> read_entries(const read_plan& plan);

/// The log of one node. One thread at a time; moved by pointer only.
class database_log final : public wal::appendable_log {
 public:
  /// Recovers what the directory holds, or starts a new log there. Errors: those of `recover_log`
  /// and of the files beside the database; `invalid_argument`.
  static result<std::unique_ptr<database_log>> open(const log_options& options,
                                                    wal::file_system& files);

  database_log(const database_log&) = delete;
  database_log& operator=(const database_log&) = delete;
  ~database_log();

  /// Whose log this is, with the incarnation of the disk.
  const wal::identity& identity() const { return owner_.identity; }
  /// The cluster's first configuration, as it was given when the disk was new.
  const core::configuration& bootstrap() const { return owner_.bootstrap; }
  /// Beside the log; for the threads that they tell.
  wal::peer_file& peers() { return *peers_; }
  wal::snapshot_store& snapshots() { return *snapshots_; }

  result<void> add(group_id group, const core::persist_batch& batch) override;
  result<void> add_base(group_id group, log_index index) override;
  /// Takes into what the next flush writes which image is a group's newest.
  void add_snapshot(group_id group, const core::snapshot& newest);
  result<void> flush() override;
  /// RocksDB has no evidence of a flush to write.
  static result<void> prove() { return {}; }
  /// Has the room of compacted entries given back, on a thread of its own. Never waits.
  result<void> maintain();

  /// What a group has on the disk, with its newest entries up to `max_tail_bytes`.
  result<recovered_state> state_of(group_id group, std::uint64_t max_tail_bytes) const;
  /// How to read entries [first, last]; `last` may lie beyond the log. Precondition: nothing was
  /// added since the last flush. Errors: `invalid_argument` when `first` is not in the log.
  result<read_plan> plan_read(group_id group, log_index first, log_index last,
                              std::uint64_t max_bytes) const;

 private:
  database_log(const log_options& options, std::unique_ptr<wal::directory_lock> lock,
               std::unique_ptr<open_database> database, recovered_log recovered);

  result<void> ensure_room(std::uint64_t bytes, std::uint64_t kept_free) const;
  result<void> change(group_id id, wal::group_index& group, const core::persist_batch& batch);
  result<void> add_records();
  result<void> check_images() const;
  result<std::vector<core::entry>> read_tail(group_id id, std::uint64_t max_bytes) const;
  result<void> remove(group_id id, log_index from, std::optional<log_index> to);
  result<void> keep_failure(result<void> outcome);
  std::unexpected<error> refuse_dead() const { return std::unexpected(*failure_); }

  std::unique_ptr<wal::directory_lock> lock_;
  std::unique_ptr<open_database> database_;
  std::optional<wal::peer_file> peers_;             // set once it is open
  std::unique_ptr<wal::snapshot_store> snapshots_;  // likewise
  owner_record owner_;
  std::uint64_t kept_free_;
  std::map<group_id, wal::group_index> groups_;
  std::map<group_id, core::snapshot_id> images_;  // that it was told of before it was opened

  ::rocksdb::WriteBatch batch_;
  std::set<group_id> changed_;                        // by what is in the batch
  std::map<group_id, core::snapshot_id> new_images_;  // which the next flush writes
  std::vector<group_id> compacted_;                   // whose room is to be given back
  std::optional<error> failure_;
  wal::worker tidier_;
};

}  // namespace mainstay::database
