/// Makes a schedule that shows a finding as small as it gets: shorter, with fewer faults, clients
/// and nodes. It knows of runs only whether they show the finding.
#pragma once

#include <cstdint>
#include <functional>

#include "mainstay/simulation/schedule.hpp"

namespace mainstay::sim {

/// Whether a schedule shows the finding, of the same kind.
using shows_finding = std::function<bool(const simulation::schedule&)>;

/// The smallest schedule that at most `most_runs` runs find; each candidate counts as one. Gives
/// `failing` itself when nothing smaller shows the finding. Faults are dropped by delta debugging
/// (Zeller and Hildebrandt, 2002).
simulation::schedule minimize(simulation::schedule failing, const shows_finding& shows,
                              std::uint64_t most_runs);

}  // namespace mainstay::sim
