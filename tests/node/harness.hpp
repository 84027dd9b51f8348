/// Nodes in one process on the real loop of asio_runtime, for what only threads can show: callers
/// on many threads, a state machine on its own, completion tokens. Orders and outcomes are tested
/// in world.hpp, where nothing depends on the machine's pace.
#pragma once

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "mainstay/runtime/asio/asio_runtime.hpp"

#include "tests/node/parts.hpp"

namespace mainstay::testing {

using test_types = types_on<asio_runtime>;

/// A cluster of nodes 1 to `size` on one loop.
class node_cluster {
 public:
  explicit node_cluster(std::uint64_t size, apply_thread apply = apply_thread::loop)
      : runtime_(apply) {
    runtime_.start();
    for (std::uint64_t i = 1; i <= size; ++i) {
      auto& one = nodes_[i] =
          std::make_unique<member_node<asio_runtime>>(node_id(i), wires_, runtime_);
      node_options options{.id = node_id(i), .members = voters(size)};
      // Short, for a quick start; long enough for a leader to stay one on a busy machine.
      options.core.election_timeout_min = std::chrono::milliseconds(200);
      options.core.election_timeout_max = std::chrono::milliseconds(400);
      options.core.heartbeat_interval = std::chrono::milliseconds(20);
      one->replica.emplace(*node<test_types>::start(one->owner, options, list_machine{}));
      static_cast<void>(one->owner.start());
    }
  }
  ~node_cluster() {
    for (auto& [id, one] : nodes_) one->replica->stop();
    for (auto& [id, one] : nodes_) one->owner.stop();
    runtime_.stop();
    runtime_.join();
  }

  node<test_types>& operator[](std::uint64_t id) { return *nodes_.at(id)->replica; }

  /// The node that leads. Looks again until there is one.
  std::uint64_t leader() {
    for (;; std::this_thread::yield()) {
      for (auto& [id, one] : nodes_) {
        if (one->replica->status().role == core::role::leader) return id;
      }
    }
  }
  /// Waits until everything posted to the loop before has run.
  void pass_through_loop() {
    run_on(runtime_.loop(), [] {});
  }

  /// Submits and waits for the outcome.
  command_outcome submit(std::uint64_t id, std::string_view text) {
    std::promise<command_outcome> promise;
    (*this)[id].submit(shared_bytes::copy_of(text), {},
                       [&](command_outcome o) { promise.set_value(std::move(o)); });
    return promise.get_future().get();
  }

 private:
  asio_runtime runtime_;
  wires wires_;
  std::map<std::uint64_t, std::unique_ptr<member_node<asio_runtime>>> nodes_;
};

}  // namespace mainstay::testing
