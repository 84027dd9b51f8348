/// `mainstayctl snapshot save`: has nodes save snapshots of their state.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace mainstay::cli {

/// Has the node behind every admin port save one, one after the other, and tells of each. The exit
/// status is that of the first failure.
exit_code run_snapshot_save(const common_options& common, const output& to);

}  // namespace mainstay::cli
