/// A thread with a queue of tasks, for work that must not hold up the storage thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace mainstay::wal {

/// Runs tasks in the order posted, on a thread of its own.
class worker {
 public:
  worker() : thread_([this] { run(); }) {}
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker() { stop(); }

  /// Any thread, until `stop`.
  void post(std::move_only_function<void()> task);
  /// Runs what is queued, then joins. Idempotent; one thread.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace mainstay::wal
