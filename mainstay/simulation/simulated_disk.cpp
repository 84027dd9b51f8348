#include "mainstay/simulation/simulated_disk.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::simulation {

namespace {

using kind = file_operation::kind;

constexpr std::uint64_t million = 1'000'000;

std::unexpected<error> missing(const std::string& path) {
  return fail(error_code::io_failed, "open " + path + ": No such file or directory");
}

std::unexpected<error> broken(const char* operation, const std::string& path) {
  return fail(error_code::io_failed, std::string(operation) + " " + path + ": Input/output error");
}

bool lies_in(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path.find('/', directory.size()) == directory.size() &&
         path.rfind('/') == directory.size();
}

/// Behind the last byte that is not zero.
std::uint64_t used_size(const std::vector<std::byte>& bytes) {
  const auto last =
      std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte one) { return one != std::byte{}; });
  return static_cast<std::uint64_t>(bytes.rend() - last);
}

}  // namespace

std::string_view name_of(file_operation::kind what) {
  using enum file_operation::kind;
  switch (what) {
    case create:
      return "create";
    case write:
      return "write";
    case datasync:
      return "datasync";
    case allocate:
      return "allocate";
    case rename:
      return "rename";
    case remove:
      return "remove";
    case sync_names:
      return "sync_names";
  }
  return "unknown";
}

class simulated_disk::open_file final : public wal::file {
 public:
  open_file(simulated_disk& disk, std::string path, std::shared_ptr<stored_file> stored)
      : disk_(&disk), path_(std::move(path)), file_(std::move(stored)) {}

  result<void> write(std::span<const std::span<const std::byte>> pieces,
                     std::uint64_t offset) override {
    if (auto ok = disk_->before(kind::write, path_); !ok) return ok;
    std::size_t size = 0;
    for (const auto piece : pieces) size += piece.size();
    pending_write all{.offset = offset};
    all.bytes.reserve(size + wal::block_size);
    for (const auto piece : pieces) all.bytes.insert(all.bytes.end(), piece.begin(), piece.end());
    if (by_blocks_) fill_last_block(all);
    auto outcome = take(all);
    disk_->finish({kind::write, path_, size, all.time, !outcome});
    return outcome;
  }

  result<std::size_t> read(std::span<std::byte> room, std::uint64_t offset) override {
    const std::lock_guard guard(disk_->mutex_);
    ++disk_->counters_.reads;
    const auto length = file_->read(room, offset);
    disk_->take_time(disk_->settings.read_latency, length);
    if (disk_->strikes(disk_fault::read_error)) return broken("read", path_);
    return length;
  }

  result<void> datasync() override {
    auto outcome = disk_->before(kind::datasync, path_);
    time_span time;
    {
      const std::lock_guard guard(disk_->mutex_);
      if (outcome && disk_->strikes(disk_fault::flush_error)) outcome = broken("fdatasync", path_);
      time = disk_->take_time(disk_->settings.flush_latency);
      disk_->flushes_under_way_.push_back(
          {.file = file_, .sequence = ++disk_->sequence_, .ends = time.ends, .failed = !outcome});
      if (outcome) ++disk_->counters_.flushes;
      if (!disk_->has_clock_) disk_->settle(time.ends);
    }
    disk_->finish({kind::datasync, path_, 0, time, !outcome});
    return outcome;
  }

  result<void> allocate(std::uint64_t size) override {
    if (auto ok = disk_->before(kind::allocate, path_); !ok) return ok;
    time_span time;
    result<void> outcome;
    {
      const std::lock_guard guard(disk_->mutex_);
      time = disk_->take_time(disk_->settings.write_latency);
      outcome = disk_->take_space(*file_, size);
      if (outcome && disk_->strikes(disk_fault::write_error)) outcome = broken("fallocate", path_);
      if (outcome) {
        file_->write({.sequence = ++disk_->sequence_, .grows_to = size, .time = time});
      }
    }
    disk_->finish({kind::allocate, path_, 0, time, !outcome});
    return outcome;
  }

  bool bypass_cache() override { return by_blocks_ = true; }

  result<std::uint64_t> size() override {
    const std::lock_guard guard(disk_->mutex_);
    return file_->visible().size();
  }

