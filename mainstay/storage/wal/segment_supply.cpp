#include "mainstay/storage/wal/segment_supply.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::wal {

namespace {

// Zeros are flushed in portions, so that the flushes of appends do not queue behind one long one.
constexpr std::uint64_t zero_portion = 1024 * 1024;

std::string path_of(const std::string& directory, std::uint64_t sequence, std::string_view suffix) {
  return directory + "/" + segment_name(sequence, suffix);
}

result<void> write_zeros(file& f, std::uint64_t size) {
  const std::vector<std::byte> zeros(std::min(size, zero_portion));
  for (std::uint64_t offset = 0; offset < size; offset += zeros.size()) {
    const std::array piece{std::span(zeros).first(std::min(size - offset, zeros.size()))};
    if (auto ok = f.write(piece, offset); !ok) return ok;
    if (auto ok = f.datasync(); !ok) return ok;
  }
  return {};
}

result<void> write_header(file& f, segment& into) {
  segment_header_bytes bytes;
  into.seed = encode(into.header, bytes);
  const std::array<std::span<const std::byte>, 1> piece{bytes};
  if (auto ok = f.write(piece, 0); !ok) return ok;
  return f.datasync();
}

/// Gives a new file its size and room: allocated, and written full unless that is not wanted.
result<void> fill(file& f, std::uint64_t size, bool prewrite) {
  if (auto ok = f.allocate(size); !ok) return ok;
  const auto allocated = f.size();
  if (!allocated) return std::unexpected(allocated.error());
  f.bypass_cache();
  if (*allocated == size && !prewrite) return {};  // where the disk cannot allocate, we write
  return write_zeros(f, size);
}

/// Opens or makes the file under the name `from`, writes it, and gives it its final name.
result<void> make_segment(file_system& files, const supply_job& job, const std::string& from,
                          segment& into) {
  auto file = job.recycle ? files.open(from, open_mode::read_write) : files.create(from);
  if (!file) return std::unexpected(file.error());
  if (!job.recycle) {
    if (auto ok = fill(**file, into.header.size, job.prewrite); !ok) return ok;
  }
  if (auto ok = write_header(**file, into); !ok) return ok;
  if (auto ok = files.rename(from, into.path); !ok) return ok;
  // Opened again, so that errors name the file as it is called from now on.
  file = files.open(into.path, open_mode::read_write);
  if (!file) return std::unexpected(file.error());
  into.file = std::move(*file);
  into.file->bypass_cache();
  return files.sync_directory(job.directory);
}

result<std::shared_ptr<segment>> prepare(file_system& files, const supply_job& job) {
  auto made = std::make_shared<segment>();
  made->header = *job.prepare;
  made->path = path_of(job.directory, made->sequence(), ".wal");
  const auto from = job.recycle ? path_of(job.directory, *job.recycle, ".spare")
                                : path_of(job.directory, made->sequence(), ".new");
  auto ok = make_segment(files, job, from, *made);
  if (!ok) {
    // Give the room back; what cannot be removed now is removed when the directory is opened.
    if (!job.recycle) (void)files.remove(from);
    return std::unexpected(ok.error());
  }
  return made;
}

result<void> drop_files(file_system& files, const supply_job& job) {
  for (const auto sequence : job.to_remove) {
    if (auto ok = files.remove(path_of(job.directory, sequence, ".wal")); !ok) return ok;
  }
  for (const auto sequence : job.to_spare) {
    auto ok = files.rename(path_of(job.directory, sequence, ".wal"),
                           path_of(job.directory, sequence, ".spare"));
    if (!ok) return ok;
  }
  if (job.to_remove.empty() && job.to_spare.empty()) return {};
  // A recycled file gets a new header: its old name must be gone for good before.
  return files.sync_directory(job.directory);
}

}  // namespace

supply_outcome perform(file_system& files, const supply_job& job) {
  supply_outcome outcome{drop_files(files, job), std::shared_ptr<segment>()};
  if (!outcome.dropped) return outcome;
  if (job.prepare) outcome.prepared = prepare(files, job);
  return outcome;
}

std::optional<supply_outcome> inline_runner::collect(bool) {
  return std::exchange(outcome_, std::nullopt);
}

segment_supply::segment_supply(supply_options options, supply_runner& runner,
                               std::uint64_t next_sequence, std::vector<std::uint64_t> spares)
    : options_(std::move(options)),
      runner_(&runner),
      next_sequence_(next_sequence),
      spares_(std::move(spares)) {}

segment_supply::~segment_supply() {
  if (running_) runner_->collect(true);
}

void segment_supply::add_prepared(std::shared_ptr<segment> one) {
  MAINSTAY_ASSERT(one->sequence() == next_sequence_);
  ++next_sequence_;
  prepared_.push_back(std::move(one));
}

result<void> segment_supply::ensure(std::size_t count) {
  while (prepared_.size() < count) {
    if (running_) {
      // The job under way may have been tried before space returned: its failure does not count.
      auto ok = collect(true);
      if (!ok && ok.error().code != error_code::no_space) return ok;
      if (prepared_.size() >= count) break;
    }
    start_job(true);
    if (auto ok = collect(true); !ok) return ok;
  }
  return {};
}

std::shared_ptr<segment> segment_supply::take() {
  MAINSTAY_ASSERT(!prepared_.empty());
  auto one = std::move(prepared_.front());
  prepared_.pop_front();
  return one;
}

std::vector<std::uint64_t> segment_supply::prepared_sizes() const {
  std::vector<std::uint64_t> sizes;
  for (const auto& one : prepared_) sizes.push_back(one->header.size);
  return sizes;
}

void segment_supply::drop(std::shared_ptr<segment> one) { dropped_.push_back(std::move(one)); }

result<void> segment_supply::maintain() {
  if (running_) {
    auto ok = collect(false);
    if (!ok && ok.error().code != error_code::no_space) return ok;
    if (running_) return {};
  }
  const bool prepare = prepared_.empty() && !out_of_space_;
  if (prepare || !dropped_.empty() || !removed_.empty()) start_job(prepare);
  return {};
}

void segment_supply::start_job(bool prepare) {
  job_ = {options_.directory, std::exchange(removed_, {}), {}, {}, {}};
  job_.prewrite = expected_batch_ < large_batch;
  for (auto& one : dropped_) {
    // A reader on another thread may still hold the file: then its bytes must not change.
    const bool recycle = one.use_count() == 1 && one->header.size == options_.segment_size &&
                         spares_.size() + job_.to_spare.size() < options_.max_spares;
    (recycle ? job_.to_spare : job_.to_remove).push_back(one->sequence());
  }
  dropped_.clear();
  if (prepare) {
    job_.prepare = segment_header{options_.identity, next_sequence_, options_.segment_size};
    if (!spares_.empty()) job_.recycle = spares_.back();
  }
  running_ = true;
  runner_->start(job_);
}

result<void> segment_supply::collect(bool wait) {
  auto outcome = runner_->collect(wait);
  if (!outcome) return {};
  running_ = false;
  if (!outcome->dropped) return outcome->dropped;
  spares_.insert(spares_.begin(), job_.to_spare.begin(), job_.to_spare.end());
  if (!job_.prepare) return {};
  out_of_space_ = !outcome->prepared;
  if (!outcome->prepared) return std::unexpected(outcome->prepared.error());
  if (job_.recycle) std::erase(spares_, *job_.recycle);
  add_prepared(std::move(*outcome->prepared));
  return {};
}

}  // namespace mainstay::wal
