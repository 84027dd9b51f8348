/// A `persistence_engine` without a disk, for tests: it completes in order, through tasks posted to
/// an executor, so that single-threaded tests are deterministic.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/storage/memory/memory_disk.hpp"

namespace mainstay {

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
    bool refused = false;
    {
      const std::lock_guard guard(state_->mutex);
      refused = state_->stopped;
      if (!refused) state_->queue.push_back(std::move(request));
    }
    if (refused) {
      request(nullptr);
    } else {
      post_one();
    }
  }

  void post_one() {
    executor_.post([state = state_] { state->complete_one(state->disk.get()); });
  }

  std::shared_ptr<shared_state> state_;
  Executor executor_;
};

}  // namespace mainstay
