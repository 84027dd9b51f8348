/// The seam of time, concurrency and randomness: whatever is not a pure function of its inputs
/// enters here. Production: mainstay/runtime/asio. Tests: a simulated one with a seed.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>

#include "mainstay/base/time.hpp"

namespace mainstay {

/// A piece of work, run once.
using task = std::move_only_function<void()>;

/// Runs tasks one at a time, in the order posted. `post` may be called from any thread and never
/// runs the task before it returns; tasks still queued when the executor stops are destroyed
/// without being run.
template <class Executor>
concept serial_executor = std::copy_constructible<Executor> &&
                          requires(Executor executor, task t) { executor.post(std::move(t)); };

/// One alarm, used from its executor's tasks only. `arm` replaces the alarm that was set; a
/// disarmed or destroyed timer never fires.
template <class Timer>
concept alarm_timer = requires(Timer timer, instant deadline, task t) {
  timer.arm(deadline, std::move(t));
  timer.disarm();
};

/// What a host runs on.
template <class Runtime>
concept runtime = requires(Runtime r) {
  typename Runtime::executor;
  typename Runtime::timer;
  requires serial_executor<typename Runtime::executor>;
  requires alarm_timer<typename Runtime::timer>;
  /// The loop: cores, network and timers run here.
  { r.loop() } -> std::same_as<typename Runtime::executor>;
  /// Where state machines apply and answer queries; may be the loop itself.
  { r.apply() } -> std::same_as<typename Runtime::executor>;
  /// Where snapshots are written: work of seconds, which must delay neither of the two above.
  { r.background() } -> std::same_as<typename Runtime::executor>;
  /// An alarm whose tasks run on the given executor.
  { r.make_timer(r.loop()) } -> std::same_as<typename Runtime::timer>;
  /// The monotonic clock. Any thread.
  { r.now() } -> std::same_as<instant>;
  /// The wall clock, for stamping entries and for people. Any thread.
  { r.wall_now() } -> std::same_as<log_time>;
  /// A seed from the operating system's entropy, or from the simulation's seed.
  { r.random_seed() } -> std::same_as<std::uint64_t>;
};

}  // namespace mainstay
