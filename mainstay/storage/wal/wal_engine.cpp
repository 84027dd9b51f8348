#include "mainstay/storage/wal/wal_engine.hpp"

#include <chrono>
#include <future>
#include <optional>
#include <utility>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/log_activity.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"
#include "mainstay/storage/wal/worker.hpp"

namespace mainstay {

namespace {

/// Runs the supply's jobs on a thread of its own.
class threaded_runner final : public wal::supply_runner {
 public:
  explicit threaded_runner(wal::file_system& files) : files_(&files) {}

  void start(wal::supply_job job) override {
    std::packaged_task<wal::supply_outcome()> work(
        [files = files_, job = std::move(job)] { return wal::perform(*files, job); });
    outcome_ = work.get_future();
    worker_.post(std::move(work));
  }

  std::optional<wal::supply_outcome> collect(bool wait) override {
    if (!wait && outcome_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return {};
    return outcome_.get();
  }

 private:
  wal::file_system* files_;
  std::future<wal::supply_outcome> outcome_;
  wal::worker worker_;
};

mainstay::incarnation draw_incarnation(std::uint64_t seed) {
  random_generator random(seed);
  auto drawn = random.next();
  while (drawn == 0) drawn = random.next();
  return mainstay::incarnation(drawn);
}

}  // namespace

/// The log, what it stands on, and the threads that work on it.
class wal_engine::implementation {
 public:
  explicit implementation(const wal_options& options)
      : files_(options.files != nullptr ? options.files : &posix_files_),
        runner_(*files_),
        activity_(options.idle_before_proof, options.snapshot_bytes_per_second) {}

  result<void> open(const wal_options& options) {
    const wal::log_options log_options{
        .directory = options.directory,
        .identity = {options.cluster, options.node, draw_incarnation(options.seed)},
        .bootstrap = options.bootstrap,
        .segment_size = options.segment_bytes,
        .max_spares = options.recycled_segments};
    auto log = wal::segmented_log::open(log_options, *files_, runner_);
    if (!log) return std::unexpected(log.error());
    activity_.start(*std::move(log));
    return {};
  }

  wal::log_activity<wal::segmented_log>& activity() { return activity_; }
  wal::segmented_log& log() const { return activity_.log(); }

 private:
  wal::posix_file_system posix_files_;
  wal::file_system* files_;
  threaded_runner runner_;
  wal::log_activity<wal::segmented_log> activity_;
};

wal_engine::wal_engine(std::unique_ptr<implementation> inside) : inside_(std::move(inside)) {}

wal_engine::~wal_engine() { stop(); }

result<std::unique_ptr<wal_engine>> wal_engine::open(const wal_options& options) {
  auto inside = std::make_unique<implementation>(options);
  if (auto ok = inside->open(options); !ok) return std::unexpected(ok.error());
  return std::unique_ptr<wal_engine>(new wal_engine(std::move(inside)));
}

cluster_id wal_engine::cluster() const { return inside_->log().identity().cluster; }
node_id wal_engine::node() const { return inside_->log().identity().node; }
mainstay::incarnation wal_engine::incarnation() const {
  return inside_->log().identity().incarnation;
}
const core::configuration& wal_engine::bootstrap() const { return inside_->log().bootstrap(); }
wal::peer_file& wal_engine::peers() { return inside_->log().peers(); }

result<recovered_state> wal_engine::recover(group_id group, std::uint64_t max_tail_bytes) {
  return inside_->activity().recover(group, max_tail_bytes);
}

void wal_engine::append(group_id group, core::persist_batch batch, append_done done) {
  inside_->activity().append(group, std::move(batch), std::move(done));
}

void wal_engine::read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
                      read_done done) {
  inside_->activity().read(group, first, last, max_bytes, std::move(done));
}

void wal_engine::compact(group_id group, log_index index, append_done done) {
  inside_->activity().compact(group, index, std::move(done));
}

result<std::unique_ptr<snapshot_sink>> wal_engine::begin_snapshot(
    group_id group, const core::snapshot_contents& contents) {
  return inside_->activity().begin_snapshot(group, contents);
}

result<std::unique_ptr<snapshot_source>> wal_engine::open_snapshot(group_id group,
                                                                   const core::snapshot_id& id) {
  return inside_->activity().open_snapshot(group, id);
}

void wal_engine::read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                               std::uint64_t max_bytes, snapshot_read_done done) {
  inside_->activity().read_snapshot(group, id, offset, max_bytes, std::move(done));
}

void wal_engine::receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                                  shared_bytes data, snapshot_received_done done) {
  inside_->activity().receive_snapshot(group, id, offset, std::move(data), std::move(done));
}

void wal_engine::install_snapshot(group_id group, const core::snapshot_id& id,
                                  snapshot_installed_done done) {
  inside_->activity().install_snapshot(group, id, std::move(done));
}

void wal_engine::stop() { inside_->activity().stop(); }

static_assert(persistence_engine<wal_engine>);

}  // namespace mainstay
