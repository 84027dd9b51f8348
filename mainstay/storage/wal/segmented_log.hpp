/// The write-ahead log itself, without threads: batches in, flushes, reads, compaction. Whoever
/// owns it decides when to flush, and so how much shares one flush.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/storage/wal/appendable_log.hpp"
#include "mainstay/storage/wal/batch_builder.hpp"
#include "mainstay/storage/wal/entry_reader.hpp"
#include "mainstay/storage/wal/peer_file.hpp"
#include "mainstay/storage/wal/recovery.hpp"
#include "mainstay/storage/wal/segment_supply.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"

namespace mainstay::wal {

/// Where a log lies and how it is laid out; see `wal_options`.
struct log_options {
  std::string directory;
  wal::identity identity;         ///< the incarnation is that of a new disk; else it is ignored
  core::configuration bootstrap;  ///< written to a new disk; else it is ignored
  std::uint64_t segment_size = 64 * 1024 * 1024;
  std::uint32_t max_spares = 2;
};

/// The log of one node on one directory. One thread at a time; moved by pointer only.
///
/// Errors of the functions that write: `invalid_argument` and `no_space` refuse, and nothing has
/// changed. After any other error the log is dead: every call returns that error again, because
/// what a failed flush left on the disk is not known.
class segmented_log final : public appendable_log {
 public:
  /// Recovers what the directory holds, or starts a new log there. Errors: `corrupt`,
  /// `wrong_identity`, `unsupported`, `io_failed`, `no_space`, `invalid_argument`.
  static result<std::unique_ptr<segmented_log>> open(const log_options& options, file_system& files,
                                                     supply_runner& runner);

  segmented_log(const segmented_log&) = delete;
  segmented_log& operator=(const segmented_log&) = delete;

  /// Whose log this is, with the incarnation of the disk.
  const wal::identity& identity() const { return identity_; }
  /// The cluster's first configuration, as it was given when the disk was new.
  const core::configuration& bootstrap() const { return bootstrap_; }
  /// The file of peers beside the log; for one thread at a time, which may be another than this
  /// log's.
  peer_file& peers() { return *peers_; }
  /// The images beside the log; for the threads that it tells.
  snapshot_store& snapshots() { return *snapshots_; }

  result<void> add(group_id group, const core::persist_batch& batch) override;
  /// Adds a base marker. Segments that it makes unneeded go once it is durable.
  result<void> add_base(group_id group, log_index index) override;
  result<void> flush() override;
  /// Writes evidence that everything so far was flushed, unless that stands there already.
  /// Precondition: nothing was added since the last flush.
  result<void> prove();
  /// Starts and collects what can happen beside appending: preparing the next segment, dropping
  /// those that compaction made unneeded. Never waits.
  result<void> maintain();

  /// What a group has on the disk, with its newest entries up to `max_tail_bytes`.
  result<recovered_state> state_of(group_id group, std::uint64_t max_tail_bytes) const;
  /// How to read entries [first, last]; `last` may lie beyond the log. Precondition: nothing was
  /// added since the last flush. Errors: `invalid_argument` when `first` is not in the log.
  result<read_plan> plan_read(group_id group, log_index first, log_index last,
                              std::uint64_t max_bytes) const;

  /// Why the log is dead, if it is.
  const std::optional<error>& failure() const { return failure_; }
  /// Where the next batch goes.
  position end() const { return next_; }
  /// Bytes of memory that positions of entries take.
  std::uint64_t memory_bytes() const;

 private:
  segmented_log(const log_options& options, file_system& files, supply_runner& runner,
                std::unique_ptr<directory_lock> lock, recovered_log& recovered);

  result<void> begin(const recovered_log& recovered);
  result<void> take_over_files(const recovered_log& recovered);
  result<void> rewrite(position from, position to);

  result<void> validate(const group_index& group, const core::persist_batch& batch) const;
  result<void> reserve(group_id group, const core::persist_batch& batch);
  result<std::vector<core::entry>> read_tail(group_id id, std::uint64_t max_bytes) const;
  std::size_t segments_needed(const core::persist_batch& batch, std::uint64_t room) const;
  result<void> write_batch(group_id id, const core::persist_batch& batch);
  result<void> write_reset(group_id id, const core::term_run& to);
  result<record_place> place(const record_header& header, std::span<const std::byte> payload);
  result<void> open_batch(std::uint64_t first_record);
  void write_checkpoint();
  void switch_segment();
  void drop_unneeded();
  std::uint64_t room() const;
  std::uint64_t max_payload() const { return supply_.segment_size() / 4; }
  std::unexpected<error> refuse_dead() const { return std::unexpected(*failure_); }
  result<void> keep_failure(result<void> outcome);

  file_system* files_;
  std::unique_ptr<directory_lock> lock_;
  std::optional<peer_file> peers_;             // set once it is open
  std::unique_ptr<snapshot_store> snapshots_;  // likewise
  wal::identity identity_;
  core::configuration bootstrap_;
  shared_bytes encoded_bootstrap_;
  std::map<group_id, group_index> groups_;

  std::deque<used_segment> segments_;  // the last one is being written
  segment_supply supply_;
  batch_builder builder_;
  position flushed_;           // behind the last batch; always durable
  position next_;              // where the next batch goes
  std::uint64_t chain_ = 0;    // checksum of the last record before `next_`
  bool proven_ = false;        // the last batch was a proof
  std::uint64_t flushes_ = 0;  // into the segment being written, with records
  bool base_moved_ = false;
  std::optional<error> failure_;
};

}  // namespace mainstay::wal
