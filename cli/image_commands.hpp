/// The sub-commands snapshot inspect and snapshot restore: look at images, and make the node of a
/// new cluster from one. Both offline; they talk to nobody.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mainstay/storage/wal/file_system.hpp"

#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `snapshot inspect`.
struct snapshot_inspect_options {
  std::string path;  ///< an image, or a directory with images
};

/// Checks every image there and prints what it says. `damaged` when one does not hold, `not_found`
/// for a directory without images, `io_failed` when something cannot be read.
exit_code run_snapshot_inspect(const snapshot_inspect_options& options, wal::file_system& files,
                               const output& to);

/// Of `snapshot restore`.
struct snapshot_restore_options {
  std::string image;
  std::string directory;
  std::uint64_t node = 0;
  std::vector<std::string> members;  ///< "ID=HOST:PORT", the voters of the new cluster
  std::uint64_t cluster = 0;         ///< its id; 0: that of `seed`
  std::uint64_t seed = 0;            ///< of ids that are drawn
};

/// Makes a data directory. `usage` when the options contradict each other or the directory is used,
/// `damaged` when the image does not hold, `io_failed` for the rest.
exit_code run_snapshot_restore(const snapshot_restore_options& options, wal::file_system& files,
                               const output& to);

}  // namespace mainstay::cli
