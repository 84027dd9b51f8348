/// The network of a simulated world: a directed graph of links, each with its own weather. Messages
/// travel as they are, without being encoded; requests and answers each on their own link.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "mainstay/base/random.hpp"
#include "mainstay/seams/network.hpp"
#include "mainstay/simulation/event_queue.hpp"

namespace mainstay::simulation {

class simulated_client;

/// How long a message may wait for a slow link at most: no system buffers more.
inline constexpr duration longest_queue = std::chrono::seconds(1);

/// The weather on the way from one node to another. By default nothing is lost, and messages arrive
/// in the order sent.
struct link_settings {
  duration latency = std::chrono::microseconds(60);  ///< the least that a message takes
  duration jitter = std::chrono::microseconds(40);   ///< evenly drawn on top
  std::uint32_t spikes_per_million = 0;              ///< messages that take up to `spike` longer
  duration spike = std::chrono::milliseconds(20);
  /// Of a slow link; 0: no limit. What would wait longer than `longest_queue` for it vanishes.
  std::uint64_t bytes_per_second = 0;
  std::uint32_t lost_per_million = 0;        ///< messages that vanish
  std::uint32_t duplicated_per_million = 0;  ///< requests of cores that arrive again, later
  std::uint32_t reordered_per_million = 0;   ///< messages that others overtake
  duration straggle = std::chrono::milliseconds(10);  ///< how much later those two come, at most
  bool cut = false;                                   ///< everything vanishes
  instant stalled_until{};                            ///< nothing arrives before
};

/// What became of messages so far.
struct network_counters {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost = 0;  ///< by weather
  std::uint64_t cut = 0;   ///< by a link that was cut
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t resets = 0;     ///< of connections that were in use or not
  std::uint64_t timed_out = 0;  ///< calls
};

/// One step of a message's way, as the observer sees it.
struct message_step {
  enum class kind : std::uint8_t { sent, lost, delivered, duplicated, reordered };
  kind what;
  node_id from;
  node_id to;
  std::uint64_t call;            ///< pairs request and answer
  const rpc_request* request;    ///< null for an answer
  const rpc_response* response;  ///< null for a request
};

/// The name of a step, as traces write it: "delivered".
std::string_view name_of(message_step::kind what);

/// All links and what is under way on them. Must outlive the clients and servers on it.
///
/// A connection is one direction of calls: from one node's client to another's server, opened by
/// the first call. While it lives, requests arrive in the order made, unless the weather reorders.
/// When it breaks, its calls fail as `disconnected`, and what was under way on it vanishes.
class simulated_network {
 public:
  simulated_network(event_queue& events, std::uint64_t seed);
  simulated_network(const simulated_network&) = delete;
  simulated_network& operator=(const simulated_network&) = delete;
  ~simulated_network();

  /// Adds a machine that the links lead to and from, with default weather. What arrives for it
  /// waits while `owner` is paused.
  void add_node(node_id id, process& owner);
  /// The ids of all machines, in the order added.
  std::vector<node_id> nodes() const;
  bool knows(node_id id) const;

  /// The link from one machine to another; change it at any time. Later messages feel it.
  link_settings& link(node_id from, node_id to);
  /// Gives every link this weather. Cuts and stalls are part of it.
  void set_all(const link_settings& weather);
  /// Cuts or mends one direction.
  void cut(node_id from, node_id to, bool is_cut = true) { link(from, to).cut = is_cut; }
  /// Cuts both directions between every pair of nodes that are in different parts, and mends the
  /// rest. Who is in no part stands alone.
  void partition(const std::vector<std::vector<node_id>>& parts);
  /// Cuts a node off from everyone, both ways.
  void isolate(node_id id);
  /// Mends every link and ends every stall; the weather stays.
  void heal();
  /// Breaks the connections between two nodes, both ways.
  void reset(node_id a, node_id b);
  /// The power of a machine failed: until a client or a server is there again, whatever arrives
  /// vanishes, and nobody is told of connections that broke. Without this, a machine whose node is
  /// gone refuses calls, and resets connections that it does not know.
  void switch_off(node_id id);
  /// A machine has another disk: peers that knew the old one under the name in their address of it
  /// (simulated_transport.hpp) do not call it any more.
  void replace_disk(node_id id);

  const network_counters& counters() const { return counters_; }
  /// Called at every step of every message; empty: nobody.
  std::function<void(const message_step&)> observer;

 private:
  friend class simulated_client;
  friend class simulated_server;

  /// A call that came to its end, told to its client.
  struct failed_call {
    error_code why;
  };
  /// A connection that broke, told to its client.
  struct broken_connection {};

  struct packet {
    std::uint64_t call = 0;
    std::uint64_t connection = 0;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    group_id group;
    bool stray = false;  // belongs to no connection any more
    std::variant<broken_connection, failed_call, rpc_request, rpc_response> body;
    std::uint64_t disk = 0;  // the sender's
  };
  /// One direction between two machines: weather for messages, and a connection for calls.
  struct link_state {
    link_settings weather;
    instant last_arrival{};
    instant busy_until{};          // of a slow link
    std::uint64_t connection = 1;  // its number, new after each break
    std::uint64_t session = 0;     // of the server that it leads to; 0: not connected yet
  };
  class station;

  station& at(std::uint32_t position) { return *stations_[position]; }
  std::uint32_t position_of(node_id id) const;
  link_state& between(std::uint32_t from, std::uint32_t to) {
    return links_[from * stations_.size() + to];
  }

  std::uint64_t attach_client(node_id id, simulated_client& client);
  void detach_client(node_id id);
  std::uint64_t send_request(node_id from, node_id to, group_id group, std::uint64_t call,
                             rpc_request request);
  void send(packet p, bool surely = false);
  void deliver(station& here, packet p);
  void deliver_request(station& here, packet p);
  bool admits(station& here, const station& peer, std::uint64_t disk) const;
  bool is_on_live_connection(const station& here, const packet& p);
  void refuse(const packet& p);
  void start_server(node_id id, request_handler* handler);
  void stop_server(node_id id);
  void break_connection(std::uint32_t from, std::uint32_t to, bool client_notices, bool surely);

  instant arrival(link_state& way, const packet& p);
  void put_on_the_way(packet p, instant arrives);
  bool chance(std::uint32_t per_million);
  duration below(duration limit);
  void tell(message_step::kind what, const packet& p) const;

  event_queue& events_;
  random_generator random_;
  std::vector<std::unique_ptr<station>> stations_;
  std::vector<link_state> links_;
  std::vector<packet> packets_;  // under way, by slot
  std::vector<std::uint32_t> free_packets_;
  network_counters counters_;
  std::uint64_t last_client_ = 0;
  std::uint64_t last_session_ = 0;
};

}  // namespace mainstay::simulation
