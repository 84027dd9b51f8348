/// Nodes in a world whose clock and threads the test holds: the same input gives the same run. One
/// thread plays the loop and the apply activity; time passes only when the test lets it.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/node/parts.hpp"

namespace mainstay::testing {

/// A runtime without threads. Satisfies `runtime`.
class manual_runtime {
  struct alarm {
    instant deadline;
    task action;  // empty: disarmed
  };
  struct shared_state {
    std::deque<task> loop;
    std::deque<task> apply;
    std::deque<task> background;
    std::vector<std::shared_ptr<alarm>> alarms;
  };

 public:
  class executor {
   public:
    void post(task t) const { queue_->push_back(std::move(t)); }

   private:
    friend class manual_runtime;
    explicit executor(std::deque<task>* queue) : queue_(queue) {}
    std::deque<task>* queue_;
  };

  class timer {
   public:
    timer(timer&&) noexcept = default;
    timer& operator=(timer&&) = delete;
    ~timer() {
      if (alarm_) std::erase(state_->alarms, alarm_);
    }
    void arm(instant deadline, task t) {
      alarm_->deadline = deadline;
      alarm_->action = std::move(t);
    }
    void disarm() { alarm_->action = nullptr; }

   private:
    friend class manual_runtime;
    explicit timer(std::shared_ptr<shared_state> state)
        : state_(std::move(state)), alarm_(std::make_shared<alarm>()) {
      state_->alarms.push_back(alarm_);
    }
    std::shared_ptr<shared_state> state_;
    std::shared_ptr<alarm> alarm_;
  };

  bool apply_is_held = false;       ///< the state machine's thread gets no time
  bool background_is_held = false;  ///< snapshots are not written
  duration wall_shift{};  ///< how far the wall clock was set away from the time that passes

  executor loop() const { return executor(&state_->loop); }
  executor apply() const { return executor(&state_->apply); }
  executor background() const { return executor(&state_->background); }
  timer make_timer(executor) const { return timer(state_); }
  instant now() const { return now_; }
  log_time wall_now() const {
    return log_time{(now_.time_since_epoch() + wall_shift).count() / 1000};
  }
  std::uint64_t random_seed() { return ++last_seed_; }

  /// Runs until nothing is left to do at this moment.
  void run() {
    while (run_one(state_->loop) || (!apply_is_held && run_one(state_->apply)) ||
           (!background_is_held && run_one(state_->background))) {
    }
  }
  /// Runs one task of the loop; false when there is none.
  bool step() { return run_one(state_->loop); }
  /// Runs one task of the state machine's thread; false when there is none.
  bool step_apply() { return run_one(state_->apply); }
  /// Lets the alarms go off that stand within `span`, each at its time.
  void run_for(duration span) {
    const instant end = now_ + span;
    run();
    while (const auto next = next_alarm(end)) {
      now_ = std::max(now_, next->deadline);
      std::exchange(next->action, nullptr)();
      run();
    }
    now_ = end;
  }
  /// The loop stands still, as if the process had been stopped: alarms come late.
  void pause(duration span) { now_ += span; }

 private:
  static bool run_one(std::deque<task>& queue) {
    if (queue.empty()) return false;
    task next = std::move(queue.front());
    queue.pop_front();
    next();
    return true;
  }
  std::shared_ptr<alarm> next_alarm(instant end) const {
    std::shared_ptr<alarm> next;
    for (const auto& a : state_->alarms) {
      if (a->action && a->deadline <= end && (!next || a->deadline < next->deadline)) next = a;
    }
    return next;
  }

  std::shared_ptr<shared_state> state_ = std::make_shared<shared_state>();
  instant now_{std::chrono::hours(1)};
  std::uint64_t last_seed_ = 0;
};

/// The bundle of nodes in such a world.
using world_types = types_on<manual_runtime>;

/// What came of one command or read.
struct answer {
  int times = 0;  ///< how often it was completed
  std::optional<command_outcome> value;

  bool is_there() const { return value.has_value(); }
  /// The code of a failure; fails the test when there is none.
  error_code code() const {
    if (value && !*value) return value->error().code;
    ADD_FAILURE() << (value ? "it succeeded" : "it was not completed");
    return {};
  }
  std::string text() const {
    if (value && *value) return std::string((*value)->text());
    return value ? "failed: " + value->error().message : "not completed";
  }
};
using answer_handle = std::shared_ptr<answer>;

/// A cluster of nodes 1 to `size`.
class world {
 public:
  using node_type = node<world_types>;
  using storage_type = scripted_storage<manual_runtime>;
  using tuning = std::function<void(node_options&)>;

