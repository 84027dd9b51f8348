/// What a process has once, however many groups it carries: runtime, network, storage, logger and
/// metrics. A host with one group is the common case.
#pragma once

#include <future>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/seams/raft_types.hpp"

namespace mainstay {

/// Runs `work()` on an executor and waits until it is over. False when the executor ended first:
/// then the work was not done and never will be. Never from that executor's own tasks.
template <class Executor, class Work>
bool run_on(Executor executor, Work&& work) {
  // The task owns the promise: when it is destroyed without being run, the future tells.
  std::promise<void> promise;
  auto future = promise.get_future();
  executor.post([&work, p = std::move(promise)]() mutable {
    work();
    p.set_value();
  });
  try {
    future.get();
    return true;
  } catch (const std::future_error&) {
    return false;
  }
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

  /// Starts to take requests. From any thread but the loop's. Errors: the server's, and
  /// `shutting_down` when the loop has ended.
  result<void> start() {
    result<void> started = fail(error_code::shutting_down, "the loop has ended");
    run_on(parts_.runtime.loop(), [&] { started = start_on_loop(); });
    return started;
  }
  /// As `start`, on the loop.
  result<void> start_on_loop() {
    return parts_.server.start(
        [this](node_id from, group_id group, rpc_request request, responder respond) {
          const auto found = groups_.find(group);
          if (found == groups_.end()) return refuse(request, std::move(respond));
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
  /// A group that is not, or no longer, here. Peers' cores notice by their deadlines; callers whose
  /// commands were forwarded are told at once that these went nowhere.
  static void refuse(const rpc_request& request, responder respond) {
    const auto* forwarded = std::get_if<forward_commands>(&request);
    if (forwarded == nullptr) return;
    const command_outcome refused =
        fail(error_code::not_leader, "the node that was taken for the leader does not serve");
    respond(forward_commands_response{
        std::vector<command_outcome>(forwarded->commands.size(), refused)});
  }

  host_parts<Types> parts_;
  std::map<group_id, group_handler> groups_;  // the loop only
};

}  // namespace mainstay
