/// A gateway to a server machine in this process, without Raft: a thread that applies what
/// comes, in order. Tests can hold it, and make it fail.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "server/gateway.hpp"
#include "server/server_machine.hpp"

namespace mainstay::server {

/// Any thread may call everything.
class local_gateway : public gateway {
 public:
  local_gateway() : thread_([this] { run(); }) {}
  ~local_gateway() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      held_ = false;
    }
    changed_.notify_one();
    thread_.join();
  }

  void submit(std::vector<shared_bytes> commands, instant, outcomes_handler done) override {
    push({std::move(commands), true, std::move(done)});
  }
  /// Not known here.
  void submit_session_requests(std::vector<shared_bytes> requests, instant,
                               outcomes_handler done) override {
    push({std::move(requests), true, [done = std::move(done)](outcomes found) mutable {
            const error why{error_code::unsupported, "no sessions here", {}};
            done(outcomes(found.size(), std::unexpected(why)));
          }});
  }
  void query(std::vector<shared_bytes> requests, const read_terms&, instant,
             outcomes_handler done) override {
    push({std::move(requests), false, std::move(done)});
  }
  void save_snapshot(std::function<void(const result<snapshot_report>&)> done) override {
    if (!snapshot) return gateway::save_snapshot(std::move(done));
    std::thread([this, done = std::move(done)] { done(*snapshot); }).join();
  }
  void transfer(node_id to, instant deadline,
                std::function<void(const result<node_id>&)> done) override {
    if (!new_leader) return gateway::transfer(to, deadline, std::move(done));
    asked_heir = to;
    std::thread([this, done = std::move(done)] { done(*new_leader); }).join();
  }
  status_report status() override {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  instant now() const override {
    return instant(std::chrono::steady_clock::now().time_since_epoch());
  }

  /// What `save_snapshot` gives; none: it is not known here.
  std::optional<result<snapshot_report>> snapshot;
  /// What `transfer` gives; none: it is not known here.
  std::optional<result<node_id>> new_leader;
  node_id asked_heir;  ///< whom `transfer` was last asked for

  /// What `status` gives from now on.
  void set_status(status_report report) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(report);
  }
  /// Leaves everything that comes unanswered, until `release`.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_one();
  }
  /// Answers everything with this error from now on; with none, as usual.
  void fail_with(std::optional<error> why) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
  }

 private:
  struct work {
    std::vector<shared_bytes> payloads;
    bool is_write;
    outcomes_handler done;
  };

  void push(work w) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      was_empty = queue_.empty();
      queue_.push_back(std::move(w));
    }
    if (was_empty) changed_.notify_one();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || (!held_ && !queue_.empty()); });
      if (queue_.empty()) return;
      auto taken = std::exchange(queue_, {});
      const auto failure = failure_;
      lock.unlock();
      for (auto& each : taken) each.done(carry_out(each, failure));
      lock.lock();
    }
  }

  outcomes carry_out(const work& w, const std::optional<error>& failure) {
    outcomes found;
    found.reserve(w.payloads.size());
    for (const auto& payload : w.payloads) {
      if (failure) {
        found.push_back(std::unexpected(*failure));
      } else if (w.is_write) {
        found.push_back(machine_.apply({log_index(++index_), {}, payload}));
      } else {
        found.push_back(machine_.query(payload));
      }
    }
    return found;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<work> queue_;
  status_report status_;
  std::optional<error> failure_;
  bool held_ = false;
  bool stopping_ = false;
  server_machine machine_;   // the thread only
  std::uint64_t index_ = 0;  // the thread only
  std::thread thread_;
};

}  // namespace mainstay::server