  explicit world(std::uint64_t size, tuning tune = {}) : tune_(std::move(tune)), size_(size) {
    for (std::uint64_t id = 1; id <= size; ++id) {
      nodes_[id] = std::make_unique<member_node<manual_runtime>>(node_id(id), net, runtime);
      start(id);
    }
  }
  ~world() {
    net.watch = {};
    net.script = {};  // they speak of what the test has destroyed already
    on_leadership = {};
    for (auto& [id, one] : nodes_) one->replica->stop_on_loop();
    net.held.clear();
    runtime.apply_is_held = false;
    runtime.background_is_held = false;
    runtime.run();
  }

  manual_runtime runtime;
  wires net;
  std::vector<error> stopped;  ///< what the nodes' listeners told
  std::function<void(std::uint64_t id, const core::leadership&)> on_leadership;

  node_type& operator[](std::uint64_t id) { return *nodes_.at(id)->replica; }
  member_node<manual_runtime>& member(std::uint64_t id) { return *nodes_.at(id); }
  storage_type& storage(std::uint64_t id) { return nodes_.at(id)->storage; }
  node_status status(std::uint64_t id) { return (*this)[id].status_on_loop(); }
  const std::vector<std::string>& items(std::uint64_t id) { return (*this)[id].machine().items; }

  /// Stops a node and starts it anew on what its storage holds.
  void restart(std::uint64_t id) {
    (*this)[id].stop_on_loop();
    nodes_.at(id)->replica.reset();
    start(id);
  }
  void cut(std::uint64_t id) { net.cut.insert(node_id(id)); }
  void heal() { net.cut.clear(); }

  /// Lets time pass until `holds`; the test fails when a minute does not suffice.
  template <class Claim>
  void until(Claim holds) {
    runtime.run();
    for (int i = 0; i < 60'000 && !holds(); ++i) runtime.run_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(holds()) << "a minute passed, and it does not hold";
  }
  /// The node that leads and has committed in its term, other than `other_than`.
  std::uint64_t leader(std::uint64_t other_than = 0) {
    std::uint64_t found = 0;
    until([&] {
      for (std::uint64_t id = 1; id <= size_; ++id) {
        const auto s = status(id);
        const bool leads = s.role == core::role::leader && s.applied_index == s.last_index;
        if (leads && id != other_than) found = id;
      }
      return found != 0;
    });
    return found;
  }
  /// A node that follows `leader`.
  std::uint64_t follower_of(std::uint64_t leader) {
    const std::uint64_t id = leader == 1 ? 2 : 1;
    until([&] { return status(id).leader == node_id(leader); });
    return id;
  }

  answer_handle submit(std::uint64_t id, std::string_view text, submit_options options = {}) {
    auto a = std::make_shared<answer>();
    (*this)[id].submit(shared_bytes::copy_of(text), options, into(a));
    return a;
  }
  answer_handle query(std::uint64_t id, query_options options = {}, std::string_view text = "") {
    auto a = std::make_shared<answer>();
    (*this)[id].query(shared_bytes::copy_of(text), options, into(a));
    return a;
  }
  /// Lets time pass until the answer is there.
  answer finish(const answer_handle& a) {
    until([&] { return a->is_there(); });
    return *a;
  }
  answer done(std::uint64_t id, std::string_view text) { return finish(submit(id, text)); }

  instant in(duration span) const { return runtime.now() + span; }

 private:
  static std::function<void(command_outcome)> into(const answer_handle& a) {
    return [a](command_outcome o) {
      ++a->times;
      a->value = std::move(o);
    };
  }
  void start(std::uint64_t id) {
    auto& one = *nodes_.at(id);
    node_options options{.id = node_id(id), .members = voters(size_)};
    options.core.max_command_bytes = 1 << 20;
    if (tune_) tune_(options);
    node_listener listener{.leadership_changed =
                               [this, id](const core::leadership& l) {
                                 if (on_leadership) on_leadership(id, l);
                               },
                           .stopped = [this](const error& e) { stopped.push_back(e); }};
    auto made = node_type::start_on_loop(one.owner, std::move(options), list_machine{},
                                         std::move(listener));
    ASSERT_TRUE(made) << made.error().message;
    one.replica.emplace(*std::move(made));
    ASSERT_TRUE(one.owner.start_on_loop());
  }

  tuning tune_;
  std::uint64_t size_;
  std::map<std::uint64_t, std::unique_ptr<member_node<manual_runtime>>> nodes_;
};

}  // namespace mainstay::testing

namespace mainstay {

extern template class detail::replica<testing::world_types>;
extern template class node<testing::world_types>;

}  // namespace mainstay
