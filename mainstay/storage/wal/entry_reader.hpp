/// Reads entries back from segments, checking every byte again. A plan is made where the index
/// lives; carrying it out needs only the plan, so it can happen on another thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/storage/wal/group_index.hpp"
#include "mainstay/storage/wal/segment.hpp"

namespace mainstay::wal {

/// A stretch with the file that it lies in.
struct planned_stretch {
  entry_stretch stretch;
  std::shared_ptr<const segment> source;
};

/// Entries [first, last] of a group, as many as fit into `max_bytes` but at least one.
struct read_plan {
  group_id group;
  log_index first;
  log_index last;
  std::uint64_t max_bytes = 0;
  std::vector<planned_stretch> stretches;
};

/// Carries out a plan. The payloads are slices of the blocks that were read. Errors: `corrupt` with
/// file, offset and index; `io_failed`.
result<std::vector<core::entry>> read_entries(const read_plan& plan);

}  // namespace mainstay::wal
