/// Where the next segment comes from and where dropped ones go. Preparing a segment (writing it
/// full once, or recycling an old one) is slow, so it is a job that can run on another thread.
/// Segments that will take large batches are only allocated: see `large_batch`.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/segment.hpp"

namespace mainstay::wal {

/// Work on the directory that nobody waits for as a rule: files to drop, then a segment to prepare.
struct supply_job {
  std::string directory;
  std::vector<std::uint64_t> to_remove;  ///< segments by sequence
  std::vector<std::uint64_t> to_spare;   ///< segments to keep for recycling
  std::optional<segment_header> prepare;
  std::optional<std::uint64_t> recycle;  ///< the spare to prepare from; none: a new file
  bool prewrite = true;                  ///< write a new file full; else its room is allocated
};

/// From this many bytes a flush on, new segments are not written full beforehand. A flush into
/// space that was allocated and never written costs a commit of the file system's journal more,
/// some 100 us; writing the space beforehand takes the disk as long as the batch itself, and a busy
/// disk lacks just that.
inline constexpr std::uint64_t large_batch = 64 * 1024;

/// What became of a job. A failed preparation leaves no file behind.
struct supply_outcome {
  result<void> dropped;
  result<std::shared_ptr<segment>> prepared;  ///< null when none was asked for
};

/// Carries out a job. Any thread.
supply_outcome perform(file_system& files, const supply_job& job);

/// Runs jobs, one at a time.
class supply_runner {
 public:
  virtual ~supply_runner() = default;
  /// Begins a job. Precondition: no other is under way.
  virtual void start(supply_job job) = 0;
  /// The outcome of the job under way; waits for it if `wait`. None when it is not finished.
  virtual std::optional<supply_outcome> collect(bool wait) = 0;
};

/// Runs each job at once, on the caller's thread.
class inline_runner final : public supply_runner {
 public:
  explicit inline_runner(file_system& files) : files_(&files) {}
  void start(supply_job job) override { outcome_ = perform(*files_, job); }
  std::optional<supply_outcome> collect(bool wait) override;

 private:
  file_system* files_;
  std::optional<supply_outcome> outcome_;
};

/// What segments look like, and how many are kept.
struct supply_options {
  std::string directory;
  wal::identity identity;
  std::uint64_t segment_size = 0;
  std::uint32_t max_spares = 0;
};

/// The prepared segments and the spares. One thread at a time.
class segment_supply {
 public:
  /// `next_sequence` is that of the next segment to prepare.
  segment_supply(supply_options options, supply_runner& runner, std::uint64_t next_sequence,
                 std::vector<std::uint64_t> spares);
  /// Waits for the job under way.
  ~segment_supply();
  segment_supply(const segment_supply&) = delete;
  segment_supply& operator=(const segment_supply&) = delete;

  /// Puts a segment that is already prepared behind the others.
  void add_prepared(std::shared_ptr<segment> one);
  /// Makes sure that `count` segments are prepared; waits if need be. Errors: `no_space` (call
  /// again when space may have returned), `io_failed`.
  result<void> ensure(std::size_t count);
  /// The next segment. Precondition: one is prepared.
  std::shared_ptr<segment> take();
  /// Tells how many bytes a flush had of late: the next segments are prepared for such.
  void expect_batches_of(std::uint64_t bytes) { expected_batch_ = bytes; }
  /// Sizes of the prepared segments, in order.
  std::vector<std::uint64_t> prepared_sizes() const;
  std::uint64_t segment_size() const { return options_.segment_size; }
  const std::string& directory() const { return options_.directory; }

  /// Gets rid of a segment's file, sooner or later; recycles it if nobody reads it.
  void drop(std::shared_ptr<segment> one);
  /// Removes the file of a segment that nobody has open.
  void drop_file(std::uint64_t sequence) { removed_.push_back(sequence); }
  /// Collects what is finished and starts what is due. Never waits. Errors: `io_failed` when a
  /// dropped file could not be removed or renamed.
  result<void> maintain();

 private:
  void start_job(bool prepare);
  result<void> collect(bool wait);

  supply_options options_;
  supply_runner* runner_;
  std::uint64_t next_sequence_;
  std::vector<std::uint64_t> spares_;
  std::deque<std::shared_ptr<segment>> prepared_;
  std::vector<std::shared_ptr<segment>> dropped_;
  std::vector<std::uint64_t> removed_;
  std::uint64_t expected_batch_ = 0;
  bool running_ = false;
  supply_job job_;             // the one under way
  bool out_of_space_ = false;  // the last preparation failed: wait for a need
};

}  // namespace mainstay::wal
