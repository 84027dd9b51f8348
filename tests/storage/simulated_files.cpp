#include "tests/storage/simulated_files.hpp"

#include <algorithm>
#include <utility>

namespace mainstay {

namespace {

constexpr std::uint64_t sector = 512;

std::unexpected<error> missing(const std::string& path) {
  return fail(error_code::io_failed, "open " + path + ": No such file or directory");
}

}  // namespace

class simulated_files::open_file final : public wal::file {
 public:
  open_file(simulated_files& disk, std::string path, std::shared_ptr<inode> node)
      : disk_(&disk), path_(std::move(path)), file_(std::move(node)) {}

  result<void> write(std::span<const std::span<const std::byte>> pieces,
                     std::uint64_t offset) override {
    if (auto ok = disk_->before(file_operation::kind::write, path_); !ok) return ok;
    const std::lock_guard guard(disk_->mutex_);
    unflushed_write all{offset, {}};
    for (const auto piece : pieces) all.bytes.insert(all.bytes.end(), piece.begin(), piece.end());
    if (auto ok = disk_->take_space(*file_, offset + all.bytes.size()); !ok) return ok;
    put(file_->visible, offset, all.bytes);
    file_->unflushed.push_back(std::move(all));
    return {};
  }

  result<std::size_t> read(std::span<std::byte> room, std::uint64_t offset) override {
    const std::lock_guard guard(disk_->mutex_);
    const auto size = file_->visible.size();
    const auto length = std::min<std::uint64_t>(room.size(), size - std::min(offset, size));
    std::copy_n(file_->visible.begin() + static_cast<std::ptrdiff_t>(std::min(offset, size)),
                length, room.begin());
    return length;
  }

  result<void> datasync() override {
    auto ok = disk_->before(file_operation::kind::datasync, path_);
    const std::lock_guard guard(disk_->mutex_);
    if (ok) {
      file_->durable = file_->visible;
      ++disk_->flushes_;
    }
    file_->unflushed.clear();  // also after a failure: the pages count as clean from now on
    return ok;
  }

  result<void> allocate(std::uint64_t size) override {
    if (auto ok = disk_->before(file_operation::kind::allocate, path_); !ok) return ok;
    const std::lock_guard guard(disk_->mutex_);
    return disk_->take_space(*file_, size);
  }

  result<std::uint64_t> size() override {
    const std::lock_guard guard(disk_->mutex_);
    return file_->visible.size();
  }

