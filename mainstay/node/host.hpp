/// What a process has once, however many groups it carries: runtime, network, storage, logger and
/// metrics. A host with one group is the common case.
#pragma once

#include <future>
#include <map>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/seams/raft_types.hpp"

namespace mainstay {

/// Runs `work` on an executor and waits for its result. Never from that executor's own tasks.
template <class Executor, class Work>
auto run_on(Executor executor, Work work) {
  using value = decltype(work());
  std::promise<value> promise;
  auto future = promise.get_future();
  executor.post([&promise, &work] {
    if constexpr (std::is_void_v<value>) {
      work();
      promise.set_value();
    } else {
      promise.set_value(work());
    }
  });
  return future.get();
}

/// The components that a host works with. They must outlive it.
template <raft_types Types>
struct host_parts {
  typename Types::runtime_type& runtime;
  typename Types::persistence_engine_type& storage;
  typename Types::network_client_type& client;
  typename Types::network_server_type& server;
  typename Types::diagnostic_logger_type& logger;
  typename Types::metrics_type& metrics;
};

/// Hands incoming requests to the node of their group. Attach nodes, then start; stop the nodes,
/// then the host, then the runtime.
template <raft_types Types>
class host {
 public:
  /// Takes one group's requests, on the loop.
  using group_handler = std::move_only_function<void(node_id from, rpc_request, responder)>;

  explicit host(host_parts<Types> parts) : parts_(parts) {}
  host(const host&) = delete;
  host& operator=(const host&) = delete;

  const host_parts<Types>& parts() const { return parts_; }

  /// Starts to take requests. From any thread but the loop's. Errors: the server's.
  result<void> start() {
    return run_on(parts_.runtime.loop(), [this] { return start_on_loop(); });
  }
  /// As `start`, on the loop.
  result<void> start_on_loop() {
    return parts_.server.start(
        [this](node_id from, group_id group, rpc_request request, responder respond) {
          const auto found = groups_.find(group);
          if (found == groups_.end()) return;  // not ours: the caller's deadline tells it
          found->second(from, std::move(request), std::move(respond));
        });
  }

  /// Closes all connections and the log. From any thread but the loop's.
  void stop() {
    run_on(parts_.runtime.loop(), [this] { stop_on_loop(); });
    parts_.storage.stop();
  }
  /// Closes all connections; on the loop.
  void stop_on_loop() {
    parts_.server.stop();
    parts_.client.stop();
  }

  /// Sends a group's requests to `handler`. On the loop.
  void attach(group_id group, group_handler handler) {
    MAINSTAY_ASSERT(!groups_.contains(group));
    groups_.emplace(group, std::move(handler));
  }
  /// Drops a group's requests from now on. On the loop.
  void detach(group_id group) { groups_.erase(group); }

 private:
  host_parts<Types> parts_;
  std::map<group_id, group_handler> groups_;  // the loop only
};

}  // namespace mainstay
