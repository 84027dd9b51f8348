#include "mainstay/simulation/simulated_runtime.hpp"

#include <algorithm>
#include <utility>

namespace mainstay::simulation {

/// Tasks in the order posted, each an event of its own, so that anything may happen between two.
class simulated_runtime::task_line final : public event_handler {
 public:
  explicit task_line(simulated_runtime& owner)
      : event_handler(owner.events_, &owner.owner_), runtime_(owner) {}

  void post(task t) {
    if (ended_) return;
    if (task_line* blocking = runtime_.background_.get(); blocking->runs_ && blocking != this) {
      blocking->held_.emplace_back(this, std::move(t));
      return;
    }
    tasks_.push_back(std::move(t));
    if (tasks_.size() == 1 && !is_blocked_) schedule_next();
  }
  void block(instant until) {
    if (runs_) blocked_until_ = std::max(blocked_until_, until);
  }
  void end() {
    ended_ = true;
    // What a task holds may be the last reason for something to live, whose end may post again.
    while (!tasks_.empty() || !held_.empty()) {
      const auto dropped = std::exchange(tasks_, {});
      const auto dropped_posts = std::exchange(held_, {});
    }
  }

 private:
  enum class errand : std::uint64_t { run, unblock };

  void schedule_next() { schedule(queue().now() + runtime_.draw_delay()); }
  void on_event(std::uint64_t argument) override {
    if (static_cast<errand>(argument) == errand::unblock) return unblock();
    if (tasks_.empty()) return;
    task next = std::move(tasks_.front());
    tasks_.pop_front();
    if (this == runtime_.background_.get()) return run_blocking(std::move(next));
    if (!tasks_.empty()) schedule_next();
    next();
  }
  /// The task's effects are there at once; its end comes when what it waits for is done.
  void run_blocking(task next) {
    runs_ = true;
    next();
    next = nullptr;
    runs_ = false;
    if (ended_) return;
    is_blocked_ = blocked_until_ > queue().now();
    if (!is_blocked_) return unblock();
    schedule(blocked_until_, static_cast<std::uint64_t>(errand::unblock));
  }
  void unblock() {
    is_blocked_ = false;
    for (auto& [line, posted] : std::exchange(held_, {})) line->post(std::move(posted));
    if (!tasks_.empty()) schedule_next();
  }

  simulated_runtime& runtime_;
  std::deque<task> tasks_;
  bool ended_ = false;
  // Of the background, whose tasks may block.
  bool runs_ = false;
  bool is_blocked_ = false;
  instant blocked_until_{};
  std::vector<std::pair<task_line*, task>> held_;  // what its task has posted
};

/// One alarm. It keeps a single event under way: one that comes too early, because the alarm was
/// set to a later time meanwhile, sets out again. So arming anew costs nothing as a rule.
class simulated_runtime::alarm final : public event_handler {
 public:
  explicit alarm(simulated_runtime& owner)
      : event_handler(owner.events_, &owner.owner_), runtime_(owner) {
    runtime_.alarms_.push_back(this);
  }
  ~alarm() override { std::erase(runtime_.alarms_, this); }

  void arm(instant deadline, task t) {
    deadline_ = deadline;
    action_ = std::move(t);
    const instant due = runtime_.clock_.when(deadline_);
    if (under_way_ > due) set_out(due);
  }
  void disarm() { action_ = nullptr; }
  void clock_changed() {
    if (action_) set_out(runtime_.clock_.when(deadline_));
  }

 private:
  void set_out(instant due) {
    under_way_ = due;
    schedule(due + runtime_.draw_delay(), ++attempt_);
  }
  void on_event(std::uint64_t attempt) override {
    if (attempt != attempt_) return;
    under_way_ = instant::max();
    if (!action_) return;
    if (runtime_.now() < deadline_) return set_out(runtime_.clock_.when(deadline_));
    auto action = std::exchange(action_, nullptr);
    action();  // may be the end of this alarm
  }

  simulated_runtime& runtime_;
  instant deadline_;
  task action_;
  instant under_way_ = instant::max();
  std::uint64_t attempt_ = 0;
};

void simulated_runtime::executor::post(task t) const { line_->post(std::move(t)); }

simulated_runtime::timer::timer(std::unique_ptr<alarm> inside) : inside_(std::move(inside)) {}
simulated_runtime::timer::timer(timer&&) noexcept = default;
simulated_runtime::timer::~timer() = default;
void simulated_runtime::timer::arm(instant deadline, task t) {
  inside_->arm(deadline, std::move(t));
}
void simulated_runtime::timer::disarm() { inside_->disarm(); }

simulated_runtime::simulated_runtime(event_queue& events, process& owner, simulated_clock& clock,
                                     std::uint64_t seed, core_observer* observer)
    : events_(events),
      owner_(owner),
      clock_(clock),
      random_(seed),
      observer_(observer),
      loop_(std::make_unique<task_line>(*this)),
      apply_(std::make_unique<task_line>(*this)),
      background_(std::make_unique<task_line>(*this)) {}

simulated_runtime::~simulated_runtime() { end(); }

simulated_runtime::executor simulated_runtime::loop() const { return executor(loop_.get()); }
simulated_runtime::executor simulated_runtime::apply() const { return executor(apply_.get()); }
simulated_runtime::executor simulated_runtime::background() const {
  return executor(background_.get());
}

simulated_runtime::timer simulated_runtime::make_timer(executor) {
  return timer(std::make_unique<alarm>(*this));
}

duration simulated_runtime::draw_delay() {
  const std::uint64_t drawn = random_.next();
  const bool hiccup = drawn % 1'000'000 < how.hiccups_per_million;
  const auto most = static_cast<std::uint64_t>((hiccup ? how.hiccup : how.task_delay).count());
  return duration(static_cast<std::int64_t>((drawn >> 20) % (most + 1)));
}

void simulated_runtime::end() {
  for (auto* one : alarms_) one->disarm();
  loop_->end();
  apply_->end();
  background_->end();
}

void simulated_runtime::block_background(instant until) { background_->block(until); }

void simulated_runtime::clock_changed() {
  for (auto* one : alarms_) one->clock_changed();
}

static_assert(runtime<simulated_runtime>);

}  // namespace mainstay::simulation
