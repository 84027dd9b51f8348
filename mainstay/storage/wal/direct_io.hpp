/// Reads and writes past the page cache (O_DIRECT): any bytes at any offset, carried in whole
/// blocks of aligned memory. Not a file: posix_file_system.hpp has those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay::wal {

/// Memory at a block's boundary, `size` bytes of it.
class aligned_buffer {
 public:
  /// A multiple of `block_size`: one system call's worth.
  static constexpr std::size_t size = 1024 * 1024;

  aligned_buffer() : bytes_(static_cast<std::byte*>(std::aligned_alloc(block_size, size))) {
    if (bytes_ == nullptr) throw std::bad_alloc();
  }
  std::span<std::byte, size> bytes() const {
    return std::span<std::byte, size>{bytes_.get(), size};
  }

 private:
  struct release {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, release> bytes_;
};

/// Buffers that all files of a file system share, so that their number is that of the threads at
/// work and not that of the files. Any thread.
class aligned_buffers {
 public:
  aligned_buffer take();
  void give_back(aligned_buffer buffer);

 private:
  std::mutex mutex_;
  std::vector<aligned_buffer> idle_;
};

/// One file's way past the page cache. Reads may run on other threads while one thread writes.
/// Errors are those of the system, as its numbers (0: none); messages are the caller's.
class direct_io {
 public:
  /// `fd` must outlive it and have been opened, or set, to O_DIRECT.
  direct_io(int fd, std::shared_ptr<aligned_buffers> buffers)
      : fd_(fd), buffers_(std::move(buffers)) {}

  /// True when the file at `fd` takes whole blocks of `block_size` past the cache.
  static bool is_possible(int fd);

  /// Writes all pieces from `offset` on; the rest of the last block becomes zeros.
  int write(std::span<const std::span<const std::byte>> pieces, std::uint64_t offset);
  /// Fills `room` from `offset` on; `got` tells how much there was.
  int read(std::span<std::byte> room, std::uint64_t offset, std::size_t& got) const;

 private:
  int load_head(std::span<std::byte> block, std::uint64_t offset) const;
  int write_blocks(std::span<const std::byte> blocks, std::uint64_t offset) const;

  int fd_;
  std::shared_ptr<aligned_buffers> buffers_;
  // What the last write left in its last block: the next one starts with it, as a rule.
  std::uint64_t written_end_ = 0;
  std::vector<std::byte> last_block_;
};

}  // namespace mainstay::wal
