/// What mainstayd replicates beside the commands of the key-value machine: those of logs by key,
/// and of locks (docs/formats/server_machine.md). The first byte tells which machine a command is
/// for.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/machines/replicated_log/replicated_log.hpp"

namespace mainstay::server {

/// The first byte of a command. What begins with anything else is the key-value machine's to
/// refuse.
enum class command_family : std::uint8_t { key_value = 1, log = 2, lock = 3 };

/// What to do with a log. Below 32 are those that change something.
enum class log_operation : std::uint8_t {
  add = 1,      ///< flags, most, the machine's own append → bytes: the id, or nil
  trim = 2,     ///< most → integer: how many went
  length = 32,  ///< → integer
  range = 33,   ///< from, to, count → array of arrays: id, array of the record's fields
};

/// Of `log_operation::add`.
enum log_flags : std::uint64_t {
  only_existing = 1,  ///< NOMKSTREAM: nil when there is no log under the key
};

/// No limit to the records of a log.
inline constexpr std::uint64_t any_length = std::numeric_limits<std::uint64_t>::max();

/// Appends to the log under a key, which is made if need be, and keeps its newest `most` records.
/// `append` is a command of `replicated_log`.
shared_bytes add_to_log(std::string_view key, std::uint64_t flags, std::uint64_t most,
                        const shared_bytes& append);
shared_bytes trim_log(std::string_view key, std::uint64_t most);
shared_bytes length_of_log(std::string_view key);
shared_bytes range_of_log(std::string_view key, record_id from, record_id to, std::uint64_t count);

/// What to do with a lock. Below 32 are those that change something.
enum class lock_operation : std::uint8_t {
  change = 1,  ///< a command of `distributed_lock`
  look = 32,   ///< a query of it
};

/// A command of `distributed_lock`.
shared_bytes change_lock(const shared_bytes& command);
/// A query of it.
shared_bytes look_at_lock(const shared_bytes& query);

}  // namespace mainstay::server
