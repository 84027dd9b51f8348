/// The `runtime` of a simulated node: its loop, its apply activity, its work in the background and
/// its alarms are events of the world, its clock is its own.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/simulation/event_queue.hpp"
#include "mainstay/simulation/simulated_clock.hpp"

namespace mainstay::simulation {

class core_observer;

/// How promptly a machine runs what is ready to run. Delays are drawn anew for every task and every
/// alarm, and order what several executors and nodes do at the same time.
struct pace {
  /// Between zero and this, evenly.
  duration task_delay = std::chrono::microseconds(4);
  /// So many in a million wait longer: up to `hiccup`.
  std::uint32_t hiccups_per_million = 100;
  duration hiccup = std::chrono::milliseconds(2);
};

/// Satisfies `runtime`. It is one life of a process: it ends with `end`, or when it is destroyed.
/// Everything that holds its executors or timers must be gone by then.
class simulated_runtime {
  class task_line;
  class alarm;

 public:
  /// See `serial_executor`.
  class executor {
   public:
    void post(task t) const;

   private:
    friend class simulated_runtime;
    explicit executor(task_line* line) : line_(line) {}
    task_line* line_;
  };

  /// See `alarm_timer`.
  class timer {
   public:
    timer(timer&&) noexcept;
    timer& operator=(timer&&) = delete;
    ~timer();
    void arm(instant deadline, task t);
    void disarm();

   private:
    friend class simulated_runtime;
    explicit timer(std::unique_ptr<alarm> inside);
    std::unique_ptr<alarm> inside_;
  };

  /// `owner` and `clock` must outlive it. `seed` is of delays and of `random_seed`.
  simulated_runtime(event_queue& events, process& owner, simulated_clock& clock, std::uint64_t seed,
                    core_observer* observer = nullptr);
  simulated_runtime(const simulated_runtime&) = delete;
  simulated_runtime& operator=(const simulated_runtime&) = delete;
  ~simulated_runtime();

  executor loop() const;
  executor apply() const;
  executor background() const;
  timer make_timer(executor);
  instant now() const { return clock_.monotonic(events_.now()); }
  log_time wall_now() const { return clock_.wall(events_.now()); }
  std::uint64_t random_seed() { return random_.next(); }

  /// Who watches the core that runs here; null: nobody.
  core_observer* observer() const { return observer_; }
  /// The world that it is part of.
  event_queue& events() const { return events_; }
  process& owner() const { return owner_; }
  /// How long something waits that is ready now.
  duration draw_delay();

  /// The process is gone: what is queued is destroyed without being run, alarms do not go off, and
  /// whatever is posted from now on is destroyed.
  void end();
  /// Sets the alarms anew; call it after the clock was changed.
  void clock_changed();
  /// What runs in the background now blocks until then, in true time: what it posts is posted when
  /// it is over, and the next task in the background comes after. Ignored outside of such a task.
  void block_background(instant until);

  pace how;  ///< may be changed at any time

 private:
  event_queue& events_;
  process& owner_;
  simulated_clock& clock_;
  random_generator random_;
  core_observer* observer_;
  std::unique_ptr<task_line> loop_;
  std::unique_ptr<task_line> apply_;
  std::unique_ptr<task_line> background_;
  std::vector<alarm*> alarms_;
};

}  // namespace mainstay::simulation