 private:
  /// Gives the write its time and its fate, and carries it out. `one.time` is set in any case.
  result<void> take(pending_write& one) {
    const std::lock_guard guard(disk_->mutex_);
    one.time = disk_->take_time(disk_->settings.write_latency, one.bytes.size());
    one.sequence = ++disk_->sequence_;
    if (auto ok = disk_->take_space(*file_, one.offset + one.bytes.size()); !ok) return ok;
    ++disk_->counters_.writes;
    disk_->counters_.bytes_written += one.bytes.size();
    const bool fails = disk_->strikes(disk_fault::write_error);
    if (fails) one.bytes.resize(disk_->random_.below(one.bytes.size() + 1));
    one.goes_astray = disk_->strikes(disk_fault::lost_write);
    if (disk_->strikes(disk_fault::misdirected_write)) disk_->misdirect(one);
    file_->write(std::move(one));
    if (fails) return broken("write", path_);
    return {};
  }

  static void fill_last_block(pending_write& one) {
    const auto end = one.offset + one.bytes.size();
    one.bytes.resize((end + wal::block_size - 1) / wal::block_size * wal::block_size - one.offset);
  }

  simulated_disk* disk_;
  std::string path_;
  std::shared_ptr<stored_file> file_;
  bool by_blocks_ = false;
};

// ---- What every operation does ----------------------------------------------------------------

result<void> simulated_disk::before(file_operation::kind what, const std::string& path) const {
  return hook ? hook({what, path}) : result<void>{};
}

void simulated_disk::finish(const finished_operation& operation) const {
  if (observer) observer(operation);
}

time_span simulated_disk::take_time(duration mean, std::uint64_t bytes) {
  const auto begins = cursor_;
  if (!has_clock_) return {begins, begins};
  const auto kib = static_cast<duration::rep>((bytes + 1023) / 1024);
  const auto whole = (mean + settings.kib_latency * kib) * settings.slowness;
  // From half the mean to one and a half; one in a hundred takes ten times as long.
  auto drawn = whole / 2;
  if (whole.count() > 0) {
    drawn += duration(
        static_cast<duration::rep>(random_.below(static_cast<std::uint64_t>(whole.count()))));
  }
  if (random_.below(100) == 0) drawn *= 10;
  cursor_ = std::max(begins, settings.stalled_until) + drawn;
  return {begins, cursor_};
}

bool simulated_disk::strikes(disk_fault fault) {
  const auto which = static_cast<std::size_t>(fault);
  bool struck = false;
  if (next_fail_[which] > 0) {
    --next_fail_[which];
    struck = true;
  } else if (settings.faults_per_million[which] > 0) {
    struck = random_.below(million) < settings.faults_per_million[which];
  }
  if (struck) ++counters_.faults[which];
  return struck;
}

result<void> simulated_disk::take_space(const stored_file& grown, std::uint64_t size) {
  const auto present = grown.visible().size();
  if (!capacity || size <= present) return {};
  if (used() - present + size <= *capacity) return {};
  ++counters_.full;
  return fail(error_code::no_space, "No space left on device");
}

std::uint64_t simulated_disk::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, file] : visible_) bytes += file->visible().size();
  return bytes;
}

void simulated_disk::misdirect(pending_write& one) {
  one.goes_astray = true;
  auto target = visible_.begin();
  std::advance(target, static_cast<std::ptrdiff_t>(random_.below(visible_.size() + 1)));
  if (target == visible_.end()) return;  // beyond everything: it is only lost
  const auto sectors = target->second->visible().size() / disk_sector;
  one.wrong_file = target->second;
  one.wrong_offset = random_.below(sectors + 1) * disk_sector;
}

// ---- Names ------------------------------------------------------------------------------------

void simulated_disk::apply(names& to, const name_change& change) {
  if (!change.gone.empty()) to.erase(change.gone);
  if (!change.come.empty()) to[change.come] = change.file;
}

void simulated_disk::change_name(name_change change) {
  change.sequence = ++sequence_;
  ++counters_.name_changes;
  apply(visible_, change);
  pending_names_.push_back(std::move(change));
}

result<void> simulated_disk::create_directory(const std::string&) { return {}; }

result<std::vector<std::string>> simulated_disk::list(const std::string& directory) {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> found;
  for (const auto& [path, file] : visible_) {
    if (lies_in(path, directory)) found.push_back(path.substr(directory.size() + 1));
  }
  return found;
}

result<std::unique_ptr<wal::file>> simulated_disk::open(const std::string& path, wal::open_mode) {
  const std::lock_guard guard(mutex_);
  const auto found = visible_.find(path);
  if (found == visible_.end()) return missing(path);
  return std::make_unique<open_file>(*this, path, found->second);
}

