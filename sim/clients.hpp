/// Clients of a simulated key-value cluster: they choose operations by chance, send them to nodes,
/// and keep the history of what they were answered. They judge nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/node/operation.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/simulation/history.hpp"
#include "mainstay/simulation/schedule.hpp"

namespace mainstay::sim {

/// One request to a node.
struct client_call {
  node_id node;
  shared_bytes payload;
  bool changes = false;  ///< a command; else a query
  duration timeout{};
  bool forward = true;
  read_level level = read_level::linearizable;
  session_id session = 0;  ///< of a command; 0: none
  std::uint64_t serial = 0;
  std::move_only_function<void(command_outcome)> done;
};

/// The cluster as clients see it.
struct client_world {
  std::uint64_t nodes = 0;
  std::function<void(client_call)> call;
  std::function<void(node_id, duration, std::function<void(const result<session_id>&)>)> open;
  std::function<void(node_id, duration, session_id, std::function<void(const command_outcome&)>)>
      close;
  std::function<void(instant, task)> at;
  std::function<instant()> now;
  /// A command was done.
  std::function<void(const shared_bytes&)> acknowledged;
  /// An operation of the history begins at a node, and ends; both optional.
  std::function<void(std::size_t, node_id)> begins;
  std::function<void(std::size_t)> ends;
};

/// How operations ended; stale reads count as well.
struct operation_counters {
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
  std::uint64_t unknown = 0;
  std::uint64_t retried = 0;  ///< within a session, because an outcome was unknown
};

/// All clients of one run. Must outlive the cluster's events.
class client_group {
 public:
  client_group(const simulation::workload& work, client_world world, std::uint64_t seed);
  client_group(const client_group&) = delete;
  client_group& operator=(const client_group&) = delete;
  ~client_group();

  /// Every client begins, each after a pause of its own.
  void start();
  /// No further operation begins.
  void stop() { stopped_ = true; }
  /// How many operations have not ended.
  std::size_t under_way() const { return under_way_; }
  /// Reads every key through a node, with a client of its own, whether stopped or not.
  void read_everything(node_id through);
  /// Writes something new through a node; `done` is told whether it is certain.
  void write_once(node_id through, duration timeout, std::function<void(bool)> done);
  /// Removes every key that may expire; `done` as above.
  void erase_mortals(node_id through, duration timeout, std::function<void(bool)> done);

  const simulation::history& record() const { return history_; }
  const operation_counters& counters() const { return counters_; }

 private:
  class client;
  friend class client;
  struct request;
  struct attempts;

  std::string key(std::uint64_t number) const;
  void send(request r, std::function<void(const command_outcome&)> then);
  void finish(std::size_t number, const command_outcome& outcome);
  void attempt(const std::shared_ptr<attempts>& state);
  void take_outcome(const std::shared_ptr<attempts>& state, const command_outcome& outcome);
  void end(const std::shared_ptr<attempts>& state, const command_outcome& outcome);

  simulation::workload work_;
  client_world world_;
  std::vector<std::unique_ptr<client>> clients_;
  simulation::history history_;
  operation_counters counters_;
  byte_arena arena_;
  std::size_t under_way_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t final_writes_ = 0;
  std::vector<std::string> mortals_;  // keys that one client set and has not seen gone
  bool stopped_ = false;
};

}  // namespace mainstay::sim
