#include "mainstay/simulation/simulated_world.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::simulation {

namespace {

/// Where wall clocks stand when a world begins: some day in 2026.
constexpr std::int64_t first_microsecond = 1'780'000'000'000'000;

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

simulated_world::simulated_world(cluster_settings settings)
    : settings_(std::move(settings)), random_(settings_.seed), network_(events_, random_.next()) {
  for (std::uint64_t i = 1; i <= settings_.nodes; ++i) {
    members_.voters.push_back({node_id(i), "node-" + std::to_string(i)});
    const duration offset = draw_below(random_, settings_.clock_offset);
    const duration wall = draw_below(random_, settings_.wall_offset);
    const log_time wall_now{first_microsecond + wall.count() / 1000};
    auto disk = std::make_unique<simulated_disk>(random_.next());
    disk->settings = settings_.disks;
    computers_.push_back(std::make_unique<computer>(
        events_, node_id(i), simulated_clock(events_.now(), offset, wall_now), std::move(disk)));
    network_.add_node(node_id(i), computers_.back()->execution);
  }
  network_.set_all(settings_.links);
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
  options.members = members_;
  options.core.max_command_bytes =
      std::min(options.core.max_command_bytes, settings_.segment_bytes / 4);
  return options;
}

void simulated_world::note_failure(node_id id, const error& why) {
  at(id).problem = why;
  failures_.push_back({id, events_.now(), why});
}

}  // namespace mainstay::simulation