result<std::unique_ptr<wal::file>> simulated_disk::create(const std::string& path) {
  if (auto ok = before(kind::create, path); !ok) return std::unexpected(ok.error());
  auto fresh = std::make_shared<stored_file>();
  time_span time;
  {
    const std::lock_guard guard(mutex_);
    time = take_time(settings.write_latency);
    change_name({.come = path, .file = fresh, .time = time});
  }
  finish({kind::create, path, 0, time, false});
  return std::make_unique<open_file>(*this, path, std::move(fresh));
}

result<void> simulated_disk::rename(const std::string& from, const std::string& to) {
  if (auto ok = before(kind::rename, from); !ok) return ok;
  time_span time;
  {
    const std::lock_guard guard(mutex_);
    const auto found = visible_.find(from);
    if (found == visible_.end()) return missing(from);
    time = take_time(settings.write_latency);
    change_name({.gone = from, .come = to, .file = found->second, .time = time});
  }
  finish({kind::rename, from, 0, time, false});
  return {};
}

result<void> simulated_disk::remove(const std::string& path) {
  if (auto ok = before(kind::remove, path); !ok) return ok;
  time_span time;
  {
    const std::lock_guard guard(mutex_);
    if (!visible_.contains(path)) return missing(path);
    time = take_time(settings.write_latency);
    change_name({.gone = path, .time = time});
  }
  finish({kind::remove, path, 0, time, false});
  return {};
}

result<void> simulated_disk::sync_directory(const std::string& directory) {
  if (auto ok = before(kind::sync_names, directory); !ok) return ok;
  time_span time;
  bool failed = false;
  {
    const std::lock_guard guard(mutex_);
    failed = strikes(disk_fault::flush_error);
    time = take_time(settings.flush_latency);
    flushes_under_way_.push_back(
        {.directory = directory, .sequence = ++sequence_, .ends = time.ends, .failed = failed});
    if (!failed) ++counters_.name_flushes;
    if (!has_clock_) settle(time.ends);
  }
  finish({kind::sync_names, directory, 0, time, failed});
  if (failed) return broken("fsync", directory);
  return {};
}

result<std::unique_ptr<wal::directory_lock>> simulated_disk::lock(const std::string& path) {
  class held final : public wal::directory_lock {
   public:
    held(simulated_disk& disk, std::string name) : disk_(&disk), name_(std::move(name)) {}
    held(const held&) = delete;
    held& operator=(const held&) = delete;
    ~held() override {
      const std::lock_guard guard(disk_->mutex_);
      disk_->locks_.erase(name_);
    }

   private:
    simulated_disk* disk_;
    std::string name_;
  };
  const std::lock_guard guard(mutex_);
  if (!locks_.insert(path).second) {
    return fail(error_code::io_failed, "lock " + path + ": another process has it");
  }
  return std::make_unique<held>(*this, path);
}

// ---- Time -------------------------------------------------------------------------------------

void simulated_disk::begin_work(instant start) {
  const std::lock_guard guard(mutex_);
  has_clock_ = true;
  settle(start);
  cursor_ = std::max(cursor_, start);
}

instant simulated_disk::work_ends() const {
  const std::lock_guard guard(mutex_);
  return cursor_;
}

void simulated_disk::complete_work() {
  const std::lock_guard guard(mutex_);
  settle(cursor_);
}

/// Makes durable what the flushes did that are complete by `now`.
void simulated_disk::settle(instant now) {
  while (!flushes_under_way_.empty() && flushes_under_way_.front().ends <= now) {
    const auto flush = std::move(flushes_under_way_.front());
    flushes_under_way_.pop_front();
    if (flush.file == nullptr) {
      if (!flush.failed) settle_names(flush.directory, flush.sequence);
    } else if (flush.failed) {
      flush.file->flush_failed(flush.sequence, random_);
    } else {
      flush.file->flushed(flush.sequence);
    }
  }
}

void simulated_disk::settle_names(const std::string& directory, std::uint64_t sequence) {
  std::deque<name_change> left;
  for (auto& change : pending_names_) {
    const auto& name = change.come.empty() ? change.gone : change.come;
    if (change.sequence < sequence && lies_in(name, directory)) {
      apply(durable_, change);
    } else {
      left.push_back(std::move(change));
    }
  }
  pending_names_ = std::move(left);
}

// ---- Faults -----------------------------------------------------------------------------------

void simulated_disk::fail_next(disk_fault fault, std::uint32_t operations) {
  const std::lock_guard guard(mutex_);
  next_fail_[static_cast<std::size_t>(fault)] = operations;
}

