/// Virtual time: everything that will happen, in the order in which it will. One thread turns it.
/// With the same seeds behind it, it runs the same events in the same order, and says so by a hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mainstay/base/time.hpp"
#include "mainstay/seams/runtime.hpp"

namespace mainstay::simulation {

class event_handler;
class process;

/// Events by time, those of one time in the order scheduled. Must outlive its handlers.
class event_queue {
 public:
  /// Where virtual time begins: not at zero, so that spans reach back from it.
  static constexpr instant beginning{std::chrono::hours(1)};

  event_queue() = default;
  event_queue(const event_queue&) = delete;
  event_queue& operator=(const event_queue&) = delete;

  /// True time, which no clock of a node shows.
  instant now() const { return now_; }
  /// How many events have happened.
  std::uint64_t events() const { return events_; }
  /// Speaks for everything that has happened: equal hashes, equal runs.
  std::uint64_t trace_hash() const { return hash_; }
  /// Mixes what happened into the hash.
  void note(std::uint64_t value) {
    hash_ = (((hash_ << 7) | (hash_ >> 57)) ^ value) * 0x9e3779b97f4a7c15ULL;
  }

  /// Has `action` run at `when`; it belongs to no process. It is destroyed without being run when
  /// the queue is.
  void at(instant when, task action);
  /// The same after everything else that stands at this moment.
  void soon(task action) { at(now_, std::move(action)); }

  /// Runs `action` once the event that is happening is over, before any other; at once between
  /// events, and in those of no process. So may a process be ended out of its own event.
  void when_over(task action);

  /// Lets the next event happen; false when there is none. What the event throws comes through.
  bool run_one();
  /// Lets everything happen up to `end`; it is `end` then.
  void run_until(instant end);
  /// When the next event stands; `instant::max()` when there is none. It may turn out to be void.
  instant next_event() const { return heap_.empty() ? instant::max() : heap_.front().time; }

  /// Whose event is happening; null between events, and in those of no process.
  const process* current() const { return current_; }

 private:
  friend class event_handler;
  friend class process;

  struct event {
    instant time;
    std::uint64_t sequence;
    std::uint32_t place;
    std::uint32_t generation;
    std::uint64_t argument;
  };
  /// Later ones sink in the heap.
  struct is_later {
    bool operator()(const event& a, const event& b) const {
      return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
    }
  };
  /// Where a handler stands. The generation tells events of an earlier handler in the same place.
  struct place {
    event_handler* handler = nullptr;
    std::uint32_t generation = 0;
  };
  static constexpr std::uint32_t plain_tasks = ~std::uint32_t{0};

  std::uint32_t add(event_handler& handler);
  void remove(std::uint32_t place);
  void schedule(instant when, std::uint32_t place, std::uint64_t argument);
  void insert(const event& e);
  void happen(const event& e);
  void run_plain_task(const event& e);
  void run_deferred();

  std::vector<event> heap_;
  std::vector<place> places_;
  std::vector<std::uint32_t> free_places_;
  std::vector<task> tasks_;
  std::vector<std::uint32_t> free_tasks_;
  std::vector<task> deferred_;
  instant now_ = beginning;
  std::uint64_t sequence_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t hash_ = 0;
  const process* current_ = nullptr;
};

/// What stands still as one, like the threads of a process that was stopped by a signal.
class process {
 public:
  explicit process(event_queue& queue) : queue_(&queue) {}
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  bool is_paused() const { return paused_; }
  /// Its events wait from now on.
  void pause() { paused_ = true; }
  /// What waited happens now, in the order in which it would have.
  void resume();

 private:
  friend class event_queue;

  event_queue* queue_;
  bool paused_ = false;
  std::vector<event_queue::event> waiting_;
};

/// Something that events happen to. Events of a handler that is gone do not happen.
class event_handler {
 public:
  event_handler(const event_handler&) = delete;
  event_handler& operator=(const event_handler&) = delete;
  virtual ~event_handler() { queue_.remove(place_); }

 protected:
  /// `owner` may be null, and must outlive the handler.
  event_handler(event_queue& queue, process* owner)
      : queue_(queue), owner_(owner), place_(queue.add(*this)) {}

  event_queue& queue() const { return queue_; }
  /// Has `on_event(argument)` called at `when`, or now if that has passed.
  void schedule(instant when, std::uint64_t argument = 0) {
    queue_.schedule(when, place_, argument);
  }
  virtual void on_event(std::uint64_t argument) = 0;

 private:
  friend class event_queue;

  event_queue& queue_;
  process* owner_;
  std::uint32_t place_;
};

}  // namespace mainstay::simulation
