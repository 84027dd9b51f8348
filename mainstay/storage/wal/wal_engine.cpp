#include "mainstay/storage/wal/wal_engine.hpp"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/group_commit.hpp"
#include "mainstay/storage/wal/paced_sink.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"
#include "mainstay/storage/wal/worker.hpp"

namespace mainstay {

namespace {

struct append_request {
  group_id group;
  core::persist_batch batch;
  append_done done;
};

struct compact_request {
  group_id group;
  log_index index;
  append_done done;
};

struct read_request {
  group_id group;
  log_index first;
  log_index last;
  std::uint64_t max_bytes = 0;
  read_done done;
};

struct recover_request {
  group_id group;
  std::uint64_t max_tail_bytes = 0;
  std::promise<result<recovered_state>> done;
};

using request = std::variant<append_request, compact_request, read_request, recover_request>;

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

instant monotonic_now() { return instant(std::chrono::steady_clock::now().time_since_epoch()); }

mainstay::incarnation draw_incarnation(std::uint64_t seed) {
  random_generator random(seed);
  auto drawn = random.next();
  while (drawn == 0) drawn = random.next();
  return mainstay::incarnation(drawn);
}

}  // namespace

/// The inside of the engine. The queue is filled under the mutex, and taken whole by the storage
/// thread, which alone touches the log.
class wal_engine::implementation {
 public:
  explicit implementation(const wal_options& options)
      : files_(options.files != nullptr ? options.files : &posix_files_),
        idle_before_proof_(options.idle_before_proof),
        snapshot_bytes_per_second_(options.snapshot_bytes_per_second),
        runner_(*files_) {}

  result<void> open(const wal_options& options) {
    const wal::log_options log_options{
        .directory = options.directory,
        .identity = {options.cluster, options.node, draw_incarnation(options.seed)},
        .bootstrap = options.bootstrap,
        .segment_size = options.segment_bytes,
        .max_spares = options.recycled_segments};
    auto log = wal::segmented_log::open(log_options, *files_, runner_);
    if (!log) return std::unexpected(log.error());
    log_ = std::move(*log);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  const wal::segmented_log& log() const { return *log_; }
  wal::peer_file& peers() { return log_->peers(); }

  /// Queues a request, or gives it back when the engine has stopped.
  std::optional<request> push(request r) {
    bool wake = false;
    {
      const std::lock_guard guard(mutex_);
      if (stopping_) return r;
      queue_.push_back(std::move(r));
      wake = std::exchange(asleep_, false);
    }
    if (wake) changed_.notify_one();
    return {};
  }

  std::uint64_t snapshot_bytes_per_second() const { return snapshot_bytes_per_second_; }
  wal::snapshot_store& snapshots() { return log_->snapshots(); }

  /// Does something with images, beside the log's own work. `done` gets the outcome.
  template <class Done, class Work>
  void post_image_work(Done done, Work work) {
    {
      const std::lock_guard guard(mutex_);
      if (!stopping_) {
        images_.post([this, done = std::move(done), work = std::move(work)]() mutable {
          done(work(log_->snapshots()));
        });
        return;
      }
    }
    done(fail(error_code::shutting_down, "closed"));
  }

  void stop() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
      asleep_ = false;
    }
    changed_.notify_one();
    const std::lock_guard guard(joining_);
    if (thread_.joinable()) thread_.join();
    reader_.stop();
    images_.stop();
  }

 private:
  void run() {
    std::vector<request> taken;
    while (wait_for_requests(taken)) {
      serve(taken);
      taken.clear();
      // A failure here is kept by the log and told with the next append.
      (void)log_->maintain();
    }
    (void)log_->prove();
  }

  /// Takes everything that is queued; false when the engine has to end.
  bool wait_for_requests(std::vector<request>& taken) {
    std::unique_lock lock(mutex_);
    const auto due = [this] { return stopping_ || !queue_.empty(); };
    bool proven = false;
    while (!due()) {
      asleep_ = true;
      if (proven) {
        changed_.wait(lock, due);
      } else if (!changed_.wait_for(lock, idle_before_proof_, due)) {
        lock.unlock();
        (void)log_->prove();
        (void)log_->maintain();
        proven = true;
        lock.lock();
      }
    }
    asleep_ = false;
    taken.swap(queue_);
    return !taken.empty();
  }

