/// The seam below the log: the few operations on files that it needs. Production is
/// posix_file_system.hpp; tests put files beneath it that tear, lose, fail, fill and stall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"

namespace mainstay::wal {

/// The unit in which files are written past the page cache.
inline constexpr std::uint64_t block_size = 4096;

/// An open file. Closed when destroyed. Reads may run on other threads while one thread writes.
///
/// Errors of every function: `no_space` when the disk or a quota is full, `io_failed` for
/// everything else; the message names the operation, the file and the system's reason.
class file {
 public:
  virtual ~file() = default;

  /// Writes all pieces, one after the other, from `offset` on. On error any part may be written.
  virtual result<void> write(std::span<const std::span<const std::byte>> pieces,
                             std::uint64_t offset) = 0;
  /// Reads into `room` from `offset` on; gives how many bytes, fewer only at the file's end.
  virtual result<std::size_t> read(std::span<std::byte> room, std::uint64_t offset) = 0;
  /// Makes durable what was written, and whatever is needed to read it back. After an error
  /// nothing is known of any write since the last success; calling again proves nothing.
  virtual result<void> datasync() = 0;
  /// Reserves room on the disk for `size` bytes and makes the file that long. May do nothing where
  /// the disk cannot: `size()` tells.
  virtual result<void> allocate(std::uint64_t size) = 0;
  /// From now on the file is written past the page cache, if the disk can: no copies that nobody
  /// reads again, no writeback at a bad moment. For files whose size is a multiple of `block_size`
  /// and that are appended to in place: what lies behind a write, up to the end of its last block,
  /// may become zeros. True when the disk can; does nothing otherwise.
  virtual bool bypass_cache() { return false; }
  virtual result<std::uint64_t> size() = 0;
  /// This will be read soon: the disk may fetch it meanwhile.
  virtual void will_read([[maybe_unused]] std::uint64_t offset,
                         [[maybe_unused]] std::uint64_t length) {}
};

/// A lock on a directory, held as long as it lives.
class directory_lock {
 public:
  virtual ~directory_lock() = default;
};

/// What `file_system::open` is for.
enum class open_mode : std::uint8_t { read_only, read_write };

/// Files by path. Any thread. Errors are as in `file`.
///
/// Names (create, rename, remove) are durable only after `sync_directory`.
class file_system {
 public:
  virtual ~file_system() = default;

  /// Makes the directory if it is missing, durably; its parent must exist.
  virtual result<void> create_directory(const std::string& path) = 0;
  /// The names of the files in a directory, in any order.
  virtual result<std::vector<std::string>> list(const std::string& directory) = 0;
  /// Opens an existing file.
  virtual result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) = 0;
  /// Makes a new, empty file; what had the name before is gone.
  virtual result<std::unique_ptr<file>> create(const std::string& path) = 0;
  /// Gives a file a new name in the same directory; an open file stays usable.
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual result<void> remove(const std::string& path) = 0;
  /// Makes all names of the directory durable.
  virtual result<void> sync_directory(const std::string& directory) = 0;
  /// Locks the directory against other processes, through the file `path`. Errors: `io_failed`,
  /// also when someone else holds it, and the message says so.
  virtual result<std::unique_ptr<directory_lock>> lock(const std::string& path) = 0;
};

}  // namespace mainstay::wal
