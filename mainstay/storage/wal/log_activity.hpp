/// The threads of a durable engine, whatever log it stands on: one appends, flushes and completes
/// appends, one reads and completes reads, one reads, receives and installs images.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/storage/wal/group_commit.hpp"
#include "mainstay/storage/wal/paced_sink.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"
#include "mainstay/storage/wal/worker.hpp"

namespace mainstay::wal {

/// Satisfies `persistence_engine`, once it is started. The queue is filled under a mutex, and taken
/// whole by the storage thread, which alone touches the log.
///
/// Beside `appendable_log`, a `Log` has `prove` and `maintain`, for when there is nothing else to
/// do; `state_of`; `plan_read`, whose outcome a free function `read_entries` carries out; and
/// `snapshots`. It may have `add_snapshot`, which is told of every image that became the newest:
/// before it is told of any compaction that this image allows.
template <class Log>
class log_activity {
 public:
  /// `snapshot_bytes_per_second` 0: images are written as fast as it goes.
  log_activity(duration idle_before_proof, std::uint64_t snapshot_bytes_per_second)
      : idle_before_proof_(idle_before_proof),
        snapshot_bytes_per_second_(snapshot_bytes_per_second) {}
  log_activity(const log_activity&) = delete;
  log_activity& operator=(const log_activity&) = delete;
  ~log_activity() { stop(); }

  /// Called once, before anything else.
  void start(std::unique_ptr<Log> log) {
    log_ = std::move(log);
    thread_ = std::thread([this] { run(); });
  }

  /// For what of a log does not change, and for what is for any thread.
  Log& log() const { return *log_; }

  /// See `persistence_engine`.
  result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes) {
    std::promise<result<recovered_state>> promise;
    auto done = promise.get_future();
    auto left = push(recover_request{group, max_tail_bytes, std::move(promise)});
    if (left) return fail(error_code::shutting_down, "the log is closed");
    return done.get();
  }
  void append(group_id group, core::persist_batch batch, append_done done) {
    auto left = push(append_request{group, std::move(batch), std::move(done)});
    if (left) std::get<append_request>(*left).done(closed());
  }
  void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
            read_done done) {
    auto left = push(read_request{group, first, last, max_bytes, std::move(done)});
    if (left) std::get<read_request>(*left).done(closed());
  }
  void compact(group_id group, log_index index, append_done done) {
    auto left = push(compact_request{group, index, std::move(done)});
    if (left) std::get<compact_request>(*left).done(closed());
  }
  result<std::unique_ptr<snapshot_sink>> begin_snapshot(group_id group,
                                                        const core::snapshot_contents& contents) {
    auto sink = log_->snapshots().begin(group, contents);
    if (!sink) return sink;
    if (snapshot_bytes_per_second_ != 0) {
      waiting on_this_thread{monotonic_now,
                             [](duration span) { std::this_thread::sleep_for(span); }};
      sink = std::make_unique<paced_sink>(*std::move(sink), snapshot_bytes_per_second_,
                                          std::move(on_this_thread));
    }
    if constexpr (tells_snapshots) {
      sink = std::make_unique<telling_sink>(*this, group, *std::move(sink));
    }
    return sink;
  }
  result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                         const core::snapshot_id& id) {
    return log_->snapshots().open_image(group, id);
  }
  void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                     std::uint64_t max_bytes, snapshot_read_done done) {
    post_image_work(std::move(done), [=](snapshot_store& images) {
      return images.read(group, id, offset, max_bytes, monotonic_now());
    });
  }
  void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                        shared_bytes data, snapshot_received_done done) {
    post_image_work(std::move(done), [=, data = std::move(data)](snapshot_store& images) {
      images.release_idle(monotonic_now());
      return images.receive(group, id, offset, data);
    });
  }
  void install_snapshot(group_id group, const core::snapshot_id& id, snapshot_installed_done done) {
    post_image_work(std::move(done), [=, this](snapshot_store& images) {
      images.release_idle(monotonic_now());
      auto installed = images.install(group, id);
      if (installed) tell(group, *installed);
      return installed;
    });
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
  static constexpr bool tells_snapshots = requires(
      Log& log, group_id group, const core::snapshot& newest) { log.add_snapshot(group, newest); };

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
  /// An image that became the newest.
  struct snapshot_news {
    group_id group;
    core::snapshot newest;
  };
  using request =
      std::variant<append_request, compact_request, read_request, recover_request, snapshot_news>;

  /// Tells the log of the image that comes to be.
  class telling_sink final : public snapshot_sink {
   public:
    telling_sink(log_activity& to, group_id group, std::unique_ptr<snapshot_sink> inside)
        : to_(to), group_(group), inside_(std::move(inside)) {}
    result<void> write(std::span<const std::byte> bytes) override { return inside_->write(bytes); }
    result<core::snapshot> commit() override {
      auto made = inside_->commit();
      if (made) to_.tell(group_, *made);
      return made;
    }

   private:
    log_activity& to_;
    group_id group_;
    std::unique_ptr<snapshot_sink> inside_;
  };

  static instant monotonic_now() {
    return instant(std::chrono::steady_clock::now().time_since_epoch());
  }
  static std::unexpected<error> closed() { return fail(error_code::shutting_down, "closed"); }

  void tell(group_id group, const core::snapshot& newest) {
    if constexpr (tells_snapshots) (void)push(snapshot_news{group, newest});
  }

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
    done(closed());
  }

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
      } else if constexpr (tells_snapshots) {
        if (const auto* news = std::get_if<snapshot_news>(&r)) {
          log_->add_snapshot(news->group, news->newest);
        }
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
      } else if (auto* recovery = std::get_if<recover_request>(&r)) {
        recovery->done.set_value(log_->state_of(recovery->group, recovery->max_tail_bytes));
      }
    }
  }

  void complete(read_request& r) {
    auto plan = log_->plan_read(r.group, r.first, r.last, r.max_bytes);
    reader_.post([plan = std::move(plan), done = std::move(r.done)]() mutable {
      done(plan ? read_entries(*plan) : std::unexpected(plan.error()));
    });
  }

  duration idle_before_proof_;
  std::uint64_t snapshot_bytes_per_second_;
  std::unique_ptr<Log> log_;
  worker reader_;
  worker images_;
  group_commit round_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<request> queue_;
  bool asleep_ = false;  // the storage thread needs a notification
  bool stopping_ = false;

  std::mutex joining_;
  std::thread thread_;
};

}  // namespace mainstay::wal
