/// The inside of asio_runtime: a task queue that many threads fill and one io_context drains, and
/// the timers upon it. Not for users; it brings Boost.Asio into whatever includes it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "mainstay/base/time.hpp"
#include "mainstay/seams/runtime.hpp"

namespace mainstay::detail {

/// A queue of tasks on an io_context of its own, run by one thread.
class event_loop {
 public:
  event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  ~event_loop();

  /// Any thread.
  void post(task t);
  /// Runs tasks and handlers until `stop`, then destroys what is still queued. Once only.
  void run() noexcept;
  /// Any thread.
  void stop();
  boost::asio::io_context& context() { return context_; }

 private:
  void wake();
  void drain();
  void discard();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::atomic<bool> stopped_{false};

  std::mutex mutex_;
  std::vector<task> posted_;   ///< guarded by mutex_
  bool wake_pending_ = false;  ///< guarded by mutex_; a drain is under way or on its way
  bool closed_ = false;        ///< guarded by mutex_; nothing runs any more

  // Only the thread in run() touches these.
  std::vector<task> turn_;  ///< taken from posted_ whole
  std::size_t next_ = 0;    ///< first task of turn_ that has not run
};

/// A timer that leaves the io_context's queue alone when its deadline only moves to later: the old
/// alarm goes off, sees that it is too early, and waits again.
class loop_timer : public std::enable_shared_from_this<loop_timer> {
 public:
  explicit loop_timer(event_loop& loop) : alarm_(loop.context()) {}

  void arm(instant deadline, task t);
  void disarm() { action_ = nullptr; }
  /// Disarms, and gives up the wait too, which otherwise keeps this object alive.
  void cancel();

 private:
  void wait_until(instant deadline);
  void on_alarm(std::uint64_t generation);

  boost::asio::steady_timer alarm_;
  task action_;  ///< empty: disarmed
  instant deadline_{};
  instant waiting_for_{};
  bool waiting_ = false;
  std::uint64_t generation_ = 0;  ///< of the wait that counts; those before it were replaced
};

}  // namespace mainstay::detail
