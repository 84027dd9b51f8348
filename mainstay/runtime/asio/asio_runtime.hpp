/// The production runtime: threads, timers and clocks over Boost.Asio. This header names no Boost
/// type, because compile time is a feature; who needs the io_context includes io_context.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "mainstay/base/time.hpp"
#include "mainstay/seams/runtime.hpp"

namespace mainstay {

namespace detail {
class event_loop;
class loop_timer;
}  // namespace detail

/// Where `asio_runtime::apply` runs its tasks.
enum class apply_thread : std::uint8_t {
  loop,  ///< on the loop itself: no hand-over, right for machines that apply in microseconds
  own,   ///< on a thread of its own: a slow machine does not delay heartbeats
};

/// One loop, run either by a thread of its own (`start`) or by the caller's (`run`), an executor
/// for state machines, and a thread for long work in the background. Satisfies `runtime`.
///
/// Executors, timers and whatever uses the io_context must not be used once the runtime is
/// destroyed. A task that throws ends the program.
class asio_runtime {
 public:
  /// Runs tasks in the order posted. A burst costs one wake-up of the loop, and sockets and timers
  /// get their turn after every 1,024 tasks.
  class executor {
   public:
    /// Any thread. Once the loop has ended, the task is destroyed without being run.
    void post(task t) const;

   private:
    friend class asio_runtime;
    explicit executor(detail::event_loop* loop) : loop_(loop) {}
    detail::event_loop* loop_;
  };

  /// One alarm; used on its executor's thread, or while no thread runs that executor. Moving the
  /// deadline of an armed alarm to later costs no system call and no allocation.
  class timer {
   public:
    timer(timer&&) noexcept;
    timer& operator=(timer&&) noexcept;
    ~timer();

    /// Runs `t` at `deadline`, or soon after; replaces the alarm that was set.
    void arm(instant deadline, task t);
    /// Takes the alarm back. Idempotent.
    void disarm();

   private:
    friend class asio_runtime;
    explicit timer(detail::event_loop& loop);
    std::shared_ptr<detail::loop_timer> state_;
  };

  explicit asio_runtime(apply_thread apply = apply_thread::loop);
  asio_runtime(const asio_runtime&) = delete;
  asio_runtime& operator=(const asio_runtime&) = delete;
  /// Stops and joins.
  ~asio_runtime();

  executor loop() const { return executor(loop_.get()); }
  executor apply() const { return executor(apply_loop_ ? apply_loop_.get() : loop_.get()); }
  executor background() const { return executor(background_loop_.get()); }
  timer make_timer(executor on) const { return timer(*on.loop_); }
  /// CLOCK_BOOTTIME: a machine's sleep counts.
  instant now() const;
  /// CLOCK_REALTIME, in microseconds.
  log_time wall_now() const;
  /// Entropy from the operating system.
  static std::uint64_t random_seed();

  /// Runs the loop on a new thread. A runtime runs once: call either this or `run`, one time.
  void start();
  /// Runs the loop on the caller's thread until `stop`.
  void run();
  /// Ends the executors after the tasks that are running; what is still queued is destroyed without
  /// being run. Any thread, also from a task. Idempotent.
  void stop();
  /// Waits for the thread that `start` made. Never from a task.
  void join();

 private:
  friend struct io_context_access;

  std::unique_ptr<detail::event_loop> loop_;
  std::unique_ptr<detail::event_loop> apply_loop_;  ///< null: the loop itself
  std::unique_ptr<detail::event_loop> background_loop_;
  std::thread thread_;
};

}  // namespace mainstay
