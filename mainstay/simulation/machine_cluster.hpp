/// The part of the test kit that runs a machine on whole nodes, under the faults of a seed.
#pragma once

#include <cstdint>

#include "mainstay/simulation/machine_check.hpp"

namespace mainstay::simulation {

/// Runs one seed and adds to the report what was tried. Throws `machine_finding` for what is wrong.
void check_in_cluster(const detail::machine_maker& make, const machine_subject& subject,
                      std::uint64_t seed, const machine_check_options& options,
                      machine_report& report);

}  // namespace mainstay::simulation
