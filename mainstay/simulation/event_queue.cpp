#include "mainstay/simulation/event_queue.hpp"

#include <algorithm>
#include <utility>

namespace mainstay::simulation {

namespace {

/// Says whose event is happening for as long as it lives, however the event ends.
class current_process {
 public:
  current_process(const process*& current, const process* now) : current_(current) {
    current_ = now;
  }
  ~current_process() { current_ = nullptr; }
  current_process(const current_process&) = delete;
  current_process& operator=(const current_process&) = delete;

 private:
  const process*& current_;
};

}  // namespace

std::uint32_t event_queue::add(event_handler& handler) {
  if (free_places_.empty()) {
    free_places_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t at = free_places_.back();
  free_places_.pop_back();
  places_[at].handler = &handler;
  return at;
}

void event_queue::remove(std::uint32_t at) {
  places_[at].handler = nullptr;
  ++places_[at].generation;
  free_places_.push_back(at);
}

void event_queue::insert(const event& e) {
  heap_.push_back(e);
  std::ranges::push_heap(heap_, is_later{});
}

void event_queue::schedule(instant when, std::uint32_t at, std::uint64_t argument) {
  insert({std::max(when, now_), ++sequence_, at, places_[at].generation, argument});
}

void event_queue::at(instant when, task action) {
  if (free_tasks_.empty()) {
    free_tasks_.push_back(static_cast<std::uint32_t>(tasks_.size()));
    tasks_.emplace_back();
  }
  const std::uint32_t slot = free_tasks_.back();
  free_tasks_.pop_back();
  tasks_[slot] = std::move(action);
  insert({std::max(when, now_), ++sequence_, plain_tasks, 0, slot});
}

bool event_queue::run_one() {
  const auto before = events_;
  while (!heap_.empty() && events_ == before) {
    std::ranges::pop_heap(heap_, is_later{});
    const event e = heap_.back();
    heap_.pop_back();
    now_ = std::max(now_, e.time);
    happen(e);
  }
  return events_ != before;
}

void event_queue::run_until(instant end) {
  while (!heap_.empty() && heap_.front().time <= end) {
    std::ranges::pop_heap(heap_, is_later{});
    const event e = heap_.back();
    heap_.pop_back();
    now_ = std::max(now_, e.time);
    happen(e);
  }
  now_ = std::max(now_, end);
}

void event_queue::happen(const event& e) {
  if (e.place == plain_tasks) return run_plain_task(e);
  const place& here = places_[e.place];
  if (here.generation != e.generation || here.handler == nullptr) return;
  event_handler& handler = *here.handler;
  process* owner = handler.owner_;
  if (owner != nullptr && owner->paused_) return owner->waiting_.push_back(e);
  ++events_;
  note(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  note(e.argument << 16 ^ e.place);
  {
    const current_process guard(current_, owner);
    handler.on_event(e.argument);
  }
  if (!deferred_.empty()) run_deferred();
}

void event_queue::when_over(task action) {
  if (current_ == nullptr) return action();
  deferred_.push_back(std::move(action));
}

void event_queue::run_deferred() {
  for (auto& action : std::exchange(deferred_, {})) action();
}

void event_queue::run_plain_task(const event& e) {
  const auto slot = static_cast<std::uint32_t>(e.argument);
  ++events_;
  note(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  task action = std::exchange(tasks_[slot], nullptr);
  free_tasks_.push_back(slot);
  action();
}

/// Their old times and sequences keep them in front of whatever stands now.
void process::resume() {
  paused_ = false;
  for (const auto& e : waiting_) queue_->insert(e);
  waiting_.clear();
}

}  // namespace mainstay::simulation
