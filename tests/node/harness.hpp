/// Nodes in one process on one real loop: a network that hands requests over directly and can be
/// cut, and a storage whose every answer a test can script. Not for timing: for order and outcomes.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mainstay/node/node.hpp"
#include "mainstay/runtime/asio/asio_runtime.hpp"

namespace mainstay::testing {

using executor = asio_runtime::executor;

/// The wires of one test; used on the loop only.
struct wires {
  std::map<node_id, request_handler*> listening;
  std::set<node_id> cut;  ///< nodes that neither send nor receive
};

/// A client that calls the other side's handler in a task of its own.
class direct_client {
 public:
  direct_client(node_id self, wires& w, executor loop) : self_(self), wires_(w), loop_(loop) {}

  void add_peer(node_id, const std::string&) {}
  void remove_peer(node_id) {}
  void call(node_id peer, group_id group, rpc_request request, instant, call_done done) {
    auto answer = std::make_shared<call_done>(std::move(done));
    loop_.post([this, peer, group, request = std::move(request), answer]() mutable {
      if (is_cut(peer)) {
        return (*answer)(fail(error_code::unreachable, "the wire is cut"));
      }
      auto respond = [this, peer, answer](rpc_response response) {
        loop_.post([this, peer, answer, response = std::move(response)]() mutable {
          if (is_cut(peer)) return (*answer)(fail(error_code::disconnected, "the wire was cut"));
          (*answer)(std::move(response));
        });
      };
      (*wires_.listening.at(peer))(self_, group, std::move(request), std::move(respond));
    });
  }
  void stop() {}

 private:
  bool is_cut(node_id peer) const {
    return wires_.cut.contains(self_) || wires_.cut.contains(peer) ||
           !wires_.listening.contains(peer);
  }

  node_id self_;
  wires& wires_;
  executor loop_;
};

/// Puts the host's handler on the wires.
class direct_server {
 public:
  direct_server(node_id self, wires& w) : self_(self), wires_(w) {}
  result<void> start(request_handler handler) {
    handler_ = std::move(handler);
    wires_.listening[self_] = &handler_;
    return {};
  }
  void stop() { wires_.listening.erase(self_); }

 private:
  node_id self_;
  wires& wires_;
  request_handler handler_;
};

/// A log in memory whose appends complete at once, or as the test scripts them. On the loop only.
class scripted_storage {
 public:
  /// What becomes of appends from now on.
  enum class mode { durable, full, failing, stalled };

  explicit scripted_storage(executor loop) : loop_(loop) {}

  mode answers = mode::durable;
  std::vector<core::entry> entries;
  core::hard_state state;

  result<recovered_state> recover(group_id, std::uint64_t) {
    recovered_state r{
        .hard_state = state, .last_index = log_index(entries.size()), .tail = entries};
    for (const auto& e : entries) {
      if (r.term_runs.empty() || r.term_runs.back().term != e.term) {
        r.term_runs.push_back({e.index, e.term});
      }
    }
    return r;
  }
  void append(group_id, core::persist_batch batch, append_done done) {
    loop_.post([this, batch = std::move(batch), done = std::move(done)]() mutable {
      switch (answers) {
        case mode::durable:
          write(batch);
          return done({});
        case mode::full:
          return done(fail(error_code::no_space, "no space left on device"));
        case mode::failing:
          return done(fail(error_code::io_failed, "fdatasync failed: EIO"));
        case mode::stalled:
          stalled_.emplace_back(std::move(batch), std::move(done));
          return;
      }
    });
  }
  void read(group_id, log_index first, log_index last, std::uint64_t, read_done done) {
    std::vector<core::entry> found(entries.begin() + static_cast<long>(first.value() - 1),
                                   entries.begin() + static_cast<long>(last.value()));
    loop_.post(
        [found = std::move(found), done = std::move(done)]() mutable { done(std::move(found)); });
  }
  void compact(group_id, log_index, append_done) {}
  void stop() {}

 private:
  void write(const core::persist_batch& batch) {
    if (batch.has_hard_state) state = batch.state;
    if (batch.truncate_from) entries.resize(batch.truncate_from.value() - 1);
    entries.insert(entries.end(), batch.entries.begin(), batch.entries.end());
  }

  executor loop_;
  std::vector<std::pair<core::persist_batch, append_done>> stalled_;
};

/// Appends every command to a list and answers with its length; the command "fail" is refused.
struct list_machine {
  std::vector<std::string> items;

