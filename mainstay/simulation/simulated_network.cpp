#include "mainstay/simulation/simulated_network.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/simulation/simulated_transport.hpp"

namespace mainstay::simulation {

namespace {

/// Roughly what a message takes on a wire, for links that are slow.
std::uint64_t size_of(const rpc_request& request) {
  std::uint64_t bytes = 100;
  if (const auto* append = std::get_if<core::append_entries>(&request)) {
    for (const auto& e : append->entries) bytes += core::size_of(e);
  }
  if (const auto* commands = std::get_if<forward_commands>(&request)) {
    for (const auto& c : commands->commands) bytes += c.size() + 8;
  }
  return bytes;
}

/// Nothing recognizes forwarded commands that come twice; the core takes any message any number of
/// times.
template <class Body>
bool may_be_duplicated(const Body& body) {
  const auto* request = std::get_if<rpc_request>(&body);
  return request != nullptr && !std::holds_alternative<forward_commands>(*request);
}

}  // namespace

std::string_view name_of(message_step::kind what) {
  switch (what) {
    case message_step::kind::sent:
      return "sent";
    case message_step::kind::lost:
      return "lost";
    case message_step::kind::delivered:
      return "delivered";
    case message_step::kind::duplicated:
      return "duplicated";
    case message_step::kind::reordered:
      return "reordered";
  }
  return "unnamed";
}

/// One machine's place on the network. It stays when the node on it comes and goes.
class simulated_network::station final : public event_handler {
 public:
  station(simulated_network& network, node_id self, process& owner)
      : event_handler(network.events_, &owner), id(self), network_(network) {}

  void expect(instant when, std::uint32_t slot) { schedule(when, slot); }

  const node_id id;
  simulated_client* client = nullptr;
  request_handler* listening = nullptr;
  std::uint64_t session = 0;  // of the server that listens
  bool is_dark = false;       // without power
  std::uint64_t disk = 1;     // tells it from those that it had before
  // Of peers by what they are called, on this one.
  std::map<std::pair<node_id, std::string>, std::uint64_t> known_disks;

 private:
  void on_event(std::uint64_t slot) override {
    const auto at = static_cast<std::uint32_t>(slot);
    packet p = std::move(network_.packets_[at]);
    network_.free_packets_.push_back(at);
    network_.deliver(*this, std::move(p));
  }

