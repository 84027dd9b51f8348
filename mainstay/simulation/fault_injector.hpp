/// Brings the faults of a schedule upon a simulated cluster, and sees to it that nodes come back:
/// it stands for the weather, the hardware and the supervisor of the processes. It judges nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/random.hpp"
#include "mainstay/simulation/fault_effects.hpp"
#include "mainstay/simulation/schedule.hpp"
#include "mainstay/simulation/simulated_world.hpp"

namespace mainstay::simulation {

/// What the injector tells, all optional.
struct fault_listener {
  std::function<void(const active_fault&)> begins;
  std::function<void(const active_fault&)> ends;
  /// A node is lost for good from now on.
  std::function<void(node_id)> lost;
  /// A node that is not lost could not start, or stopped by itself.
  std::function<void(node_id, const error&)> failed;
  /// A disk operation.
  std::function<void(node_id, const finished_operation&)> disk;
};

/// `Cluster` is a `simulated_cluster`. All must outlive the last event of the cluster.
template <class Cluster>
class fault_injector {
 public:
  fault_injector(Cluster& cluster, const schedule& plan, fault_listener listener)
      : cluster_(cluster),
        plan_(plan),
        listener_(std::move(listener)),
        random_(plan.seed ^ 0x6661756c7473ULL),
        nodes_(plan.nodes) {}
  fault_injector(const fault_injector&) = delete;
  fault_injector& operator=(const fault_injector&) = delete;

  /// Sets everything up to happen, counted from now.
  void start() {
    for (const auto id : cluster_.ids()) watch_disk(id);
    const auto beginning = cluster_.now();
    for (const auto& f : plan_.faults) {
      cluster_.at(beginning + f.start, [this, &f] { begin(f); });
    }
    look_after();
  }

  /// Ends all faults, lets none begin, and has every node run that is not lost.
  void heal() {
    healed_ = true;
    for (const auto& one : active_) tell(listener_.ends, one);
    active_.clear();
    cluster_.network().heal();
    for (const auto id : cluster_.ids()) heal(id);
    apply_weather();
  }

  /// A node that is no member any more gets an empty disk, and comes back as another one.
  void replace_disk(node_id id, const core::configuration& members, log_index joined) {
    auto& node = at(id);
    tell(listener_.lost, id);
    node.damaged = node.lost = node.crashes_in_disk_work = false;
    node.crashes_in_recovery.reset();
    cluster_.replace_disk(id, members, joined);
    revive_later(id);
  }

