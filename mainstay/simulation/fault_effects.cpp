#include "mainstay/simulation/fault_effects.hpp"

#include <algorithm>

namespace mainstay::simulation {

namespace {

constexpr std::uint32_t million = 1'000'000;

void add(std::uint32_t& per_million, std::int64_t strength) {
  per_million = std::min(million, per_million + static_cast<std::uint32_t>(strength));
}

}  // namespace

link_settings links_of(const surroundings& world) {
  link_settings links;
  links.latency = world.link_latency;
  links.jitter = world.link_jitter;
  return links;
}

disk_settings disks_of(const surroundings& world) {
  disk_settings disks;
  disks.write_latency = world.write_latency;
  disks.flush_latency = world.flush_latency;
  return disks;
}

void strike(link_settings& weather, const active_fault& one) {
  const auto strength = one.what->strength;
  switch (one.what->kind) {
    case fault_kind::loss:
      return add(weather.lost_per_million, strength);
    case fault_kind::duplication:
      return add(weather.duplicated_per_million, strength);
    case fault_kind::reordering:
      return add(weather.reordered_per_million, strength);
    case fault_kind::spikes:
      return add(weather.spikes_per_million, strength);
    case fault_kind::delay:
      weather.latency += std::chrono::microseconds(strength);
      weather.jitter += std::chrono::microseconds(strength);
      return;
    case fault_kind::slow_link: {
      const auto rate = static_cast<std::uint64_t>(strength);
      const auto before = weather.bytes_per_second;
      weather.bytes_per_second = before == 0 ? rate : std::min(before, rate);
      return;
    }
    case fault_kind::stalled_link:
      weather.stalled_until = std::max(weather.stalled_until, one.ends);
      return;
    case fault_kind::partition:
    case fault_kind::one_way_partition:
    case fault_kind::partial_partition:
      weather.cut = true;
      return;
    default:
      return;
  }
}

void strike(disk_settings& settings, const active_fault& one) {
  const auto strength = one.what->strength;
  switch (one.what->kind) {
    case fault_kind::slow_disk:
      settings.slowness = std::max(settings.slowness, static_cast<std::uint32_t>(strength));
      return;
    case fault_kind::stalled_disk:
      settings.stalled_until = std::max(settings.stalled_until, one.ends);
      return;
    case fault_kind::flush_error:
      return add(settings.rate(disk_fault::flush_error), strength);
    case fault_kind::write_error:
      return add(settings.rate(disk_fault::write_error), strength);
    case fault_kind::read_error:
      return add(settings.rate(disk_fault::read_error), strength);
    default:
      return;
  }
}

active_fault resolve(const fault& what, node_id leader, std::uint64_t nodes) {
  const auto resolved = [leader](node_id id) { return id == the_leader ? leader : id; };
  const auto is_there = [nodes](node_id id) { return id && id.value() <= nodes; };
  active_fault one{&what, {}, {}, {}};
  for (const auto id : what.nodes) {
    if (is_there(resolved(id))) one.nodes.push_back(resolved(id));
  }
  for (const auto& [from, to] : what.edges) {
    const edge found{resolved(from), resolved(to)};
    const bool whole = is_there(found.first) && is_there(found.second);
    if (whole && found.first != found.second) one.edges.push_back(found);
  }
  return one;
}

}  // namespace mainstay::simulation
