/// The sub-command logdump: shows what is in a node's data directory, without a server and without
/// changing anything. It tells what the bytes say, not what a node would make of them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "mainstay/storage/wal/file_system.hpp"

#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `logdump`.
struct logdump_options {
  std::string directory;
  std::uint64_t group = 0;  ///< show only this group's records; 0: all
  std::uint64_t first_index = 0;
  std::uint64_t last_index = std::numeric_limits<std::uint64_t>::max();
  bool batches = false;  ///< show batch headers as well
  bool summary = false;  ///< no records, only the last lines
};

/// Prints segments and records, then a summary of each group. `damaged` when anything does not
/// hold, `io_failed` when the directory cannot be read.
exit_code run_logdump(const logdump_options& options, wal::file_system& files, const output& to);

}  // namespace mainstay::cli
