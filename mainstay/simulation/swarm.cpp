#include "mainstay/simulation/swarm.hpp"

#include <algorithm>
#include <cmath>

#include "mainstay/base/random.hpp"

namespace mainstay::simulation {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Chance, with the draws that schedules need.
class dice {
 public:
  explicit dice(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool percent(std::uint64_t chance) { return below(100) < chance; }
  /// Evenly, both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  /// Such that each factor of two is as likely: first a power, then evenly within it. Whole
  /// numbers only, so that every machine draws the same.
  std::int64_t scaled(std::int64_t low, std::int64_t high) {
    int doublings = 0;
    while ((low << (doublings + 1)) <= high) ++doublings;
    const auto base = low << below(static_cast<std::uint64_t>(doublings) + 1);
    return between(base, std::min(high, 2 * base));
  }
  template <class Unit>
  duration time(Unit low, Unit high) {
    return Unit(scaled(low.count(), high.count()));
  }
  std::uint64_t next() { return random_.next(); }

 private:
  random_generator random_;
};

std::uint64_t draw_nodes(dice& d) {
  // Three and five are what people run; the others find what those hide.
  static constexpr std::array<std::uint64_t, 12> sizes{1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7};
  return sizes[d.below(sizes.size())];
}

/// How snapshots travel, and what stays of the log behind them: mostly so little that whoever is
/// away for a moment needs one.
void draw_transfers(dice& d, core::config& c) {
  if (d.percent(80)) c.snapshot_chunk_bytes = static_cast<std::uint64_t>(d.scaled(16, 31)) * 1024;
  if (d.percent(70)) c.compaction_tail_bytes = static_cast<std::uint64_t>(d.scaled(1, 8 * 1024));
  if (d.percent(50)) c.max_snapshot_transfers = static_cast<std::uint64_t>(d.between(1, 3));
  if (d.percent(20)) {
    c.snapshot_bytes_per_second = static_cast<std::uint64_t>(d.scaled(64, 4096)) * 1024;
  }
}

core::config draw_core(dice& d, duration latency) {
  core::config c;
  if (d.percent(30)) {
    c.heartbeat_interval = milliseconds(d.scaled(20, 100));
    c.election_timeout_min = c.heartbeat_interval * d.between(2, 5);
    c.election_timeout_max = c.election_timeout_min * d.between(2, 3);
  }
  // Far apart, everything takes longer.
  while (c.election_timeout_min < 20 * latency) {
    c.heartbeat_interval *= 2;
    c.election_timeout_min *= 2;
    c.election_timeout_max *= 2;
  }
  if (d.percent(10)) c.pre_vote = false;
  if (d.percent(10)) c.check_quorum = false;
  c.max_command_bytes = 16 * 1024;
  if (d.percent(50)) c.log_window_bytes = static_cast<std::uint64_t>(d.scaled(4096, 1 << 20));
  if (d.percent(50)) c.max_append_bytes = static_cast<std::uint64_t>(d.scaled(1024, 1 << 20));
  if (d.percent(50)) c.max_inflight_messages = static_cast<std::uint64_t>(d.scaled(1, 64));
  if (d.percent(30)) {
    c.max_applying_bytes = static_cast<std::uint64_t>(d.scaled(20 * 1024, 1 << 20));
    c.max_uncommitted_bytes = static_cast<std::uint64_t>(d.scaled(20 * 1024, 1 << 20));
  }
  if (d.percent(30)) c.max_waiting_reads = static_cast<std::uint64_t>(d.scaled(4, 64));
  c.max_inflight_bytes = std::max(c.max_append_bytes, c.max_inflight_bytes);
  draw_transfers(d, c);
  return c;
}

surroundings draw_surroundings(dice& d) {
  surroundings w;
  if (d.percent(20)) w.link_latency = d.time(microseconds(60), microseconds(8000));
  w.link_jitter = w.link_latency / 2;
  if (d.percent(50)) w.flush_latency = d.time(microseconds(50), microseconds(5000));
  if (d.percent(30)) w.write_latency = d.time(microseconds(5), microseconds(200));
  if (d.percent(30)) w.hiccups_per_million = static_cast<std::uint32_t>(d.scaled(100, 20'000));
  w.segment_bytes = 16 * 1024 * static_cast<std::uint64_t>(d.scaled(1, 16));
  w.recycled_segments = static_cast<std::uint32_t>(d.below(4));
  return w;
}

workload draw_workload(dice& d, duration timeout) {
  workload w;
  w.clients = static_cast<std::uint32_t>(d.scaled(1, 16));
  // From a few operations a second to a hundred, over all clients.
  w.pause = d.time(milliseconds(10), milliseconds(160)) * w.clients;
  w.timeout = timeout * d.between(2, 8);
  w.keys = static_cast<std::uint32_t>(d.scaled(1, 24));
  w.value_bytes = static_cast<std::uint32_t>(d.scaled(8, d.percent(20) ? 3000 : 64));
  w.reads = static_cast<std::uint32_t>(d.between(5, 70));
  w.stale_reads = static_cast<std::uint32_t>(d.between(0, 10));
  w.conditions = static_cast<std::uint32_t>(d.between(0, 60));
  w.only_leader = static_cast<std::uint32_t>(d.between(0, 100));
  if (d.percent(60)) w.sessions = static_cast<std::uint32_t>(d.between(20, 100));
  if (d.percent(40)) {
    w.ballast_keys = static_cast<std::uint32_t>(d.scaled(4, 32));
    w.ballast_bytes = static_cast<std::uint32_t>(d.scaled(1024, 3000));
  }
  return w;
}

/// Short lives and small tables, so that sessions end while they are used.
session_plan draw_sessions(dice& d) {
  session_plan p;
  if (d.percent(50)) p.time_to_live = d.time(milliseconds(1000), milliseconds(30'000));
  if (d.percent(50)) p.window = static_cast<std::uint32_t>(d.scaled(1, 64));
  if (d.percent(50)) p.answer_bytes = static_cast<std::uint32_t>(d.scaled(1, 256));
  if (d.percent(30)) p.sessions = static_cast<std::uint32_t>(d.scaled(1, 16));
  return p;
}

churn_plan draw_churn(dice& d, std::uint64_t nodes, std::uint32_t share) {
  churn_plan p;
  if (!d.percent(share) || nodes == 1) return p;
  p.voters = static_cast<std::uint64_t>(d.between(1, static_cast<std::int64_t>(nodes)));
  p.changes = d.time(milliseconds(200), milliseconds(8000));
  if (d.percent(50)) p.transfers = d.time(milliseconds(100), milliseconds(8000));
  return p;
}

snapshot_plan draw_snapshots(dice& d) {
  snapshot_plan p;
  if (d.percent(15)) return p;  // whole logs, as long as they are
  if (d.percent(75)) p.after_entries = static_cast<std::uint64_t>(d.scaled(4, 256));
  if (d.percent(25)) p.after_bytes = static_cast<std::uint64_t>(d.scaled(4, 64)) * 1024;
  p.retry = d.time(milliseconds(50), milliseconds(2000));
  if (d.percent(30)) p.on_command = d.time(milliseconds(200), milliseconds(8000));
  return p;
}

/// Draws the faults of one schedule.
class fault_source {
 public:
  fault_source(dice& d, const schedule& for_what, const std::vector<fault_kind>& allowed)
      : dice_(d), nodes_(for_what.nodes), length_(for_what.length) {
    const auto lost = dice_.below(spare_nodes(first_voters(for_what)) + 1);
    for (std::uint64_t i = 0; i < nodes_; ++i) doomed_.push_back(i < lost);
    for (std::uint64_t i = nodes_; i > 1; --i) {
      const auto other = dice_.below(i);
      const bool kept = doomed_[i - 1];
      doomed_[i - 1] = doomed_[other];
      doomed_[other] = kept;
    }
    draw_weights(allowed);
  }

  bool has_any() const { return total_ > 0; }

  fault draw() {
    auto at = static_cast<std::int64_t>(dice_.below(total_));
    fault f;
    for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
      at -= weights_[kind];
      if (at >= 0) continue;
      f.kind = static_cast<fault_kind>(kind);
      break;
    }
    f.start = duration(dice_.between(0, length_.count() * 19 / 20));
    f.length = dice_.time(milliseconds(20), milliseconds(dice_.percent(20) ? 8000 : 1500));
    f.strength = strength_of(f.kind);
    if (is_on_links(f.kind)) {
      f.edges = draw_edges(f.kind);
    } else {
      f.nodes = {draw_node(f.kind)};
    }
    return f;
  }

 private:
  void draw_weights(const std::vector<fault_kind>& allowed) {
    const auto share = dice_.between(20, 90);  // of the kinds, in this seed
    for (const auto kind : allowed) {
      if (!can_strike(kind)) continue;
      const bool taken = dice_.percent(static_cast<std::uint64_t>(share));
      // Lost nodes are lost: one is enough of what brings that about.
      const auto weight = loses_node(kind) ? dice_.between(1, 4) : dice_.scaled(4, 128);
      if (taken) weights_[static_cast<std::size_t>(kind)] = weight;
    }
    for (const auto weight : weights_) total_ += static_cast<std::uint64_t>(weight);
    if (total_ > 0) return;
    for (const auto kind : allowed) {
      if (can_strike(kind)) weights_[static_cast<std::size_t>(kind)] = 1;
    }
    for (const auto weight : weights_) total_ += static_cast<std::uint64_t>(weight);
  }

  bool can_strike(fault_kind kind) const {
    if (is_on_links(kind)) return nodes_ > 1;
    return !loses_node(kind) || std::ranges::find(doomed_, true) != doomed_.end();
  }

  node_id draw_node(fault_kind kind) {
    if (!loses_node(kind) && dice_.percent(40)) return the_leader;
    std::uint64_t drawn = dice_.below(nodes_);
    while (loses_node(kind) && !doomed_[drawn]) drawn = (drawn + 1) % nodes_;
    return node_id(drawn + 1);
  }

  /// Every pair once, with the nodes in any order; the leader may stand for a node.
  std::vector<edge> draw_edges(fault_kind kind) {
    std::vector<node_id> order;
    for (std::uint64_t i = 1; i <= nodes_; ++i) order.emplace_back(i);
    for (std::uint64_t i = nodes_; i > 1; --i) std::swap(order[i - 1], order[dice_.below(i)]);
    switch (kind) {
      case fault_kind::partition:
      case fault_kind::one_way_partition:
        return split(order, kind == fault_kind::one_way_partition);
      case fault_kind::partial_partition:
        return some_pairs(order, 30);
      default:
        return dice_.percent(40) ? some_pairs(order, 100) : some_pairs(order, 40);
    }
  }

  std::vector<edge> split(const std::vector<node_id>& order, bool one_way) {
    std::vector<edge> cut;
    if (dice_.percent(40)) {
      // The leader, alone; edges from a node to itself are nothing.
      for (const auto other : order) {
        cut.emplace_back(the_leader, other);
        if (!one_way) cut.emplace_back(other, the_leader);
      }
      if (one_way && dice_.percent(50)) {
        for (auto& [from, to] : cut) std::swap(from, to);
      }
      return cut;
    }
    const auto first = 1 + dice_.below(nodes_ - 1);
    for (std::uint64_t i = 0; i < first; ++i) {
      for (std::uint64_t j = first; j < nodes_; ++j) {
        cut.emplace_back(order[i], order[j]);
        if (!one_way) cut.emplace_back(order[j], order[i]);
      }
    }
    return cut;
  }

  std::vector<edge> some_pairs(const std::vector<node_id>& order, std::uint64_t share) {
    std::vector<edge> chosen;
    for (std::uint64_t i = 0; i < nodes_; ++i) {
      for (std::uint64_t j = i + 1; j < nodes_; ++j) {
        if (!chosen.empty() && !dice_.percent(share)) continue;
        chosen.emplace_back(order[i], order[j]);
        chosen.emplace_back(order[j], order[i]);
      }
    }
    return chosen;
  }

  std::int64_t strength_of(fault_kind kind) {
    switch (kind) {
      case fault_kind::loss:
      case fault_kind::duplication:
      case fault_kind::reordering:
        return dice_.scaled(10'000, 500'000);
      case fault_kind::spikes:
        return dice_.scaled(10'000, 300'000);
      case fault_kind::delay:
        return dice_.scaled(500, 200'000);
      case fault_kind::slow_link:
        return dice_.scaled(10'000, 10'000'000);
      case fault_kind::crash_in_recovery:
        return dice_.between(0, 1'000'000);
      case fault_kind::drift:
        return dice_.scaled(100, 200'000) * (dice_.percent(50) ? 1 : -1);
      case fault_kind::clock_leap:
        return dice_.scaled(1000, 5'000'000);
      case fault_kind::wall_leap:
        return dice_.scaled(1000, 100'000'000) * (dice_.percent(50) ? 1 : -1);
      case fault_kind::slow_disk:
        return dice_.scaled(4, 1000);
      case fault_kind::full_disk:
        return dice_.scaled(1, 64 * 1024);
      case fault_kind::flush_error:
      case fault_kind::write_error:
      case fault_kind::read_error:
        return dice_.scaled(1000, 1'000'000);
      case fault_kind::bit_rot:
        return dice_.scaled(1, 64);
      case fault_kind::lost_write:
      case fault_kind::misdirected_write:
        return dice_.scaled(1, 4);
      default:
        return 0;
    }
  }

  dice& dice_;
  std::uint64_t nodes_;
  duration length_;
  std::vector<bool> doomed_;  // may be lost for good
  std::array<std::int64_t, fault_kinds> weights_{};
  std::uint64_t total_ = 0;
};

/// How many faults of a kind are active at one time, at most.
std::int64_t most_at_once(const std::vector<fault>& faults, fault_kind kind) {
  std::int64_t most = 0;
  for (const auto& one : faults) {
    const auto active = std::ranges::count_if(faults, [&](const fault& f) {
      return f.kind == kind && f.start <= one.start && one.start <= f.start + f.length;
    });
    most = std::max<std::int64_t>(most, active);
  }
  return most;
}

/// Leases in some schedules; where they are read on, clocks keep the bound that was declared. Two
/// that drift apart by half of it each differ by no more than it, and drifts of one time add up.
void draw_leases(dice& d, schedule& s) {
  if (!s.core.check_quorum || !d.percent(40)) return;
  s.core.lease_reads = true;
  s.core.max_clock_drift = static_cast<std::uint64_t>(d.scaled(1000, 400'000));
  s.work.lease_reads = static_cast<std::uint32_t>(d.between(10, 100));
  const auto at_once = std::max<std::int64_t>(most_at_once(s.faults, fault_kind::drift), 1);
  const auto most = static_cast<std::int64_t>(s.core.max_clock_drift) / 2 / at_once;
  for (auto& f : s.faults) {
    if (f.kind == fault_kind::drift) f.strength = std::clamp(f.strength, -most, most);
    if (f.kind == fault_kind::clock_leap) f.kind = fault_kind::wall_leap;
  }
}

std::vector<fault_kind> every_kind() {
  std::vector<fault_kind> all;
  for (std::size_t i = 0; i < fault_kinds; ++i) all.push_back(static_cast<fault_kind>(i));
  return all;
}

}  // namespace

schedule draw_schedule(std::uint64_t seed, const swarm_limits& limits) {
  dice d(seed);
  schedule s;
  s.seed = d.next();
  const auto drawn_nodes = draw_nodes(d);
  s.nodes = limits.nodes.value_or(drawn_nodes);
  s.length = limits.length;
  s.world = draw_surroundings(d);
  s.core = draw_core(d, s.world.link_latency + s.world.flush_latency);
  s.work = draw_workload(d, s.core.election_timeout_max);
  s.snapshots = draw_snapshots(d);
  s.sessions = draw_sessions(d);
  s.churn = draw_churn(d, s.nodes, limits.churn);

  fault_source source(d, s, limits.kinds.empty() ? every_kind() : limits.kinds);
  const auto wanted = d.between(static_cast<std::int64_t>(limits.least_faults),
                                static_cast<std::int64_t>(limits.most_faults));
  const auto count = (wanted * limits.length + std::chrono::seconds(59)) / std::chrono::seconds(60);
  for (std::int64_t i = 0; i < count && source.has_any(); ++i) s.faults.push_back(source.draw());
  std::ranges::stable_sort(s.faults, {}, &fault::start);
  draw_leases(d, s);
  return s;
}

}  // namespace mainstay::simulation
