/// The numbers of the replicated log's commands and queries, for the files of this folder only.
#pragma once

#include <cstdint>

namespace mainstay::replicated_log_format {

/// The first field of each.
enum operation : std::uint64_t {
  now = 1,      ///< 0, 0, record: append at the log's time
  at_time = 2,  ///< milliseconds, 0, record
  at_id = 3,    ///< milliseconds, sequence, record
  trim = 4,     ///< how many records stay
  range = 5,    ///< first id, last id, at most so many
  count = 6,
};

}  // namespace mainstay::replicated_log_format
