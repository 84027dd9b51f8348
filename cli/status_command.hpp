/// The sub-command status: asks every admin port at once and prints the cluster as one table.
#pragma once

#include "cli/options.hpp"
#include "cli/output.hpp"

namespace mainstay::cli {

/// Asks and prints; see `verdict_on` for the exit status.
exit_code run_status(const common_options& common, const output& to);

}  // namespace mainstay::cli
