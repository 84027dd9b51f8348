/// The sub-command recover: looks at what a lost cluster's surviving node holds, and makes it a new
/// cluster of one. Offline; docs/operations.md says when, and what is lost.
#pragma once

#include <cstdint>
#include <string>

#include "mainstay/storage/wal/file_system.hpp"

#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `recover`.
struct recover_options {
  std::string directory;
  bool force = false;         ///< without it the command only looks
  std::string address;        ///< where the node will be reached; empty: as before
  std::uint64_t cluster = 0;  ///< the new cluster's id; 0: drawn
  std::uint64_t seed = 0;     ///< of what is drawn
};

/// `usage` when it cannot be done, `damaged` when the directory does not hold, `io_failed` also
/// when a node is running on it; then the directory is as it was.
exit_code run_recover(const recover_options& options, wal::file_system& files, const output& to);

}  // namespace mainstay::cli
