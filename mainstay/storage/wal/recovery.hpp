/// Reads a directory back into the state that the log continues from, and refuses what was damaged
/// (docs/formats/wal.md, "Recovery"). It changes nothing on the disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/group_index.hpp"
#include "mainstay/storage/wal/segment.hpp"

namespace mainstay::wal {

/// A segment with batches, and the highest index that each group has in it.
struct used_segment {
  std::shared_ptr<segment> source;
  std::vector<std::pair<group_id, log_index>> highest;
};

/// The group's entries in this segment do not count any more.
inline void forget_entries(used_segment& in, group_id group) {
  std::erase_if(in.highest, [group](const auto& one) { return one.first == group; });
}

/// What a directory holds.
struct recovered_log {
  wal::identity identity;         ///< of the files; zeros when there are none
  bool has_batches = false;       ///< false: nothing was ever reported durable
  core::configuration bootstrap;  ///< meaningless without batches
  std::map<group_id, group_index> groups;
  std::vector<used_segment> segments;              ///< those with batches; the last one goes on
  std::vector<std::shared_ptr<segment>> prepared;  ///< without batches, behind the others
  position last_batch;                             ///< the newest batch, which nothing proves
  position end;                                    ///< behind it; the next batch goes here
  std::uint64_t chain = 0;                         ///< checksum of the last record
  std::vector<std::uint64_t> spares;               ///< files that may be recycled
  std::vector<std::uint64_t> leftovers;            ///< dropped segments whose files came back
  std::vector<std::uint64_t> unfinished;           ///< preparations that were interrupted
};

/// Reads the whole log. `expected` is whose directory it has to be; its incarnation is not looked
/// at. Errors: `corrupt`, `wrong_identity`, `unsupported`, `io_failed`.
result<recovered_log> recover_log(file_system& files, const std::string& directory,
                                  const identity& expected);

}  // namespace mainstay::wal