 private:
  simulated_files* disk_;
  std::string path_;
  std::shared_ptr<inode> file_;
};

result<void> simulated_files::before(file_operation::kind what, const std::string& path) {
  return hook ? hook({what, path}) : result<void>{};
}

result<void> simulated_files::take_space(const inode& grown, std::uint64_t size) const {
  if (!capacity || size <= grown.visible.size()) return {};
  std::uint64_t used = 0;
  for (const auto& [path, file] : visible_) used += file->visible.size();
  if (used - grown.visible.size() + size <= *capacity) return {};
  return fail(error_code::no_space, "No space left on device");
}

void simulated_files::put(std::vector<std::byte>& into, std::uint64_t offset,
                          std::span<const std::byte> bytes) {
  if (into.size() < offset + bytes.size()) into.resize(offset + bytes.size());
  std::ranges::copy(bytes, into.begin() + static_cast<std::ptrdiff_t>(offset));
}

void simulated_files::apply(names& to, const name_change& change) {
  if (!change.gone.empty()) to.erase(change.gone);
  if (!change.come.empty()) to[change.come] = change.file;
}

result<void> simulated_files::create_directory(const std::string&) { return {}; }

result<std::vector<std::string>> simulated_files::list(const std::string& directory) {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> found;
  for (const auto& [path, file] : visible_) {
    if (path.starts_with(directory + "/")) found.push_back(path.substr(directory.size() + 1));
  }
  return found;
}

result<std::unique_ptr<wal::file>> simulated_files::open(const std::string& path, wal::open_mode) {
  const std::lock_guard guard(mutex_);
  const auto found = visible_.find(path);
  if (found == visible_.end()) return missing(path);
  return std::make_unique<open_file>(*this, path, found->second);
}

result<std::unique_ptr<wal::file>> simulated_files::create(const std::string& path) {
  if (auto ok = before(file_operation::kind::create, path); !ok) {
    return std::unexpected(ok.error());
  }
  const std::lock_guard guard(mutex_);
  auto fresh = std::make_shared<inode>();
  unflushed_.push_back({"", path, fresh});
  apply(visible_, unflushed_.back());
  return std::make_unique<open_file>(*this, path, std::move(fresh));
}

result<void> simulated_files::rename(const std::string& from, const std::string& to) {
  if (auto ok = before(file_operation::kind::rename, from); !ok) return ok;
  const std::lock_guard guard(mutex_);
  const auto found = visible_.find(from);
  if (found == visible_.end()) return missing(from);
  unflushed_.push_back({from, to, found->second});
  apply(visible_, unflushed_.back());
  return {};
}

result<void> simulated_files::remove(const std::string& path) {
  if (auto ok = before(file_operation::kind::remove, path); !ok) return ok;
  const std::lock_guard guard(mutex_);
  if (!visible_.contains(path)) return missing(path);
  unflushed_.push_back({path, "", nullptr});
  apply(visible_, unflushed_.back());
  return {};
}

result<void> simulated_files::sync_directory(const std::string& directory) {
  if (auto ok = before(file_operation::kind::sync_names, directory); !ok) return ok;
  const std::lock_guard guard(mutex_);
  durable_ = visible_;
  unflushed_.clear();
  return {};
}

result<std::unique_ptr<wal::directory_lock>> simulated_files::lock(const std::string& path) {
  class held final : public wal::directory_lock {
   public:
    held(simulated_files& disk, std::string name) : disk_(&disk), name_(std::move(name)) {}
    held(const held&) = delete;
    held& operator=(const held&) = delete;
    ~held() override {
      const std::lock_guard guard(disk_->mutex_);
      disk_->locks_.erase(name_);
    }

   private:
    simulated_files* disk_;
    std::string name_;
  };
  const std::lock_guard guard(mutex_);
  if (!locks_.insert(path).second) {
    return fail(error_code::io_failed, "lock " + path + ": another process has it");
  }
  return std::make_unique<held>(*this, path);
}

void simulated_files::tear(std::vector<std::byte>& into, const unflushed_write& write,
                           random_generator& random) {
  const auto end = write.offset + write.bytes.size();
  for (auto at = write.offset; at < end;) {
    const auto next = std::min(end, (at / sector + 1) * sector);
    if (random.below(2) == 0) {
      put(into, at, std::span(write.bytes).subspan(at - write.offset, next - at));
    }
    at = next;
  }
}

std::vector<std::byte> simulated_files::after_crash(const inode& file, crash_kind kind,
                                                    random_generator& random) {
  auto bytes = file.durable;
  if (kind == crash_kind::lost || file.unflushed.empty()) return bytes;
  const auto whole =
      kind == crash_kind::cut ? random.below(file.unflushed.size() + 1) : file.unflushed.size();
  for (std::size_t i = 0; i < whole; ++i) {
    const auto& write = file.unflushed[i];
    if (kind == crash_kind::torn) {
      tear(bytes, write, random);
    } else {
      put(bytes, write.offset, write.bytes);
    }
  }
  if (whole < file.unflushed.size()) {
    const auto& write = file.unflushed[whole];
    const auto length = random.below(write.bytes.size() + 1);
    put(bytes, write.offset, std::span(write.bytes).first(length));
  }
  return bytes;
}

std::unique_ptr<simulated_files> simulated_files::crash(crash_kind kind,
                                                        random_generator& random) const {
  const std::lock_guard guard(mutex_);
  names left = durable_;
  const auto in_order =
      kind == crash_kind::cut ? random.below(unflushed_.size() + 1) : unflushed_.size();
  for (std::size_t i = 0; i < in_order && kind != crash_kind::lost; ++i) {
    const bool survives = kind != crash_kind::torn || random.below(2) == 0;
    const auto& change = unflushed_[i];
    const bool possible = change.gone.empty() || left.contains(change.gone);
    if (survives && possible) apply(left, change);
  }
  auto disk = std::make_unique<simulated_files>();
  for (const auto& [path, file] : left) {
    auto copy = std::make_shared<inode>();
    copy->visible = copy->durable = after_crash(*file, kind, random);
    disk->visible_[path] = disk->durable_[path] = std::move(copy);
  }
  disk->capacity = capacity;
  return disk;
}

std::vector<std::string> simulated_files::paths() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> all;
  for (const auto& [path, file] : visible_) all.push_back(path);
  return all;
}

std::vector<std::byte> simulated_files::contents(const std::string& path) const {
  const std::lock_guard guard(mutex_);
  return visible_.at(path)->visible;
}

void simulated_files::replace(const std::string& path, std::vector<std::byte> bytes) {
  const std::lock_guard guard(mutex_);
  auto fresh = std::make_shared<inode>();
  fresh->visible = fresh->durable = std::move(bytes);
  visible_[path] = durable_[path] = std::move(fresh);
}

std::uint64_t simulated_files::flushes() const {
  const std::lock_guard guard(mutex_);
  return flushes_;
}

}  // namespace mainstay
