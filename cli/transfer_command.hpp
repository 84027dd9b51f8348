/// `mainstayctl transfer`: has the leader hand over.
#pragma once

#include <cstdint>

#include "cli/exit_code.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `transfer`.
struct transfer_options {
  std::uint64_t to = 0;  ///< 0: whoever is best
};

/// Asks the admin ports in turn until the leader is found, and tells who leads then, or why
/// leadership stayed where it was.
exit_code run_transfer(const common_options& common, const transfer_options& options,
                       const output& to);

}  // namespace mainstay::cli
