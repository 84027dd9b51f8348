/// A node's ends of the simulated network: the client that calls its peers, and the server that
/// peers call.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/seams/network.hpp"
#include "mainstay/simulation/simulated_network.hpp"
#include "mainstay/simulation/simulated_runtime.hpp"

namespace mainstay::simulation {

/// Satisfies `network_client`. Peers are found by their ids; of addresses only what stands behind a
/// '#' counts. It names one disk: the one that the peer first had is remembered under it, on this
/// machine's own, and no other is called.
class simulated_client {
 public:
  /// For one life of the node `self`, which the network knows. All must outlive it.
  simulated_client(simulated_network& network, simulated_runtime& runtime, node_id self);
  simulated_client(const simulated_client&) = delete;
  simulated_client& operator=(const simulated_client&) = delete;
  /// Calls in flight are dropped without being completed.
  ~simulated_client();

  void add_peer(node_id peer, const std::string& address);
  void remove_peer(node_id peer);
  void call(node_id peer, group_id group, rpc_request request, instant deadline, call_done done);
  void stop();

 private:
  friend class simulated_network;

  struct pending_call {
    call_done done;  // empty: complete
    node_id peer;
    std::uint64_t connection = 0;
  };
  using deadline_of_call = std::pair<instant, std::uint64_t>;

  pending_call* find(std::uint64_t number);
  void complete(std::uint64_t number, result<rpc_response> outcome);
  void complete_later(call_done done, error why);
  template <class Which>
  void fail_later(const Which& which, const error& why);
  void on_broken(node_id peer, std::uint64_t connection);
  void watch(instant deadline, std::uint64_t number);
  void on_alarm();

  simulated_network& network_;
  simulated_runtime& runtime_;
  node_id self_;
  std::map<node_id, std::string> peers_;  // with the name of their disks
  std::uint64_t first_number_;            // of the calls in `pending_`
  std::deque<pending_call> pending_;
  std::vector<deadline_of_call> deadlines_;  // a heap, the earliest in front; some are complete
  simulated_runtime::timer timer_;
  instant alarm_at_ = instant::max();
  bool stopped_ = false;
};

/// Satisfies `network_server`.
class simulated_server {
 public:
  /// For one life of the node `self`, which the network knows. The network must outlive it.
  simulated_server(simulated_network& network, node_id self) : network_(network), self_(self) {}
  simulated_server(const simulated_server&) = delete;
  simulated_server& operator=(const simulated_server&) = delete;
  ~simulated_server();

  result<void> start(request_handler handler);
  void stop();

 private:
  simulated_network& network_;
  node_id self_;
  request_handler handler_;
  bool listening_ = false;
};

}  // namespace mainstay::simulation
