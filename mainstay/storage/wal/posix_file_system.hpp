/// The real files: POSIX calls with errors as values. No buffering and no retries of its own.
#pragma once

#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay::wal {

/// `file_system` on the machine's own. Stateless; any thread.
class posix_file_system final : public file_system {
 public:
  result<void> create_directory(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override;
  result<std::unique_ptr<file>> create(const std::string& path) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& directory) override;
  result<std::unique_ptr<directory_lock>> lock(const std::string& path) override;
};

}  // namespace mainstay::wal