  /// Whether a node is lost, or will be once it goes down.
  bool is_lost(node_id id) const { return at(id).damaged || at(id).lost; }
  std::uint64_t lost_nodes() const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(nodes_, [](const auto& n) { return n.damaged || n.lost; }));
  }
  /// How many faults have begun, by kind; those that found nobody to strike do not count.
  const std::array<std::uint64_t, fault_kinds>& begun() const { return begun_; }

 private:
  struct node_state {
    int holds = 0;         // faults that keep it down
    bool damaged = false;  // its disk lies: it must not come back once it goes down
    bool lost = false;
    bool crashes_in_disk_work = false;
    std::optional<std::uint32_t> crashes_in_recovery;  // so far into it, in a million
    duration outage{};                                 // after such a crash
    std::int64_t drift = 0;
  };

  node_state& at(node_id id) { return nodes_[id.value() - 1]; }
  const node_state& at(node_id id) const { return nodes_[id.value() - 1]; }

  void begin(const fault& f) {
    if (healed_) return;
    auto one = resolve(f, cluster_.leader(), plan_.nodes);
    one.ends = cluster_.now() + f.length;
    if (loses_node(f.kind)) {
      std::erase_if(one.nodes, [this](node_id id) { return !can_lose(id); });
    }
    if (one.nodes.empty() && one.edges.empty()) return;
    ++begun_[static_cast<std::size_t>(f.kind)];
    tell(listener_.begins, one);
    for (const auto id : one.nodes) strike_node(id, one);
    if (f.kind == fault_kind::reset) {
      for (const auto& [from, to] : one.edges) cluster_.network().reset(from, to);
    }
    active_.push_back(std::move(one));
    apply_weather();
    cluster_.at(active_.back().ends, [this, &f] { end(f); });
  }

  void end(const fault& f) {
    const auto found =
        std::ranges::find_if(active_, [&f](const auto& one) { return one.what == &f; });
    if (found == active_.end()) return;  // it was healed
    const auto one = std::move(*found);
    active_.erase(found);
    tell(listener_.ends, one);
    for (const auto id : one.nodes) release_node(id, f.kind);
    apply_weather();
  }

  bool can_lose(node_id id) const { return is_lost(id) || lost_nodes() < spare_nodes(plan_.nodes); }

  void strike_node(node_id id, const active_fault& one) {
    const auto strength = one.what->strength;
    switch (one.what->kind) {
      case fault_kind::crash:
        return take_down(id, [this, id] { cluster_.crash(id); });
      case fault_kind::crash_in_recovery:
        at(id).crashes_in_recovery = static_cast<std::uint32_t>(strength);
        return take_down(id, [this, id] { cluster_.crash(id); });
      case fault_kind::kill:
        return take_down(id, [this, id] { cluster_.kill(id); });
      case fault_kind::restart:
        return take_down(id, [this, id] { cluster_.stop(id); });
      case fault_kind::crash_in_disk_work:
        at(id).crashes_in_disk_work = true;
        at(id).outage = one.what->length;
        return;
      case fault_kind::pause:
        return cluster_.pause(id);
      case fault_kind::wipe:
        return lose(id);
      case fault_kind::clock_leap:
        return cluster_.leap_clock(id, std::chrono::microseconds(strength));
      case fault_kind::wall_leap:
        return cluster_.leap_wall_clock(id, std::chrono::microseconds(strength));
      default:
        return strike_disk(id, one.what->kind, strength);
    }
  }

  void strike_disk(node_id id, fault_kind kind, std::int64_t strength) {
    auto& disk = cluster_.disk(id);
    const auto count = static_cast<std::uint32_t>(strength);
    switch (kind) {
      case fault_kind::full_disk:
        disk.capacity = disk.used_bytes() + count;
        return;
      case fault_kind::bit_rot:
        at(id).damaged = true;
        disk.rot(count);
        return;
      case fault_kind::lost_write:
        at(id).damaged = true;
        return disk.fail_next(disk_fault::lost_write, count);
      case fault_kind::misdirected_write:
        at(id).damaged = true;
        return disk.fail_next(disk_fault::misdirected_write, count);
      default:
        return;
    }
  }

  void release_node(node_id id, fault_kind kind) {
    switch (kind) {
      case fault_kind::crash:
      case fault_kind::crash_in_recovery:
      case fault_kind::kill:
      case fault_kind::restart:
        return let_up(id);
      case fault_kind::pause:
        if (!is_under(id, fault_kind::pause)) cluster_.resume(id);
        return;
      case fault_kind::full_disk:
        if (!is_under(id, fault_kind::full_disk)) cluster_.disk(id).capacity.reset();
        return;
      default:
        return;
    }
  }

  bool is_under(node_id id, fault_kind kind) const {
    return std::ranges::any_of(active_, [&](const auto& one) {
      return one.what->kind == kind && std::ranges::find(one.nodes, id) != one.nodes.end();
    });
  }

  /// Links, disks and clocks as all active faults together make them.
  void apply_weather() {
    cluster_.network().set_all(links_of(plan_.world));
    for (const auto& one : active_) {
      for (const auto& [from, to] : one.edges) strike(cluster_.network().link(from, to), one);
    }
    for (const auto id : cluster_.ids()) {
      auto settings = disks_of(plan_.world);
      std::int64_t drift = 0;
      for (const auto& one : active_) {
        if (std::ranges::find(one.nodes, id) == one.nodes.end()) continue;
        strike(settings, one);
        if (one.what->kind == fault_kind::drift) drift += one.what->strength;
      }
      cluster_.disk(id).settings = settings;
      if (std::exchange(at(id).drift, drift) != drift) {
        cluster_.set_drift(id, std::clamp<std::int64_t>(drift, -500'000, 500'000));
      }
    }
  }

  // ---- Nodes that go and come -------------------------------------------------------------------

  template <class Action>
  void take_down(node_id id, Action action) {
    ++at(id).holds;
    action();
    if (at(id).damaged) lose(id);
  }

  void let_up(node_id id) {
    if (--at(id).holds == 0) revive(id);
  }

  void revive(node_id id) {
    auto& node = at(id);
    if (node.damaged) return lose(id);
    if (node.lost || node.holds > 0) return;
    const auto crash = std::exchange(node.crashes_in_recovery, std::nullopt);
    const auto started = crash ? cluster_.crash_in_recovery(id, *crash) : cluster_.start(id);
    if (!started) tell(listener_.failed, id, started.error());
    if (!started || crash) revive_later(id);
  }

  void revive_later(node_id id) {
    cluster_.at(cluster_.now() + restart_delay, [this, id] {
      if (cluster_.presence(id) == node_presence::down) revive(id);
    });
  }

  void lose(node_id id) {
    auto& node = at(id);
    if (std::exchange(node.lost, true)) return;
    cluster_.wipe(id);
    tell(listener_.lost, id);
  }

  /// Restarts every node that has stopped by itself, for ever.
  void look_after() {
    for (const auto id : cluster_.ids()) {
      const auto& problem = cluster_.problem(id);
      const bool runs = cluster_.presence(id) == node_presence::up;
      if (!runs || !problem || at(id).lost) continue;
      if (!at(id).damaged) tell(listener_.failed, id, *problem);
      cluster_.kill(id);
      if (at(id).damaged) {
        lose(id);
      } else {
        revive_later(id);
      }
    }
    cluster_.at(cluster_.now() + restart_delay, [this] { look_after(); });
  }

  void heal(node_id id) {
    auto& node = at(id);
    node.holds = 0;
    node.crashes_in_disk_work = false;
    node.crashes_in_recovery.reset();
    if (node.damaged) lose(id);
    if (node.lost) return;
    auto& disk = cluster_.disk(id);
    disk.capacity.reset();
    cluster_.resume(id);
    if (cluster_.presence(id) == node_presence::down) revive(id);
  }

  void watch_disk(node_id id) {
    cluster_.disk(id).observer = [this, id](const finished_operation& operation) {
      tell(listener_.disk, id, operation);
      auto& node = at(id);
      const bool runs = cluster_.presence(id) == node_presence::up;
      if (!node.crashes_in_disk_work || !runs || healed_) return;
      node.crashes_in_disk_work = false;
      const auto span =
          static_cast<std::uint64_t>((operation.time.ends - operation.time.begins).count());
      const auto when =
          operation.time.begins + duration(static_cast<std::int64_t>(random_.below(span + 1)));
      cluster_.at(std::max(when, cluster_.now()), [this, id] { crash_now(id); });
    };
  }

  void crash_now(node_id id) {
    if (healed_ || at(id).lost) return;
    take_down(id, [this, id] { cluster_.crash(id); });
    cluster_.at(cluster_.now() + at(id).outage, [this, id] {
      if (!healed_) let_up(id);
    });
  }

  template <class Function, class... Arguments>
  static void tell(const Function& whom, const Arguments&... arguments) {
    if (whom) whom(arguments...);
  }

  static constexpr duration restart_delay = std::chrono::milliseconds(100);

  Cluster& cluster_;
  const schedule& plan_;
  fault_listener listener_;
  random_generator random_;
  std::vector<node_state> nodes_;
  std::vector<active_fault> active_;
  std::array<std::uint64_t, fault_kinds> begun_{};
  bool healed_ = false;
};

}  // namespace mainstay::simulation