  simulated_network& network_;
};

simulated_network::simulated_network(event_queue& events, std::uint64_t seed)
    : events_(events), random_(seed) {}

simulated_network::~simulated_network() = default;

void simulated_network::add_node(node_id id, process& owner) {
  MAINSTAY_ASSERT(!knows(id));
  MAINSTAY_ASSERT(packets_.empty());
  stations_.push_back(std::make_unique<station>(*this, id, owner));
  links_.assign(stations_.size() * stations_.size(), {});
}

std::vector<node_id> simulated_network::nodes() const {
  std::vector<node_id> ids;
  for (const auto& s : stations_) ids.push_back(s->id);
  return ids;
}

bool simulated_network::knows(node_id id) const {
  return std::ranges::any_of(stations_, [&](const auto& s) { return s->id == id; });
}

std::uint32_t simulated_network::position_of(node_id id) const {
  std::uint32_t position = 0;
  while (stations_[position]->id != id) {
    ++position;
    MAINSTAY_ASSERT(position < stations_.size());
  }
  return position;
}

link_settings& simulated_network::link(node_id from, node_id to) {
  return between(position_of(from), position_of(to)).weather;
}

void simulated_network::set_all(const link_settings& weather) {
  for (auto& way : links_) way.weather = weather;
}

void simulated_network::partition(const std::vector<std::vector<node_id>>& parts) {
  const auto part_of = [&](node_id id) {
    const auto holds = [&](const auto& part) { return std::ranges::find(part, id) != part.end(); };
    return std::ranges::find_if(parts, holds);
  };
  for (const auto& a : stations_) {
    for (const auto& b : stations_) {
      const auto part = part_of(a->id);
      cut(a->id, b->id, part == parts.end() || part != part_of(b->id));
    }
  }
}

void simulated_network::isolate(node_id id) {
  for (const auto& other : stations_) {
    cut(id, other->id);
    cut(other->id, id);
  }
}

void simulated_network::heal() {
  for (auto& way : links_) {
    way.weather.cut = false;
    way.weather.stalled_until = {};
  }
}

void simulated_network::reset(node_id a, node_id b) {
  break_connection(position_of(a), position_of(b), true, true);
  break_connection(position_of(b), position_of(a), true, true);
}

void simulated_network::switch_off(node_id id) { at(position_of(id)).is_dark = true; }

/// Its connections end, and it knows nobody.
void simulated_network::replace_disk(node_id id) {
  const std::uint32_t position = position_of(id);
  ++at(position).disk;
  at(position).known_disks.clear();
  for (std::uint32_t other = 0; other < stations_.size(); ++other) {
    if (other == position) continue;
    break_connection(position, other, false, false);
    break_connection(other, position, true, false);
  }
}

/// Who calls a peer remembers the first disk that it finds there, and takes no answer of another,
/// which has forgotten what the first had promised. Requests promise nothing, and may come from
/// anyone: a follower that was away may hear only from a new leader that its peer has another disk.
bool simulated_network::admits(station& here, const station& peer, std::uint64_t disk) const {
  if (here.client == nullptr) return true;
  const auto called = here.client->peers_.find(peer.id);
  if (called == here.client->peers_.end()) return true;
  const auto [known, is_new] = here.known_disks.try_emplace({peer.id, called->second}, disk);
  return known->second == disk;
}

/// `surely`: the client is told even when the link back is cut.
void simulated_network::break_connection(std::uint32_t from, std::uint32_t to, bool client_notices,
                                         bool surely) {
  link_state& way = between(from, to);
  const std::uint64_t broken = way.connection++;
  if (way.session == 0 && !surely) return;
  way.session = 0;
  ++counters_.resets;
  if (client_notices) send({0, broken, to, from, {}, false, broken_connection{}}, surely);
}

std::uint64_t simulated_network::attach_client(node_id id, simulated_client& client) {
  const std::uint32_t position = position_of(id);
  station& here = at(position);
  MAINSTAY_ASSERT(here.client == nullptr);
  here.client = &client;
  here.is_dark = false;
  // Whoever called from here before is gone, and its connections with it.
  for (std::uint32_t other = 0; other < stations_.size(); ++other) {
    if (other != position) break_connection(position, other, false, false);
  }
  return ++last_client_ << 40;
}

void simulated_network::detach_client(node_id id) { at(position_of(id)).client = nullptr; }

void simulated_network::start_server(node_id id, request_handler* handler) {
  station& here = at(position_of(id));
  MAINSTAY_ASSERT(here.listening == nullptr);
  here.listening = handler;
  here.session = ++last_session_;
  here.is_dark = false;
}

/// Where the power is on, the peers are told at once.
void simulated_network::stop_server(node_id id) {
  const std::uint32_t position = position_of(id);
  station& here = at(position);
  here.listening = nullptr;
  here.session = 0;
  if (here.is_dark) return;
  for (std::uint32_t other = 0; other < stations_.size(); ++other) {
    if (other != position) break_connection(other, position, true, false);
  }
}

/// Gives the connection that the call is on.
std::uint64_t simulated_network::send_request(node_id from, node_id to, group_id group,
                                              std::uint64_t call, rpc_request request) {
  const std::uint32_t a = position_of(from);
  const std::uint32_t b = position_of(to);
  const std::uint64_t connection = between(a, b).connection;
  send({call, connection, a, b, group, false, std::move(request)});
  return connection;
}

bool simulated_network::chance(std::uint32_t per_million) {
  return per_million != 0 && random_.below(1'000'000) < per_million;
}

duration simulated_network::below(duration limit) {
  if (limit <= duration(0)) return duration(0);
  return duration(
      static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(limit.count()))));
}

void simulated_network::tell(message_step::kind what, const packet& p) const {
  if (!observer) return;
  const auto* request = std::get_if<rpc_request>(&p.body);
  const auto* response = std::get_if<rpc_response>(&p.body);
  if (request == nullptr && response == nullptr) return;
  observer({what, stations_[p.from]->id, stations_[p.to]->id, p.call, request, response});
}

