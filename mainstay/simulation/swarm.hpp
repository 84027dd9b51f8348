/// Draws schedules from seeds, as a swarm: each seed has its own cluster, workload and kinds of
/// fault at its own rates, because what every run has in common no run can find (Groce et al.,
/// "Swarm testing", 2012).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mainstay/simulation/schedule.hpp"

namespace mainstay::simulation {

/// What may be drawn.
struct swarm_limits {
  duration length = std::chrono::seconds(60);
  std::uint64_t least_faults = 50;  ///< for 60 s; in proportion for other lengths
  std::uint64_t most_faults = 120;
  std::optional<std::uint64_t> nodes;  ///< none: 1 to 7
  std::vector<fault_kind> kinds;       ///< empty: all
  std::uint32_t churn = 0;             ///< of a hundred seeds, how many have members come and go
};

/// The schedule of a seed. The same for the same limits, everywhere.
schedule draw_schedule(std::uint64_t seed, const swarm_limits& limits = {});

}  // namespace mainstay::simulation
