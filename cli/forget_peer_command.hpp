/// The sub-command forget-peer: makes a node, while it is down, believe the next disk that comes
/// under a peer's id. It changes one file of the data directory and talks to nobody.
#pragma once

#include <cstdint>
#include <string>

#include "mainstay/storage/wal/file_system.hpp"

#include "cli/output.hpp"

namespace mainstay::cli {

/// Of `forget-peer`.
struct forget_peer_options {
  std::string directory;
  std::uint64_t node = 0;  ///< the peer
};

/// Removes what the directory knows of the peer's disk. `not_found` when it knows none, `damaged`
/// when the file does not hold, `io_failed` when the directory is in use or cannot be read or
/// written; then nothing has changed.
exit_code run_forget_peer(const forget_peer_options& options, wal::file_system& files,
                          const output& to);

}  // namespace mainstay::cli
