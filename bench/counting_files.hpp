/// The machine's own files with a counter of flushes: what a benchmark puts beneath the log. It
/// changes nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/storage/wal/posix_file_system.hpp"

namespace mainstay::bench {

/// `wal::file_system` that counts the flushes of its files. Any thread.
class counting_files final : public wal::file_system {
 public:
  /// Flushes of files so far; those of directories are not counted.
  std::uint64_t flushes() const { return flushes_.load(std::memory_order_relaxed); }

  result<void> create_directory(const std::string& path) override {
    return below_.create_directory(path);
  }
  result<std::vector<std::string>> list(const std::string& directory) override {
    return below_.list(directory);
  }
  result<std::unique_ptr<wal::file>> open(const std::string& path, wal::open_mode mode) override {
    return counted(below_.open(path, mode));
  }
  result<std::unique_ptr<wal::file>> create(const std::string& path) override {
    return counted(below_.create(path));
  }
  result<void> rename(const std::string& from, const std::string& to) override {
    return below_.rename(from, to);
  }
  result<void> remove(const std::string& path) override { return below_.remove(path); }
  result<void> sync_directory(const std::string& directory) override {
    return below_.sync_directory(directory);
  }
  result<std::unique_ptr<wal::directory_lock>> lock(const std::string& path) override {
    return below_.lock(path);
  }

 private:
  class counted_file final : public wal::file {
   public:
    counted_file(std::unique_ptr<wal::file> below, std::atomic<std::uint64_t>& flushes)
        : below_(std::move(below)), flushes_(flushes) {}

    result<void> write(std::span<const std::span<const std::byte>> pieces,
                       std::uint64_t offset) override {
      return below_->write(pieces, offset);
    }
    result<std::size_t> read(std::span<std::byte> room, std::uint64_t offset) override {
      return below_->read(room, offset);
    }
    result<void> datasync() override {
      flushes_.fetch_add(1, std::memory_order_relaxed);
      return below_->datasync();
    }
    result<void> allocate(std::uint64_t size) override { return below_->allocate(size); }
    bool bypass_cache() override { return below_->bypass_cache(); }
    result<std::uint64_t> size() override { return below_->size(); }
    void will_read(std::uint64_t offset, std::uint64_t length) override {
      below_->will_read(offset, length);
    }

   private:
    std::unique_ptr<wal::file> below_;
    std::atomic<std::uint64_t>& flushes_;
  };

  result<std::unique_ptr<wal::file>> counted(result<std::unique_ptr<wal::file>> opened) {
    if (!opened) return opened;
    return std::make_unique<counted_file>(std::move(*opened), flushes_);
  }

  wal::posix_file_system below_;
  std::atomic<std::uint64_t> flushes_{0};
};

}  // namespace mainstay::bench