  result<shared_bytes> apply(const applied_command& command) {
    if (command.payload.text() == "fail") return fail(error_code::apply_failed, "told to fail");
    items.emplace_back(command.payload.text());
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<shared_bytes> query(const shared_bytes&) {
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<void> save(const snapshot_writer&) { return {}; }
  result<void> restore(const snapshot_reader&) { return {}; }
};

struct test_types {
  using runtime_type = asio_runtime;
  using persistence_engine_type = scripted_storage;
  using network_client_type = direct_client;
  using network_server_type = direct_server;
  using diagnostic_logger_type = null_logger;
  using metrics_type = null_metrics;
  using state_machine_type = list_machine;
};

/// One node with its components.
struct member_node {
  member_node(node_id id, wires& w, asio_runtime& runtime)
      : storage(runtime.loop()),
        client(id, w, runtime.loop()),
        server(id, w),
        owner(host_parts<test_types>{runtime, storage, client, server, logger, metrics}) {}

  scripted_storage storage;
  direct_client client;
  direct_server server;
  null_logger logger;
  null_metrics metrics;
  host<test_types> owner;
  std::optional<node<test_types>> replica;
  std::promise<error> stopped;
};

/// A cluster of nodes 1 to `size` on one loop. Timeouts are short, so that elections are quick.
class node_cluster {
 public:
  explicit node_cluster(std::uint64_t size) {
    runtime_.start();
    core::configuration members;
    for (std::uint64_t i = 1; i <= size; ++i) {
      members.voters.push_back({node_id(i), "node-" + std::to_string(i)});
    }
    for (std::uint64_t i = 1; i <= size; ++i) {
      auto& one = nodes_[i] = std::make_unique<member_node>(node_id(i), wires_, runtime_);
      node_options options{.id = node_id(i), .members = members};
      options.core.election_timeout_min = std::chrono::milliseconds(60);
      options.core.election_timeout_max = std::chrono::milliseconds(120);
      options.core.heartbeat_interval = std::chrono::milliseconds(15);
      options.disk_full_retry = std::chrono::milliseconds(5);
      options.max_pending_bytes = 1 << 20;
      node_listener listener{.leadership_changed = {},
                             .stopped = [&one](const error& e) { one->stopped.set_value(e); }};
      one->replica.emplace(
          *node<test_types>::start(one->owner, options, list_machine{}, std::move(listener)));
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
  member_node& member(std::uint64_t id) { return *nodes_.at(id); }
  asio_runtime& runtime() { return runtime_; }

  /// Runs something on the loop and waits for it.
  void on_loop(std::function<void()> work) {
    run_on(runtime_.loop(), [&] { work(); });
  }
  void script(std::uint64_t id, scripted_storage::mode mode) {
    on_loop([&] { member(id).storage.answers = mode; });
  }
  void cut(std::uint64_t id) {
    on_loop([&] { wires_.cut.insert(node_id(id)); });
  }
  void heal() {
    on_loop([&] { wires_.cut.clear(); });
  }

  /// Looks again until `holds`; a claim that never holds fails by ctest's own limit.
  template <class Claim>
  void until(Claim holds) {
    while (!holds()) std::this_thread::yield();
  }
  /// The node that leads, in the newest term, and is acknowledged by its own status.
  std::uint64_t leader(std::uint64_t other_than = 0) {
    std::uint64_t found = 0;
    until([&] {
      for (auto& [id, one] : nodes_) {
        if (id != other_than && one->replica->status().role == core::role::leader) found = id;
      }
      return found != 0;
    });
    return found;
  }
  std::uint64_t follower() { return leader() == 1 ? 2 : 1; }
  void until_follows(std::uint64_t id, std::uint64_t leader) {
    until([&] { return (*this)[id].status().leader == node_id(leader); });
  }

  /// Submits and waits for the outcome.
  command_outcome submit(std::uint64_t id, std::string_view text, submit_options options = {}) {
    std::promise<command_outcome> promise;
    (*this)[id].submit(shared_bytes::copy_of(text), options,
                       [&](command_outcome o) { promise.set_value(std::move(o)); });
    return promise.get_future().get();
  }
  command_outcome query(std::uint64_t id, query_options options = {}) {
    std::promise<command_outcome> promise;
    (*this)[id].query({}, options, [&](command_outcome o) { promise.set_value(std::move(o)); });
    return promise.get_future().get();
  }
  instant in(std::chrono::milliseconds span) { return runtime_.now() + span; }

 private:
  asio_runtime runtime_;
  wires wires_;
  std::map<std::uint64_t, std::unique_ptr<member_node>> nodes_;
};

}  // namespace mainstay::testing
