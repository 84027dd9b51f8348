#include "mainstay/simulation/simulated_log_engine.hpp"

#include <utility>

#include "mainstay/storage/wal/entry_reader.hpp"

namespace mainstay::simulation {

void delayed_runner::start(wal::supply_job job) {
  disk_.begin_work(events_.now());
  outcome_ = wal::perform(disk_, job);
  there_at_ = disk_.work_ends();
}

std::optional<wal::supply_outcome> delayed_runner::collect(bool wait) {
  if (!wait && events_.now() < there_at_) return {};
  return std::exchange(outcome_, std::nullopt);
}

/// The storage thread, as events.
class simulated_log_engine::storage_activity final : public event_handler {
 public:
  enum class errand : std::uint64_t { serve, finish, look_whether_idle };

  explicit storage_activity(simulated_log_engine& engine)
      : event_handler(engine.runtime_.events(), &engine.runtime_.owner()), engine_(engine) {}

  void wake(instant when, errand what) { schedule(when, static_cast<std::uint64_t>(what)); }

 private:
  void on_event(std::uint64_t argument) override {
    switch (static_cast<errand>(argument)) {
      case errand::serve:
        return engine_.serve();
      case errand::finish:
        return engine_.finish();
      case errand::look_whether_idle:
        return engine_.prove_when_idle();
    }
  }

  simulated_log_engine& engine_;
};

simulated_log_engine::simulated_log_engine(simulated_disk& disk, simulated_runtime& runtime)
    : disk_(disk),
      runtime_(runtime),
      runner_(runtime.events(), disk),
      activity_(std::make_unique<storage_activity>(*this)) {}

simulated_log_engine::~simulated_log_engine() = default;

result<std::unique_ptr<simulated_log_engine>> simulated_log_engine::open(
    const wal::log_options& options, simulated_disk& disk, simulated_runtime& runtime) {
  std::unique_ptr<simulated_log_engine> engine(new simulated_log_engine(disk, runtime));
  disk.begin_work(runtime.events().now());
  auto log = wal::segmented_log::open(options, disk, engine->runner_);
  if (!log) return std::unexpected(log.error());
  engine->log_ = std::move(*log);
  return engine;
}

result<recovered_state> simulated_log_engine::recover(group_id group,
                                                      std::uint64_t max_tail_bytes) {
  if (stopped_) return fail(error_code::shutting_down, "the log is closed");
  disk_.begin_work(runtime_.events().now());
  return log_->state_of(group, max_tail_bytes);
}

void simulated_log_engine::append(group_id group, core::persist_batch batch, append_done done) {
  push(append_request{group, std::move(batch), std::move(done)});
}

void simulated_log_engine::compact(group_id group, log_index index, append_done done) {
  push(compact_request{group, index, std::move(done)});
}

void simulated_log_engine::read(group_id group, log_index first, log_index last,
                                std::uint64_t max_bytes, read_done done) {
  push(read_request{group, first, last, max_bytes, std::move(done), {}});
}

/// Work of a sink begins when it is asked for.
class simulated_log_engine::timed_sink final : public snapshot_sink {
 public:
  timed_sink(simulated_log_engine& engine, std::unique_ptr<snapshot_sink> inside)
      : engine_(engine), inside_(std::move(inside)) {}
  timed_sink(const timed_sink&) = delete;
  timed_sink& operator=(const timed_sink&) = delete;
  ~timed_sink() override {
    begin_work();
    inside_.reset();
  }

  result<void> write(std::span<const std::byte> bytes) override {
    begin_work();
    return inside_->write(bytes);
  }
  result<core::snapshot> commit() override {
    begin_work();
    auto made = inside_->commit();
    engine_.runtime_.block_background(engine_.disk_.work_ends());
    return made;
  }

 private:
  void begin_work() { engine_.disk_.begin_work(engine_.runtime_.events().now()); }

