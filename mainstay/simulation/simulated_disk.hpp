/// A disk in memory that behaves as badly as a disk may: what was not flushed can be lost, torn or
/// reordered when the power fails, names that were not flushed too; operations fail, fill up, take
/// their time, go astray; bits rot. Not a model of any file system: it allows everything that POSIX
/// allows.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/simulation/stored_file.hpp"
#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay::simulation {

/// One operation that changes something, as the hook sees it before it happens.
struct file_operation {
  enum class kind : std::uint8_t { create, write, datasync, allocate, rename, remove, sync_names };
  kind what;
  std::string path;
};

/// The name of a kind, as traces write it: "datasync".
std::string_view name_of(file_operation::kind what);

/// What can go wrong with a single operation.
enum class disk_fault : std::uint8_t {
  write_error,       ///< a write or an allocation fails; a part of it may be there
  read_error,        ///< a read fails
  flush_error,       ///< a flush fails, once; then its pages count as clean, and are not there
  lost_write,        ///< a write is acknowledged, and never there once its pages leave the memory
  misdirected_write  ///< as lost, and its bytes lie elsewhere, in this file or in another
};
inline constexpr std::size_t disk_fault_kinds = 5;

/// How a disk does at the moment. Every duration is the mean of what is drawn for an operation.
struct disk_settings {
  duration write_latency = std::chrono::microseconds(10);
  duration read_latency = std::chrono::microseconds(10);
  duration kib_latency = std::chrono::nanoseconds(500);  ///< per KiB written or read
  duration flush_latency = std::chrono::microseconds(100);
  std::uint32_t slowness = 1;  ///< all latencies times this
  instant stalled_until{};     ///< no operation ends before
  /// How often each kind of fault strikes, in a million of the operations that it can strike.
  std::array<std::uint32_t, disk_fault_kinds> faults_per_million{};

  std::uint32_t& rate(disk_fault fault) {
    return faults_per_million[static_cast<std::size_t>(fault)];
  }
};

/// What a disk did over its whole life, power failures included.
struct disk_counters {
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t reads = 0;
  std::uint64_t flushes = 0;       ///< that succeeded
  std::uint64_t name_changes = 0;  ///< files made, renamed, removed
  std::uint64_t name_flushes = 0;
  std::uint64_t power_failures = 0;
  std::uint64_t full = 0;  ///< operations refused for want of space
  std::uint64_t rotten_bits = 0;
  std::array<std::uint64_t, disk_fault_kinds> faults{};  ///< by kind

  std::uint64_t of(disk_fault fault) const { return faults[static_cast<std::size_t>(fault)]; }
};

/// An operation that changed something, or failed to, with the time it takes.
struct finished_operation {
  file_operation::kind what;
  const std::string& path;
  std::uint64_t bytes;  ///< written; zero for all but writes
  time_span time;
  bool failed;
};

/// Any thread, but for settings, hooks and `crash`, which want that nothing else goes on.
///
/// Time is virtual. Operations are carried out at once, and stamped: each begins where the last one
/// ended, or where `begin_work` said, whichever is later, and takes what the settings draw. So an
/// operation's effect and its completion lie apart, and the power can fail between them. As long as
/// `begin_work` was never called there is no clock, and everything counts as happened.
class simulated_disk final : public wal::file_system {
 public:
  /// `seed` is of the latencies, of the faults, and of what a power failure leaves.
  explicit simulated_disk(std::uint64_t seed = 0) : random_(seed) {}

  // What the log calls.

  result<void> create_directory(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<std::unique_ptr<wal::file>> open(const std::string& path, wal::open_mode mode) override;
  result<std::unique_ptr<wal::file>> create(const std::string& path) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& directory) override;
  result<std::unique_ptr<wal::directory_lock>> lock(const std::string& path) override;

  // Time.

  /// The operations from here on begin at `start`, or when those before are done. The power will
  /// not fail before `start`.
  void begin_work(instant start);
  /// Whoever shuts down in order waits for the disk, and no power failure that is to come finds
  /// those operations under way any more.
  void complete_work();
  /// When everything so far is complete.
  instant work_ends() const;

  // Faults.

