/// A `persistence_engine` without a disk, for tests: it completes in order, through tasks posted to
/// an executor, so that single-threaded tests are deterministic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/storage/memory/memory_disk.hpp"

namespace mainstay {

/// Gathers a state, and makes an image of it on the disk when it is whole.
class memory_snapshot_sink final : public snapshot_sink {
 public:
  memory_snapshot_sink(std::shared_ptr<memory_disk> disk, group_id group,
                       core::snapshot_contents contents)
      : disk_(std::move(disk)), group_(group), contents_(std::move(contents)) {}

  result<void> write(std::span<const std::byte> bytes) override {
    if (auto ok = disk_->take_writes(); !ok) return ok;
    state_.insert(state_.end(), bytes.begin(), bytes.end());
    return {};
  }
  result<core::snapshot> commit() override {
    return disk_->save_snapshot(group_, contents_, state_);
  }

 private:
  std::shared_ptr<memory_disk> disk_;
  group_id group_;
  core::snapshot_contents contents_;
  std::vector<std::byte> state_;
};

/// Gives the state in an image back.
class memory_snapshot_source final : public snapshot_source {
 public:
  explicit memory_snapshot_source(shared_bytes state) : rest_(std::move(state)) {}

  result<std::size_t> read(std::span<std::byte> room) override {
    const auto length = std::min(room.size(), rest_.size());
    std::ranges::copy(rest_.span().first(length), room.begin());
    rest_ = rest_.slice(length, rest_.size() - length);
    return length;
  }

 private:
  shared_bytes rest_;
};

/// Satisfies `persistence_engine`. What was completed is on the `memory_disk`, which outlives the
/// engine; another engine on the same disk recovers it.
///
/// A batch reaches the disk in the task that completes it. Errors: as the disk's mood has it;
/// `invalid_argument` when a batch does not follow the log; `shutting_down` after `stop`, completed
/// on the caller's thread.
template <serial_executor Executor>
class memory_engine {
 public:
  /// `executor` is where completions run.
  memory_engine(std::shared_ptr<memory_disk> disk, Executor executor)
      : state_(std::make_shared<shared_state>(std::move(disk))), executor_(std::move(executor)) {}
  memory_engine(const memory_engine&) = delete;
  memory_engine& operator=(const memory_engine&) = delete;
  ~memory_engine() { stop(); }

  /// See `persistence_engine`.
  result<recovered_state> recover(group_id group, std::uint64_t max_tail_bytes) {
    return state_->disk->recover(group, max_tail_bytes);
  }

  void append(group_id group, core::persist_batch batch, append_done done) {
    enqueue([group, batch = std::move(batch), done = std::move(done)](memory_disk* disk) mutable {
      done(disk != nullptr ? disk->append(group, batch) : result<void>(closed()));
    });
  }

  void read(group_id group, log_index first, log_index last, std::uint64_t max_bytes,
            read_done done) {
    enqueue([=, done = std::move(done)](memory_disk* disk) mutable {
      done(disk != nullptr ? disk->read(group, first, last, max_bytes) : closed());
    });
  }

  void compact(group_id group, log_index index, append_done done) {
    enqueue([=, done = std::move(done)](memory_disk* disk) mutable {
      done(disk != nullptr ? disk->compact(group, index) : result<void>(closed()));
    });
  }

  result<std::unique_ptr<snapshot_sink>> begin_snapshot(group_id group,
                                                        const core::snapshot_contents& contents) {
    if (auto ok = state_->disk->take_writes(); !ok) return std::unexpected(ok.error());
    return std::make_unique<memory_snapshot_sink>(state_->disk, group, contents);
  }

  result<std::unique_ptr<snapshot_source>> open_snapshot(group_id group,
                                                         const core::snapshot_id& id) {
    auto state = state_->disk->state_in(group, id);
    if (!state) return std::unexpected(state.error());
    return std::make_unique<memory_snapshot_source>(*std::move(state));
  }

  void read_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                     std::uint64_t max_bytes, snapshot_read_done done) {
    enqueue([=, done = std::move(done)](memory_disk* disk) mutable {
      done(disk != nullptr ? disk->read_snapshot(group, id, offset, max_bytes) : closed());
    });
  }

  void receive_snapshot(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                        shared_bytes data, snapshot_received_done done) {
    enqueue([=, data = std::move(data), done = std::move(done)](memory_disk* disk) mutable {
      done(disk != nullptr ? disk->receive_snapshot(group, id, offset, data) : closed());
    });
  }

  void install_snapshot(group_id group, const core::snapshot_id& id, snapshot_installed_done done) {
    enqueue([=, done = std::move(done)](memory_disk* disk) mutable {
      done(disk != nullptr ? disk->install_snapshot(group, id) : closed());
    });
  }

  /// From now on nothing completes, until `resume`.
  void stall() {
    const std::lock_guard guard(state_->mutex);
    state_->stalled = true;
  }

  /// Completes what waits, and goes on.
  void resume() {
    std::size_t waiting = 0;
    {
      const std::lock_guard guard(state_->mutex);
      state_->stalled = false;
      waiting = state_->queue.size();
    }
    for (; waiting > 0; --waiting) post_one();
  }

  /// Loses everything that is not complete, as a power cut does; its completions never come.
  void crash() {
    std::deque<work> lost;
    const std::lock_guard guard(state_->mutex);
    state_->stopped = true;
    state_->queue.swap(lost);
  }

  /// Completes what is queued on the caller's thread; what a stall holds back, with
  /// `shutting_down`.
  void stop() {
    bool stalled = false;
    {
      const std::lock_guard guard(state_->mutex);
      state_->stopped = true;
      stalled = std::exchange(state_->stalled, false);
    }
    while (state_->complete_one(stalled ? nullptr : state_->disk.get())) continue;
  }

 private:
  /// Gets the disk, or null when the engine is closed.
  using work = std::move_only_function<void(memory_disk*)>;

  struct shared_state {
    explicit shared_state(std::shared_ptr<memory_disk> d) : disk(std::move(d)) {}

    /// Completes the oldest request; false when there is none to complete.
    bool complete_one(memory_disk* on) {
      work next;
      {
        const std::lock_guard guard(mutex);
        if (stalled || queue.empty()) return false;
        next = std::move(queue.front());
        queue.pop_front();
      }
      next(on);
      return true;
    }

    std::shared_ptr<memory_disk> disk;
    std::mutex mutex;
    std::deque<work> queue;
    bool stalled = false;
    bool stopped = false;
  };

  static std::unexpected<error> closed() {
    return fail(error_code::shutting_down, "memory log: closed");
  }

  void enqueue(work request) {
    std::unique_lock lock(state_->mutex);
    if (state_->stopped) {
      lock.unlock();
      request(nullptr);
      return;
    }
    state_->queue.push_back(std::move(request));
    lock.unlock();
    post_one();
  }

  void post_one() {
    executor_.post([state = state_] { state->complete_one(state->disk.get()); });
  }

  std::shared_ptr<shared_state> state_;
  Executor executor_;
};

}  // namespace mainstay
