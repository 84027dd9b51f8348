#include "mainstay/simulation/simulated_world.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::simulation {

namespace {

/// Where wall clocks stand when a world begins: some day in 2026.
constexpr std::int64_t first_microsecond = 1'780'000'000'000'000;

std::string address_of(node_id id) { return "node-" + std::to_string(id.value()); }

duration draw_below(random_generator& random, duration limit) {
  return duration(
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(limit.count()) + 1)));
}

}  // namespace

std::string_view name_of(node_presence presence) {
  switch (presence) {
    case node_presence::down:
      return "down";
    case node_presence::up:
      return "up";
    case node_presence::paused:
      return "paused";
    case node_presence::wiped:
      return "wiped";
  }
  return "unnamed";
}

core::configuration joining(core::configuration members, node_id self, log_index joined) {
  std::erase_if(members.voters, [self](const auto& m) { return m.id == self; });
  members.outgoing_voters.clear();
  members.learners = {{.id = self, .address = address_of(self), .joined = joined}};
  members.change_id = 0;
  return members;
}

simulated_world::simulated_world(cluster_settings settings)
    : settings_(std::move(settings)), random_(settings_.seed), network_(events_, random_.next()) {
  if (settings_.voters == 0) settings_.voters = settings_.nodes;
  core::configuration first;
  for (std::uint64_t i = 1; i <= settings_.voters; ++i) {
    first.voters.push_back({node_id(i), address_of(node_id(i))});
  }
  for (std::uint64_t i = 1; i <= settings_.nodes; ++i) {
    const duration offset = draw_below(random_, settings_.clock_offset);
    const duration wall = draw_below(random_, settings_.wall_offset);
    const log_time wall_now{first_microsecond + wall.count() / 1000};
    computers_.push_back(std::make_unique<computer>(
        events_, node_id(i), simulated_clock(events_.now(), offset, wall_now), make_disk()));
    computers_.back()->members = first.contains(node_id(i)) ? first : joining(first, node_id(i));
    network_.add_node(node_id(i), computers_.back()->execution);
  }
  network_.set_all(settings_.links);
}

std::unique_ptr<simulated_disk> simulated_world::make_disk() {
  auto disk = std::make_unique<simulated_disk>(random_.next());
  disk->settings = settings_.disks;
  return disk;
}

computer& simulated_world::at(node_id id) {
  MAINSTAY_ASSERT(id && id.value() <= computers_.size());
  return *computers_[id.value() - 1];
}

const computer& simulated_world::at(node_id id) const {
  MAINSTAY_ASSERT(id && id.value() <= computers_.size());
  return *computers_[id.value() - 1];
}

node_options simulated_world::options_of(node_id id) const {
  node_options options = settings_.options;
  options.id = id;
  options.members = at(id).members;
  options.core.max_command_bytes =
      std::min(options.core.max_command_bytes, settings_.segment_bytes / 4);
  return options;
}

void simulated_world::note_failure(node_id id, const error& why) {
  at(id).problem = why;
  failures_.push_back({id, events_.now(), why});
}

}  // namespace mainstay::simulation
