/// The real files: POSIX calls with errors as values, and no retries. Files that ask for it are
/// read and written past the page cache (direct_io.hpp).
#pragma once

#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay::wal {

class aligned_buffers;

/// `file_system` on the machine's own. Any thread.
class posix_file_system final : public file_system {
 public:
  posix_file_system();

  result<void> create_directory(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& directory) override;
  result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override;
  result<std::unique_ptr<file>> create(const std::string& path) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> sync_directory(const std::string& directory) override;
  result<std::unique_ptr<directory_lock>> lock(const std::string& path) override;

 private:
  std::shared_ptr<aligned_buffers> buffers_;
};

}  // namespace mainstay::wal