  /// How it does from the next operation on.
  disk_settings settings;
  /// Bytes that all files together may have; beyond it `no_space`.
  std::optional<std::uint64_t> capacity;
  /// Called before every operation that changes something, without a lock held; an error is the
  /// operation's outcome. A failed datasync loses what was not flushed, and says nothing the next
  /// time; what was written stays visible until the crash.
  std::function<result<void>(const file_operation&)> hook;
  /// Called after every operation that changes something. It goes over to the disk as it is found
  /// after a power failure or a killed process.
  std::function<void(const finished_operation&)> observer;

  /// The next operations that the fault can strike have it.
  void fail_next(disk_fault fault, std::uint32_t operations = 1);
  /// Turns over bits at rest, at random places where files have something; gives how many.
  std::uint64_t rot(std::uint64_t bits);
  /// Turns over a bit at rest. Precondition: the file has durable bytes there.
  void rot(const std::string& path, std::uint64_t offset, unsigned bit);

  // Power failures.

  /// The disk as it is found after the power failed at `at`, which is not before the last
  /// `begin_work`. Operations that begin at or after `at` never happened; those under way may be
  /// partly done. What was not flushed by then is lost, kept, torn or cut, as chance has it. This
  /// disk may serve no further work.
  std::unique_ptr<simulated_disk> crash(instant at);
  /// As above, with one kind of loss.
  std::unique_ptr<simulated_disk> crash(instant at, crash_kind loss);
  /// As above, after all that was begun has happened, with another source of chance. This disk may
  /// go on.
  std::unique_ptr<simulated_disk> crash(crash_kind loss, random_generator& random);

  /// The disk as the next process finds it after this one was killed at `at`, as above: what had
  /// begun by then is there, but what was not flushed can still be lost if the power fails later.
  /// This disk may serve no further work.
  std::unique_ptr<simulated_disk> kill(instant at);

  // What is there.

  /// All paths, sorted.
  std::vector<std::string> paths() const;
  /// A file's bytes, and a way to change them behind everyone's back.
  std::vector<std::byte> contents(const std::string& path) const;
  void replace(const std::string& path, std::vector<std::byte> bytes);
  /// How often `datasync` succeeded.
  std::uint64_t flushes() const { return counters().flushes; }
  disk_counters counters() const;
  /// What all files together have, in bytes.
  std::uint64_t used_bytes() const;

 private:
  class open_file;

  using names = std::map<std::string, std::shared_ptr<stored_file>>;
  /// A name that came (with its file) or went; a rename is both.
  struct name_change {
    std::string gone;
    std::string come;
    std::shared_ptr<stored_file> file;
    std::uint64_t sequence = 0;
    time_span time;
  };
  /// A flush that is not known to be complete. Of a file, or without one, of a directory's names.
  struct flush_under_way {
    std::shared_ptr<stored_file> file;
    std::string directory;
    std::uint64_t sequence = 0;
    instant ends;
    bool failed = false;
  };

  result<void> before(file_operation::kind what, const std::string& path) const;
  void finish(const finished_operation& operation) const;
  time_span take_time(duration mean, std::uint64_t bytes = 0);
  bool strikes(disk_fault fault);
  result<void> take_space(const stored_file& grown, std::uint64_t size);
  std::uint64_t used() const;
  void misdirect(pending_write& one);
  void change_name(name_change change);
  void settle(instant now);
  void settle_names(const std::string& directory, std::uint64_t sequence);
  std::unique_ptr<simulated_disk> successor(random_generator& random) const;
  std::unique_ptr<simulated_disk> image(instant at, crash_kind loss, random_generator& random);
  static void apply(names& to, const name_change& change);

  mutable std::mutex mutex_;
  random_generator random_;
  names visible_;
  names durable_;
  std::deque<name_change> pending_names_;
  std::deque<flush_under_way> flushes_under_way_;
  std::set<std::string> locks_;
  std::array<std::uint32_t, disk_fault_kinds> next_fail_{};
  disk_counters counters_;
  bool has_clock_ = false;
  instant cursor_{};
  std::uint64_t sequence_ = 0;
};

}  // namespace mainstay::simulation
