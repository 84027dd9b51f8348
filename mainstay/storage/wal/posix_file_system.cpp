#include "mainstay/storage/wal/posix_file_system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mainstay/storage/wal/direct_io.hpp"

namespace mainstay::wal {

namespace {

/// The failed side for the system's last error.
std::unexpected<error> failure(const char* operation, const std::string& path, int reason) {
  const bool full = reason == ENOSPC || reason == EDQUOT;
  return fail(full ? error_code::no_space : error_code::io_failed,
              fmt::format("{} {}: {}", operation, path,
                          std::error_code(reason, std::generic_category()).message()));
}

/// A file descriptor with an owner.
class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

result<descriptor> open_descriptor(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return failure("open", path, errno);
  return descriptor(fd);
}

/// Moves past the first `done` bytes of a list of buffers; gives how many buffers are used up.
std::size_t skip(std::span<iovec> buffers, std::size_t done) {
  std::size_t used = 0;
  while (used < buffers.size() && done >= buffers[used].iov_len) {
    done -= buffers[used].iov_len;
    ++used;
  }
  if (used < buffers.size()) {
    buffers[used].iov_base = static_cast<std::byte*>(buffers[used].iov_base) + done;
    buffers[used].iov_len -= done;
  }
  return used;
}

class posix_file final : public file {
 public:
  posix_file(std::string path, descriptor fd, std::shared_ptr<aligned_buffers> buffers)
      : path_(std::move(path)), fd_(std::move(fd)), buffers_(std::move(buffers)) {}

  result<void> write(std::span<const std::span<const std::byte>> pieces,
                     std::uint64_t offset) override {
    if (direct_) {
      const int status = direct_->write(pieces, offset);
      if (status != 0) return failure("write", path_, status);
      return {};
    }
    std::array<iovec, 512> buffers;
    while (!pieces.empty()) {
      const auto count = std::min(pieces.size(), buffers.size());
      for (std::size_t i = 0; i < count; ++i) {
        // The interface of writev is not const, but it only reads.
        buffers[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
      }
      auto written = write_all(std::span(buffers).first(count), offset);
      if (!written) return std::unexpected(written.error());
      offset = *written;
      pieces = pieces.subspan(count);
    }
    return {};
  }

  result<std::size_t> read(std::span<std::byte> room, std::uint64_t offset) override {
    std::size_t total = 0;
    if (direct_) {
      const int status = direct_->read(room, offset, total);
      if (status != 0) return failure("read", path_, status);
      return total;
    }
    while (total < room.size()) {
      const auto got = ::pread(fd_.get(), room.data() + total, room.size() - total,
                               static_cast<off_t>(offset + total));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure("read", path_, errno);
      if (got == 0) break;
      total += static_cast<std::size_t>(got);
    }
    return total;
  }

  result<void> datasync() override {
    if (::fdatasync(fd_.get()) != 0) return failure("fdatasync", path_, errno);
    return {};
  }

  result<void> allocate(std::uint64_t size) override {
    int status = 0;
    do {
      status = ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) == 0 ? 0 : errno;
    } while (status == EINTR);
    if (status != 0 && status != EOPNOTSUPP) return failure("fallocate", path_, status);
    return {};
  }

  bool bypass_cache() override {
    if (direct_) return true;
    if (!direct_io::is_possible(fd_.get())) return false;
    const int flags = ::fcntl(fd_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd_.get(), F_SETFL, flags | O_DIRECT) != 0) return false;
    direct_.emplace(fd_.get(), buffers_);
    return true;
  }

  void will_read(std::uint64_t offset, std::uint64_t length) override {
    // Advice that is not taken costs nothing but time.
    (void)::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                          POSIX_FADV_WILLNEED);
  }

  result<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return failure("stat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  /// Writes all buffers; gives the offset behind them.
  result<std::uint64_t> write_all(std::span<iovec> buffers, std::uint64_t offset) {
    buffers = buffers.subspan(skip(buffers, 0));
    while (!buffers.empty()) {
      const auto put = ::pwritev(fd_.get(), buffers.data(), static_cast<int>(buffers.size()),
                                 static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failure("write", path_, errno);
      offset += static_cast<std::uint64_t>(put);
      buffers = buffers.subspan(skip(buffers, static_cast<std::size_t>(put)));
    }
    return offset;
  }

  std::string path_;
  descriptor fd_;
  std::shared_ptr<aligned_buffers> buffers_;
  std::optional<direct_io> direct_;  // once the cache is bypassed
};

class posix_lock final : public directory_lock {
 public:
  explicit posix_lock(descriptor fd) : fd_(std::move(fd)) {}

 private:
  descriptor fd_;  // closing it gives the lock back
};

result<void> sync_path(const std::string& directory) {
  auto fd = open_descriptor(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return std::unexpected(fd.error());
  if (::fsync(fd->get()) != 0) return failure("fsync", directory, errno);
  return {};
}

}  // namespace

posix_file_system::posix_file_system() : buffers_(std::make_shared<aligned_buffers>()) {}

result<void> posix_file_system::create_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) {
    if (errno == EEXIST) return {};
    return failure("mkdir", path, errno);
  }
  return sync_path(path + "/..");
}

result<std::vector<std::string>> posix_file_system::list(const std::string& directory) {
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return failure("list", directory, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* found = ::readdir(open.get())) names.emplace_back(found->d_name);
  if (errno != 0) return failure("list", directory, errno);
  return names;
}

result<std::unique_ptr<file>> posix_file_system::open(const std::string& path, open_mode mode) {
  auto fd = open_descriptor(path, mode == open_mode::read_only ? O_RDONLY : O_RDWR);
  if (!fd) return std::unexpected(fd.error());
  return std::make_unique<posix_file>(path, std::move(*fd), buffers_);
}

result<std::unique_ptr<file>> posix_file_system::create(const std::string& path) {
  auto fd = open_descriptor(path, O_RDWR | O_CREAT | O_TRUNC);
  if (!fd) return std::unexpected(fd.error());
  return std::make_unique<posix_file>(path, std::move(*fd), buffers_);
}

result<void> posix_file_system::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename", from, errno);
  return {};
}

result<void> posix_file_system::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failure("unlink", path, errno);
  return {};
}

result<void> posix_file_system::sync_directory(const std::string& directory) {
  return sync_path(directory);
}

result<std::unique_ptr<directory_lock>> posix_file_system::lock(const std::string& path) {
  auto fd = open_descriptor(path, O_RDWR | O_CREAT);
  if (!fd) return std::unexpected(fd.error());
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure("lock", path, errno);
    return fail(error_code::io_failed,
                fmt::format("lock {}: another process has this directory open", path));
  }
  return std::make_unique<posix_lock>(std::move(*fd));
}

}  // namespace mainstay::wal
