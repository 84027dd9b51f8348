/// The numbers of the lock's commands, for the files of this folder only.
#pragma once

#include <cstdint>

namespace mainstay::distributed_lock_format {

/// The first field of each; a name and an owner follow.
enum operation : std::uint64_t {
  try_now = 1,  ///< milliseconds: acquire, or nothing
  wait = 2,     ///< milliseconds: acquire, or wait
  leave = 3,    ///< release
};

}  // namespace mainstay::distributed_lock_format
