#include "mainstay/storage/wal/direct_io.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mainstay::wal {

namespace {

constexpr std::uint64_t block_start(std::uint64_t offset) {
  return offset / block_size * block_size;
}

/// Reads up to a whole buffer from a block's boundary on; gives the system's error, or 0.
int read_blocks(int fd, std::span<std::byte> room, std::uint64_t offset, std::size_t& got) {
  while (true) {
    const auto count = ::pread(fd, room.data(), room.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    got = count < 0 ? 0 : static_cast<std::size_t>(count);
    return count < 0 ? errno : 0;
  }
}

}  // namespace

aligned_buffer aligned_buffers::take() {
  {
    const std::lock_guard guard(mutex_);
    if (!idle_.empty()) {
      auto buffer = std::move(idle_.back());
      idle_.pop_back();
      return buffer;
    }
  }
  return {};
}

void aligned_buffers::give_back(aligned_buffer buffer) {
  const std::lock_guard guard(mutex_);
  idle_.push_back(std::move(buffer));
}

bool direct_io::is_possible(int fd) {
#ifdef STATX_DIOALIGN
  struct statx status{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) != 0) return false;
  if ((status.stx_mask & STATX_DIOALIGN) == 0) return false;
  const auto fits = [](std::uint32_t alignment) {
    return alignment != 0 && block_size % alignment == 0;
  };
  return fits(status.stx_dio_mem_align) && fits(status.stx_dio_offset_align);
#else
  (void)fd;
  return false;
#endif
}

int direct_io::write_blocks(std::span<const std::byte> blocks, std::uint64_t offset) const {
  while (!blocks.empty()) {
    const auto put = ::pwrite(fd_, blocks.data(), blocks.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    // What is not a whole block is written again with what follows it.
    const auto whole = block_start(static_cast<std::uint64_t>(put));
    if (whole == 0) return EIO;
    offset += whole;
    blocks = blocks.subspan(whole);
  }
  return 0;
}

/// The bytes of a block before `offset`, which a write must keep.
int direct_io::load_head(std::span<std::byte> block, std::uint64_t offset) const {
  const auto start = block_start(offset);
  if (offset == start) return 0;
  if (offset == written_end_) {
    std::ranges::copy(last_block_, block.begin());
    return 0;
  }
  std::size_t got = 0;
  const int failure = read_blocks(fd_, block.first(block_size), start, got);
  if (failure == 0 && got < offset - start) std::ranges::fill(block.subspan(got), std::byte{});
  return failure;
}

int direct_io::write(std::span<const std::span<const std::byte>> pieces, std::uint64_t offset) {
  auto buffer = buffers_->take();
  const auto room = std::span<std::byte>(buffer.bytes());
  auto start = block_start(offset);
  auto used = static_cast<std::size_t>(offset - start);
  int failure = load_head(room, offset);
  written_end_ = 0;
  for (auto piece : pieces) {
    while (failure == 0 && !piece.empty()) {
      const auto portion = piece.first(std::min(piece.size(), room.size() - used));
      std::ranges::copy(portion, room.begin() + static_cast<std::ptrdiff_t>(used));
      used += portion.size();
      piece = piece.subspan(portion.size());
      if (used < room.size()) continue;
      failure = write_blocks(room, start);
      start += used;
      used = 0;
    }
  }
  if (failure == 0 && used != 0) {
    const auto end = block_start(used + block_size - 1);
    std::ranges::fill(room.subspan(used, end - used), std::byte{});
    failure = write_blocks(room.first(end), start);
    const auto last = room.subspan(block_start(used), used - block_start(used));
    last_block_.assign(last.begin(), last.end());
    written_end_ = failure == 0 ? start + used : 0;
  }
  buffers_->give_back(std::move(buffer));
  return failure;
}

int direct_io::read(std::span<std::byte> room, std::uint64_t offset, std::size_t& got) const {
  auto buffer = buffers_->take();
  int failure = 0;
  got = 0;
  while (got < room.size()) {
    const auto start = block_start(offset + got);
    const auto skip = static_cast<std::size_t>(offset + got - start);
    const auto wanted = block_start(skip + room.size() - got + block_size - 1);
    std::size_t read = 0;
    failure = read_blocks(fd_, buffer.bytes().first(std::min(wanted, buffer.bytes().size())), start,
                          read);
    if (failure != 0 || read <= skip) break;
    const auto found = buffer.bytes().subspan(skip, std::min(read - skip, room.size() - got));
    std::ranges::copy(found, room.begin() + static_cast<std::ptrdiff_t>(got));
    got += found.size();
    if (read % block_size != 0) break;  // the file ends there
  }
  buffers_->give_back(std::move(buffer));
  return failure;
}

}  // namespace mainstay::wal
