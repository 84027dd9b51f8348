/// Files in memory that behave as badly as a disk may: what was not flushed can be lost, torn or
/// reordered by a crash, names that were not flushed too; operations fail, fill up, or wait. Not a
/// model of any file system: it allows everything that POSIX allows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay {

/// What becomes of everything that was not flushed when the power fails.
enum class crash_kind : std::uint8_t {
  lost,  ///< none of it is there
  kept,  ///< all of it is there
  torn,  ///< any sectors of it, and any of the new names, are there
  cut,   ///< a part of it from the front is there, in the order of writing
};

/// One operation that changes something, as the hook sees it before it happens.
struct file_operation {
  enum class kind : std::uint8_t { create, write, datasync, allocate, rename, remove, sync_names };
  kind what;
  std::string path;
};

/// Any thread. Copies are independent disks.
class simulated_files final : public wal::file_system {
 public:
  simulated_files() = default;

  result<void> create_directory(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<std::unique_ptr<wal::file>> open(const std::string& path, wal::open_mode mode) override;
  result<std::unique_ptr<wal::file>> create(const std::string& path) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& directory) override;
  result<std::unique_ptr<wal::directory_lock>> lock(const std::string& path) override;

  /// Called before every operation that changes something, without a lock held; an error is the
  /// operation's outcome. A failed datasync loses what was not flushed, and says nothing the next
  /// time; what was written stays visible until the crash.
  std::function<result<void>(const file_operation&)> hook;
  /// Bytes that all files together may have; beyond it `no_space`.
  std::optional<std::uint64_t> capacity;

  /// The disk as another process finds it after a crash at this moment.
  std::unique_ptr<simulated_files> crash(crash_kind kind, random_generator& random) const;

  /// All paths, sorted.
  std::vector<std::string> paths() const;
  /// A file's bytes, and a way to change them behind everyone's back.
  std::vector<std::byte> contents(const std::string& path) const;
  void replace(const std::string& path, std::vector<std::byte> bytes);
  /// How often `datasync` succeeded.
  std::uint64_t flushes() const;

 private:
  class open_file;

  struct unflushed_write {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
  };
  struct inode {
    std::vector<std::byte> visible;
    std::vector<std::byte> durable;
    std::vector<unflushed_write> unflushed;
  };
  using names = std::map<std::string, std::shared_ptr<inode>>;
  /// A name that came (with its file) or went; a rename is both.
  struct name_change {
    std::string gone;
    std::string come;
    std::shared_ptr<inode> file;
  };

  result<void> before(file_operation::kind what, const std::string& path);
  result<void> take_space(const inode& grown, std::uint64_t size) const;
  static void put(std::vector<std::byte>& into, std::uint64_t offset,
                  std::span<const std::byte> bytes);
  static void apply(names& to, const name_change& change);
  static void tear(std::vector<std::byte>& into, const unflushed_write& write,
                   random_generator& random);
  static std::vector<std::byte> after_crash(const inode& file, crash_kind kind,
                                            random_generator& random);

  mutable std::mutex mutex_;
  names visible_;
  names durable_;
  std::vector<name_change> unflushed_;
  std::set<std::string> locks_;
  std::uint64_t flushes_ = 0;
};

}  // namespace mainstay