instant simulated_network::arrival(link_state& way, const packet& p) {
  const link_settings& weather = way.weather;
  instant leaves = events_.now();
  if (weather.bytes_per_second != 0) {
    const auto* request = std::get_if<rpc_request>(&p.body);
    const std::uint64_t bytes = request != nullptr ? size_of(*request) : 100;
    leaves = std::max(leaves, way.busy_until) +
             duration(static_cast<std::int64_t>(bytes * 1'000'000'000 / weather.bytes_per_second));
    way.busy_until = leaves;
  }
  instant arrives = leaves + weather.latency + below(weather.jitter);
  if (chance(weather.spikes_per_million)) arrives += below(weather.spike);
  return std::max(arrives, weather.stalled_until);
}

void simulated_network::put_on_the_way(packet p, instant arrives) {
  if (free_packets_.empty()) {
    free_packets_.push_back(static_cast<std::uint32_t>(packets_.size()));
    packets_.emplace_back();
  }
  const std::uint32_t slot = free_packets_.back();
  free_packets_.pop_back();
  station& target = at(p.to);
  packets_[slot] = std::move(p);
  target.expect(arrives, slot);
}

void simulated_network::send(packet p, bool surely) {
  p.disk = at(p.from).disk;
  link_state& way = between(p.from, p.to);
  const link_settings& weather = way.weather;
  ++counters_.sent;
  tell(message_step::kind::sent, p);
  if (surely) return put_on_the_way(std::move(p), events_.now());
  const bool queue_full =
      weather.bytes_per_second != 0 && way.busy_until - events_.now() > longest_queue;
  const bool lost = weather.cut || queue_full || chance(weather.lost_per_million);
  if (lost) {
    ++(weather.cut ? counters_.cut : counters_.lost);
    return tell(message_step::kind::lost, p);
  }
  instant arrives = arrival(way, p);
  if (may_be_duplicated(p.body) && chance(weather.duplicated_per_million)) {
    ++counters_.duplicated;
    tell(message_step::kind::duplicated, p);
    packet copy = p;
    copy.stray = true;
    put_on_the_way(std::move(copy), arrives + below(weather.straggle));
  }
  if (chance(weather.reordered_per_million)) {
    ++counters_.reordered;
    tell(message_step::kind::reordered, p);
    arrives += below(weather.straggle);
  } else {
    arrives = std::max(arrives, way.last_arrival);
    way.last_arrival = arrives;
  }
  put_on_the_way(std::move(p), arrives);
}

void simulated_network::deliver(station& here, packet p) {
  events_.note(p.call ^ p.body.index() << 60);
  if (here.is_dark) {
    ++counters_.lost;
    return tell(message_step::kind::lost, p);
  }
  if (std::holds_alternative<rpc_request>(p.body)) return deliver_request(here, std::move(p));
  if (here.client == nullptr) return;  // nobody is left who waits for it
  if (std::holds_alternative<broken_connection>(p.body)) {
    return here.client->on_broken(at(p.from).id, p.connection);
  }
  if (const auto* failed = std::get_if<failed_call>(&p.body)) {
    return here.client->complete(p.call, fail(failed->why, "the simulated peer is not there"));
  }
  // An answer to a call that has ended meanwhile is ignored there.
  if (!admits(here, at(p.from), p.disk)) {
    return here.client->complete(p.call, fail(error_code::wrong_identity, "another disk"));
  }
  ++counters_.delivered;
  tell(message_step::kind::delivered, p);
  here.client->complete(p.call, std::get<rpc_response>(std::move(p.body)));
}

/// False when the request is not to be handed on; whoever has to be told is told.
bool simulated_network::is_on_live_connection(const station& here, const packet& p) {
  link_state& way = between(p.from, p.to);
  if (p.connection != way.connection) return false;
  if (way.session == 0) way.session = here.session;
  // A server that started anew knows nothing of an old connection; neither does who does not
  // listen.
  if (way.session == here.session) return here.listening != nullptr;
  break_connection(p.from, p.to, true, false);
  return false;
}

void simulated_network::deliver_request(station& here, packet p) {
  const link_state& way = between(p.from, p.to);
  if (here.listening == nullptr && (p.stray || way.session == 0)) return refuse(p);
  if (!p.stray && !is_on_live_connection(here, p)) return;
  if (!admits(at(p.from), here, here.disk)) return refuse(p);
  ++counters_.delivered;
  tell(message_step::kind::delivered, p);
  responder respond = [this, call = p.call, connection = p.connection, from = p.to, to = p.from,
                       session = here.session](rpc_response response) {
    if (at(from).session != session) return;  // the server has stopped
    send({call, connection, from, to, {}, false, std::move(response)});
  };
  (*here.listening)(at(p.from).id, p.group, std::get<rpc_request>(std::move(p.body)),
                    std::move(respond));
}

/// Nobody listens, and there is no connection that could break.
void simulated_network::refuse(const packet& p) {
  if (p.stray) return;
  send({p.call, p.connection, p.to, p.from, {}, false, failed_call{error_code::unreachable}});
}

}  // namespace mainstay::simulation