  simulated_log_engine& engine_;
  std::unique_ptr<snapshot_sink> inside_;
};

result<std::unique_ptr<snapshot_sink>> simulated_log_engine::begin_snapshot(
    group_id group, const core::snapshot_contents& contents) {
  if (stopped_) return fail(error_code::shutting_down, "the log is closed");
  disk_.begin_work(runtime_.events().now());
  auto inside = log_->snapshots().begin(group, contents);
  if (!inside) return inside;
  return std::make_unique<timed_sink>(*this, *std::move(inside));
}

result<std::unique_ptr<snapshot_source>> simulated_log_engine::open_snapshot(
    group_id group, const core::snapshot_id& id) {
  disk_.begin_work(runtime_.events().now());
  return log_->snapshots().open_image(group, id);
}

/// Queues work on images. It tells its outcome when the disk is done.
template <class Done, class Work>
void simulated_log_engine::push_image_work(Done done, Work work) {
  using outcome = decltype(work(log_->snapshots()));
  auto found = std::make_shared<outcome>(fail(error_code::shutting_down, "closed"));
  push(image_request{
      [this, found, work = std::move(work)]() mutable { *found = work(log_->snapshots()); },
      [found, done = std::move(done)]() mutable { done(std::move(*found)); }});
}

void simulated_log_engine::read_snapshot(group_id group, const core::snapshot_id& id,
                                         std::uint64_t offset, std::uint64_t max_bytes,
                                         snapshot_read_done done) {
  push_image_work(std::move(done), [=, this](wal::snapshot_store& images) {
    return images.read(group, id, offset, max_bytes, runtime_.now());
  });
}

void simulated_log_engine::receive_snapshot(group_id group, const core::snapshot_id& id,
                                            std::uint64_t offset, shared_bytes data,
                                            snapshot_received_done done) {
  push_image_work(std::move(done), [=, this, data = std::move(data)](wal::snapshot_store& images) {
    images.release_idle(runtime_.now());
    return images.receive(group, id, offset, data);
  });
}

void simulated_log_engine::install_snapshot(group_id group, const core::snapshot_id& id,
                                            snapshot_installed_done done) {
  push_image_work(std::move(done), [=, this](wal::snapshot_store& images) {
    images.release_idle(runtime_.now());
    return images.install(group, id);
  });
}

void simulated_log_engine::push(request r) {
  if (stopped_) {
    if (auto* image = std::get_if<image_request>(&r)) return image->done();
    const error closed{error_code::shutting_down, "closed"};
    if (auto* append = std::get_if<append_request>(&r)) append->done(std::unexpected(closed));
    if (auto* compact = std::get_if<compact_request>(&r)) compact->done(std::unexpected(closed));
    if (auto* read = std::get_if<read_request>(&r)) read->done(std::unexpected(closed));
    return;
  }
  queue_.push_back(std::move(r));
  if (std::exchange(awake_, true)) return;
  activity_->wake(runtime_.events().now() + runtime_.draw_delay(), storage_activity::errand::serve);
}

/// Takes all that has gathered. Its effects begin now; nobody hears of them before `finish`.
void simulated_log_engine::serve() {
  under_way_.swap(queue_);
  disk_.begin_work(runtime_.events().now());
  work_on(under_way_);
  activity_->wake(disk_.work_ends(), storage_activity::errand::finish);
}

void simulated_log_engine::work_on(std::vector<request>& requests) {
  round_.begin();
  for (auto& r : requests) {
    if (const auto* append = std::get_if<append_request>(&r)) {
      round_.add(*log_, append->group, append->batch);
    } else if (const auto* compact = std::get_if<compact_request>(&r)) {
      round_.add_base(*log_, compact->group, compact->index);
    }
  }
  outcomes_ = round_.flush(*log_);
  for (auto& r : requests) {
    if (auto* image = std::get_if<image_request>(&r)) image->work();
    auto* read = std::get_if<read_request>(&r);
    if (read == nullptr) continue;
    const auto plan = log_->plan_read(read->group, read->first, read->last, read->max_bytes);
    read->outcome = plan ? wal::read_entries(*plan) : std::unexpected(plan.error());
  }
}

void simulated_log_engine::finish() {
  last_work_ = runtime_.now();
  // Completions may ask for more, which is for the next round.
  auto done = std::exchange(under_way_, {});
  complete(done);
  if (stopped_) return;
  // A failure here is kept by the log and told with the next append.
  (void)log_->maintain();
  awake_ = !queue_.empty();
  if (awake_) {
    activity_->wake(runtime_.events().now() + runtime_.draw_delay(),
                    storage_activity::errand::serve);
  }
  if (std::exchange(watches_, true)) return;
  activity_->wake(runtime_.events().now() + idle_before_proof,
                  storage_activity::errand::look_whether_idle);
}

void simulated_log_engine::complete(std::vector<request>& requests) {
  const auto outcomes = std::exchange(outcomes_, {});
  auto outcome = outcomes.begin();
  for (auto& r : requests) {
    if (auto* read = std::get_if<read_request>(&r)) {
      read->done(std::move(read->outcome));
    } else if (auto* append = std::get_if<append_request>(&r)) {
      append->done(*outcome++);
    } else if (auto* image = std::get_if<image_request>(&r)) {
      image->done();
    } else {
      std::get<compact_request>(r).done(*outcome++);
    }
  }
}

void simulated_log_engine::prove_when_idle() {
  watches_ = false;
  if (stopped_) return;
  const instant due = last_work_ + idle_before_proof;
  if (!awake_ && runtime_.now() >= due) {
    disk_.begin_work(runtime_.events().now());
    (void)log_->prove();
    (void)log_->maintain();
    return;
  }
  watches_ = true;
  const duration rest = awake_ ? idle_before_proof : due - runtime_.now();
  activity_->wake(runtime_.events().now() + rest, storage_activity::errand::look_whether_idle);
}

void simulated_log_engine::stop() {
  if (std::exchange(stopped_, true)) return;
  complete(under_way_);
  disk_.begin_work(runtime_.events().now());
  work_on(queue_);
  complete(queue_);
  (void)log_->prove();
}

static_assert(persistence_engine<simulated_log_engine>);

}  // namespace mainstay::simulation
