/// Which engine a data directory is of. Every engine asks before it opens one, so that none begins
/// an empty log beside the one that another has left.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/storage/wal/file_system.hpp"

namespace mainstay::wal {

/// The engines; `memory` leaves nothing in a directory.
enum class engine_kind : std::uint8_t { wal, rocksdb, memory };

/// The name that `--persistence` has for it.
std::string_view name_of(engine_kind engine);
/// The folder of a RocksDB database in a data directory.
inline constexpr std::string_view database_folder = "rocksdb";

/// Errors: `wrong_identity` when what lies there is of another engine than `ours`, naming both;
/// `io_failed`.
result<void> refuse_other_engine(file_system& files, const std::string& directory,
                                 engine_kind ours);

}  // namespace mainstay::wal