  /// Adds every append to one flush, flushes, and completes in order.
  void serve(std::vector<request>& requests) {
    round_.begin();
    for (const auto& r : requests) {
      if (const auto* append = std::get_if<append_request>(&r)) {
        round_.add(*log_, append->group, append->batch);
      } else if (const auto* compact = std::get_if<compact_request>(&r)) {
        round_.add_base(*log_, compact->group, compact->index);
      }
    }
    auto outcome = round_.flush(*log_).begin();
    for (auto& r : requests) {
      if (auto* append = std::get_if<append_request>(&r)) {
        append->done(*outcome++);
      } else if (auto* compact = std::get_if<compact_request>(&r)) {
        compact->done(*outcome++);
      } else if (auto* read = std::get_if<read_request>(&r)) {
        complete(*read);
      } else {
        complete(std::get<recover_request>(r));
      }
    }
  }

  void complete(recover_request& r) { r.done.set_value(log_->state_of(r.group, r.max_tail_bytes)); }

  void complete(read_request& r) {
    reader_.post([plan = plan_of(r), done = std::move(r.done)]() mutable {
      done(plan ? wal::read_entries(*plan) : std::unexpected(plan.error()));
    });
  }

  result<wal::read_plan> plan_of(const read_request& r) const {
    return log_->plan_read(r.group, r.first, r.last, r.max_bytes);
  }

  wal::posix_file_system posix_files_;
  wal::file_system* files_;
  duration idle_before_proof_;
  std::uint64_t snapshot_bytes_per_second_;
  threaded_runner runner_;
  std::unique_ptr<wal::segmented_log> log_;
  wal::worker reader_;
  wal::worker images_;
  wal::group_commit round_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<request> queue_;
  bool asleep_ = false;  // the storage thread needs a notification
  bool stopping_ = false;

  std::mutex joining_;
  std::thread thread_;
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
wal::peer_file& wal_engine::peers() { return inside_->peers(); }

result<recovered_state> wal_engine::recover(group_id group, std::uint64_t max_tail_bytes) {
  std::promise<result<recovered_state>> promise;
  auto done = promise.get_future();
  auto left = inside_->push(recover_request{group, max_tail_bytes, std::move(promise)});
  if (left) return fail(error_code::shutting_down, "the log is closed");
  return done.get();
}

void wal_engine::append(group_id group, core::persist_batch batch, append_done done) {
  auto left = inside_->push(append_request{group, std::move(batch), std::move(done)});
  if (left) std::get<append_request>(*left).done(fail(error_code::shutting_down, "closed"));
}

void wal_engine::read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
                      read_done done) {
  auto left = inside_->push(read_request{group, first, last, max_bytes, std::move(done)});
  if (left) std::get<read_request>(*left).done(fail(error_code::shutting_down, "closed"));
}

void wal_engine::compact(group_id group, log_index index, append_done done) {
  auto left = inside_->push(compact_request{group, index, std::move(done)});
  if (left) std::get<compact_request>(*left).done(fail(error_code::shutting_down, "closed"));
}

result<std::unique_ptr<snapshot_sink>> wal_engine::begin_snapshot(
    group_id group, const core::snapshot_contents& contents) {
  auto sink = inside_->snapshots().begin(group, contents);
  const std::uint64_t rate = inside_->snapshot_bytes_per_second();
  if (!sink || rate == 0) return sink;
  wal::waiting on_this_thread{monotonic_now,
                              [](duration span) { std::this_thread::sleep_for(span); }};
  return std::make_unique<wal::paced_sink>(*std::move(sink), rate, std::move(on_this_thread));
}

result<std::unique_ptr<snapshot_source>> wal_engine::open_snapshot(group_id group,
                                                                   const core::snapshot_id& id) {
  return inside_->snapshots().open_image(group, id);
}

void wal_engine::read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                               std::uint64_t max_bytes, snapshot_read_done done) {
  inside_->post_image_work(std::move(done), [=](wal::snapshot_store& images) {
    return images.read(group, id, offset, max_bytes, monotonic_now());
  });
}

void wal_engine::receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                                  shared_bytes data, snapshot_received_done done) {
  inside_->post_image_work(std::move(done),
                           [=, data = std::move(data)](wal::snapshot_store& images) {
                             images.release_idle(monotonic_now());
                             return images.receive(group, id, offset, data);
                           });
}

void wal_engine::install_snapshot(group_id group, const core::snapshot_id& id,
                                  snapshot_installed_done done) {
  inside_->post_image_work(std::move(done), [=](wal::snapshot_store& images) {
    images.release_idle(monotonic_now());
    return images.install(group, id);
  });
}

void wal_engine::stop() { inside_->stop(); }

static_assert(persistence_engine<wal_engine>);

}  // namespace mainstay