std::uint64_t simulated_disk::rot(std::uint64_t bits) {
  const std::lock_guard guard(mutex_);
  std::vector<std::pair<stored_file*, std::uint64_t>> places;
  for (const auto& [path, file] : durable_) {
    if (const auto size = used_size(file->durable()); size > 0) {
      places.emplace_back(file.get(), size);
    }
  }
  if (places.empty()) return 0;
  for (std::uint64_t i = 0; i < bits; ++i) {
    const auto& [file, size] = places[random_.below(places.size())];
    file->rot(random_.below(size), static_cast<unsigned>(random_.below(8)));
  }
  counters_.rotten_bits += bits;
  return bits;
}

void simulated_disk::rot(const std::string& path, std::uint64_t offset, unsigned bit) {
  const std::lock_guard guard(mutex_);
  const auto found = durable_.find(path);
  MAINSTAY_ASSERT(found != durable_.end() && offset < found->second->durable().size());
  found->second->rot(offset, bit);
  ++counters_.rotten_bits;
}

// ---- Power failures ---------------------------------------------------------------------------

std::unique_ptr<simulated_disk> simulated_disk::image(instant at, crash_kind loss,
                                                      random_generator& random) {
  settle(at);
  names left = durable_;
  const auto in_order =
      loss == crash_kind::cut ? random.below(pending_names_.size() + 1) : pending_names_.size();
  for (std::size_t i = 0; i < in_order && loss != crash_kind::lost; ++i) {
    const auto& change = pending_names_[i];
    if (change.time.begins >= at) break;
    const bool certain = loss != crash_kind::torn && change.time.ends <= at;
    const bool survives = certain || random.below(2) == 0;
    const bool possible = change.gone.empty() || left.contains(change.gone);
    if (survives && possible) apply(left, change);
  }
  auto disk = successor(random);
  for (const auto& [path, file] : left) {
    disk->visible_[path] = disk->durable_[path] =
        std::make_shared<stored_file>(file->after_power_failure(at, loss, random));
  }
  ++disk->counters_.power_failures;
  return disk;
}

std::unique_ptr<simulated_disk> simulated_disk::successor(random_generator& random) const {
  auto disk = std::make_unique<simulated_disk>(random.next());
  disk->settings = settings;
  disk->capacity = capacity;
  disk->counters_ = counters_;
  return disk;
}

std::unique_ptr<simulated_disk> simulated_disk::crash(instant at) {
  // Torn is the worst, and the others leave what torn hardly ever does.
  static constexpr std::array kinds{crash_kind::torn, crash_kind::torn, crash_kind::cut,
                                    crash_kind::lost, crash_kind::kept};
  const auto drawn = random_.below(kinds.size());
  return crash(at, kinds[drawn]);
}

std::unique_ptr<simulated_disk> simulated_disk::crash(instant at, crash_kind loss) {
  const std::lock_guard guard(mutex_);
  auto found = image(has_clock_ ? at : instant::max(), loss, random_);
  found->observer = observer;
  return found;
}

std::unique_ptr<simulated_disk> simulated_disk::crash(crash_kind loss, random_generator& random) {
  const std::lock_guard guard(mutex_);
  return image(instant::max(), loss, random);
}

std::unique_ptr<simulated_disk> simulated_disk::kill(instant at) {
  const std::lock_guard guard(mutex_);
  if (!has_clock_) at = instant::max();
  settle(at);
  auto disk = successor(random_);
  disk->observer = observer;
  disk->has_clock_ = has_clock_;
  disk->sequence_ = sequence_;
  disk->durable_ = durable_;
  disk->visible_ = durable_;
  for (const auto& change : pending_names_) {
    if (change.time.begins >= at) break;
    apply(disk->visible_, change);
    disk->pending_names_.push_back(change);
  }
  for (const auto* all : {&durable_, &visible_, &disk->visible_}) {
    for (const auto& [path, file] : *all) file->forget_from(at, random_);
  }
  return disk;
}

// ---- What is there ----------------------------------------------------------------------------

std::vector<std::string> simulated_disk::paths() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> all;
  for (const auto& [path, file] : visible_) all.push_back(path);
  return all;
}

std::vector<std::byte> simulated_disk::contents(const std::string& path) const {
  const std::lock_guard guard(mutex_);
  return visible_.at(path)->visible();
}

void simulated_disk::replace(const std::string& path, std::vector<std::byte> bytes) {
  const std::lock_guard guard(mutex_);
  visible_[path] = durable_[path] = std::make_shared<stored_file>(std::move(bytes));
}

std::uint64_t simulated_disk::used_bytes() const {
  const std::lock_guard guard(mutex_);
  return used();
}

disk_counters simulated_disk::counters() const {
  const std::lock_guard guard(mutex_);
  return counters_;
}

}  // namespace mainstay::simulation
