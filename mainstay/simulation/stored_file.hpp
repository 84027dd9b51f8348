/// One file of a simulated disk: what a reader sees, what a power failure leaves, and the writes
/// that lie between the two. It knows nothing of names, faults' odds or threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay::simulation {

/// The unit that a power failure leaves whole.
inline constexpr std::uint64_t disk_sector = 512;

/// What becomes of everything that was not flushed when the power fails.
enum class crash_kind : std::uint8_t {
  lost,  ///< none of it is there
  kept,  ///< all of it is there; also what a process finds that died while the machine went on
  torn,  ///< any sectors of it, and any of the new names, are there
  cut,   ///< a part of it from the front is there, in the order of writing
};

/// When an operation takes place: it begins to show its effect, and is complete at the end.
struct time_span {
  instant begins;
  instant ends;
};

class stored_file;

/// A write that no flush has made durable yet.
struct pending_write {
  std::uint64_t sequence = 0;  ///< its place among all operations of the disk
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
  std::uint64_t grows_to = 0;  ///< the file is at least this long afterwards
  time_span time;
  bool goes_astray = false;  ///< it never reaches its place
  /// Where it lands instead, if anywhere.
  std::weak_ptr<stored_file> wrong_file = {};
  std::uint64_t wrong_offset = 0;
};

/// One thread at a time.
class stored_file {
 public:
  stored_file() = default;
  /// A file at rest.
  explicit stored_file(std::vector<std::byte> bytes)
      : visible_(bytes), durable_(std::move(bytes)) {}

  const std::vector<std::byte>& visible() const { return visible_; }
  const std::vector<std::byte>& durable() const { return durable_; }

  /// Reads what is visible; gives how many bytes.
  std::size_t read(std::span<std::byte> room, std::uint64_t offset) const;
  /// Shows a write to readers, and keeps it until a flush.
  void write(pending_write one);
  /// A flush that began behind the operation `sequence` has come to its end.
  void flushed(std::uint64_t sequence);
  /// Such a flush has failed: any sectors reached the disk, and all pages count as clean.
  void flush_failed(std::uint64_t sequence, random_generator& random);
  /// Turns over one bit of a byte that is at rest. Precondition: `offset` is within `durable()`.
  void rot(std::uint64_t offset, unsigned bit);

  /// Takes back the writes that begin at `at` or later; of one that is under way then any part from
  /// the front stays.
  void forget_from(instant at, random_generator& random);

  /// What is there after the power failed at `at`.
  std::vector<std::byte> after_power_failure(instant at, crash_kind kind,
                                             random_generator& random) const;

 private:
  void settle(const pending_write& one);
  void show_pending();

  std::vector<std::byte> visible_;
  std::vector<std::byte> durable_;
  std::deque<pending_write> pending_;
};

}  // namespace mainstay::simulation
