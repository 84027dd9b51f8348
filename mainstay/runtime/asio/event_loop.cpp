#include "mainstay/runtime/asio/event_loop.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/post.hpp>

#include "mainstay/base/suspend_aware_clock.hpp"

namespace mainstay::detail {

namespace {

/// Tasks run in a row before sockets and timers get their turn.
constexpr std::size_t tasks_per_turn = 1024;
/// A queue that grew beyond this in a burst gives its memory back.
constexpr std::size_t retained_capacity = 16 * 1024;

}  // namespace

event_loop::event_loop() : work_(context_.get_executor()) {}

event_loop::~event_loop() { discard(); }

void event_loop::post(task t) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    posted_.push_back(std::move(t));
    first = !std::exchange(wake_pending_, true);
  }
  if (first) wake();
}

void event_loop::wake() {
  boost::asio::post(context_, [this] { drain(); });
}

void event_loop::drain() {
  if (next_ == turn_.size()) {
    turn_.clear();
    if (turn_.capacity() > retained_capacity) turn_ = std::vector<task>();
    next_ = 0;
    const std::lock_guard lock(mutex_);
    turn_.swap(posted_);
  }

  const auto end = std::min(turn_.size(), next_ + tasks_per_turn);
  while (next_ < end && !stopped_.load(std::memory_order_relaxed)) {
    const auto current = next_++;
    turn_[current]();
    turn_[current] = nullptr;  // what it holds is released now, not when the turn ends
  }

  if (next_ == turn_.size()) {
    const std::lock_guard lock(mutex_);
    if (posted_.empty()) {
      wake_pending_ = false;
      return;
    }
  }
  wake();
}

void event_loop::run() noexcept {
  context_.run();
  discard();
}

void event_loop::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  context_.stop();
}

void event_loop::discard() {
  std::vector<task> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(posted_);
  }
  // Destroyed outside the lock: the end of a task may post, which is then dropped.
  turn_.clear();
  next_ = 0;
}

void loop_timer::arm(instant deadline, task t) {
  deadline_ = deadline;
  action_ = std::move(t);
  if (!waiting_ || deadline < waiting_for_) wait_until(deadline);
}

void loop_timer::cancel() {
  disarm();
  waiting_ = false;
  ++generation_;
  alarm_.cancel();
}

void loop_timer::wait_until(instant deadline) {
  waiting_ = true;
  waiting_for_ = deadline;
  // The wait itself does not count a machine's sleep: after one it is late by what was left.
  alarm_.expires_after(deadline - suspend_aware_now());
  alarm_.async_wait([self = shared_from_this(), generation = ++generation_](
                        const boost::system::error_code&) { self->on_alarm(generation); });
}

void loop_timer::on_alarm(std::uint64_t generation) {
  if (generation != generation_) return;
  waiting_ = false;
  if (!action_) return;
  if (suspend_aware_now() < deadline_) {
    wait_until(deadline_);
    return;
  }
  auto action = std::exchange(action_, nullptr);
  action();
}

}  // namespace mainstay::detail
