/// Writes a file from front to back past the page cache: gigabytes that nobody reads soon would
/// push out what is of use, and their writeback would hold up the flushes of the log beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay::wal {

/// One thread at a time. Errors are those of the files; after one the file is of no use.
class block_appender {
 public:
  /// Creates the file.
  static result<block_appender> create(file_system& files, std::string path);
  /// Writes over a file that is there, from its first byte on.
  static result<block_appender> over(file_system& files, std::string path);

  /// Takes what comes next. Less than a block stays in memory.
  result<void> append(std::span<const std::span<const std::byte>> pieces);
  /// Writes what is left, and flushes everything. Called once, at the end.
  result<void> finish();

 private:
  block_appender(file_system& files, std::string path, std::unique_ptr<file> created)
      : files_(&files),
        path_(std::move(path)),
        file_(std::move(created)),
        bypasses_cache_(file_->bypass_cache()) {}

  void set_apart_the_rest();

  file_system* files_;
  std::string path_;
  std::unique_ptr<file> file_;
  bool bypasses_cache_;
  std::uint64_t written_ = 0;                      // whole blocks
  std::uint64_t flushed_ = 0;                      // of these, where they go through the cache
  std::vector<std::byte> rest_;                    // less than a block
  std::vector<std::byte> next_rest_;               // of an append that is under way
  std::vector<std::span<const std::byte>> whole_;  // its pieces, up to the end of a block
};

}  // namespace mainstay::wal
