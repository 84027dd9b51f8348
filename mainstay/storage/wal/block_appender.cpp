#include "mainstay/storage/wal/block_appender.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mainstay::wal {

namespace {

// Through the cache, so much is written between two flushes: flushed at once, a large file would
// hold up the log's own flushes for as long as the disk takes for it.
constexpr std::uint64_t flush_every = 2 * 1024 * 1024;

}  // namespace

result<block_appender> block_appender::create(file_system& files, std::string path) {
  auto created = files.create(path);
  if (!created) return std::unexpected(created.error());
  return block_appender(files, std::move(path), *std::move(created));
}

result<block_appender> block_appender::over(file_system& files, std::string path) {
  auto opened = files.open(path, open_mode::read_write);
  if (!opened) return std::unexpected(opened.error());
  return block_appender(files, std::move(path), *std::move(opened));
}

result<void> block_appender::append(std::span<const std::span<const std::byte>> pieces) {
  whole_.assign(1, std::span<const std::byte>(rest_));
  whole_.insert(whole_.end(), pieces.begin(), pieces.end());
  set_apart_the_rest();
  std::uint64_t size = 0;
  for (const auto piece : whole_) size += piece.size();
  if (size != 0) {
    if (auto ok = file_->write(whole_, written_); !ok) return ok;
  }
  written_ += size;
  rest_.swap(next_rest_);
  if (bypasses_cache_ || written_ - flushed_ < flush_every) return {};
  flushed_ = written_;
  return file_->datasync();
}

/// Moves what lies behind the last whole block of `whole_` to `next_rest_`.
void block_appender::set_apart_the_rest() {
  std::uint64_t size = 0;
  for (const auto piece : whole_) size += piece.size();
  auto left = static_cast<std::size_t>(size % block_size);
  next_rest_.resize(left);
  while (left != 0) {
    auto& last = whole_.back();
    const auto part = last.last(std::min(last.size(), left));
    left -= part.size();
    std::ranges::copy(part, next_rest_.begin() + static_cast<std::ptrdiff_t>(left));
    last = last.first(last.size() - part.size());
    if (last.empty()) whole_.pop_back();
  }
}

result<void> block_appender::finish() {
  if (rest_.empty()) return file_->datasync();
  // Past the cache the file could only end with a whole block.
  auto through_cache = files_->open(path_, open_mode::read_write);
  if (!through_cache) return std::unexpected(through_cache.error());
  const std::array<std::span<const std::byte>, 1> pieces{rest_};
  if (auto ok = (*through_cache)->write(pieces, written_); !ok) return ok;
  return (*through_cache)->datasync();
}

}  // namespace mainstay::wal
