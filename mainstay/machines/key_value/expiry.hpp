/// From the times that clients say to deadlines, with Redis's rules for what is refused. It knows
/// no keys.
#pragma once

#include <cstdint>
#include <string_view>

#include "mainstay/machines/key_value/command.hpp"
#include "mainstay/machines/key_value/table_memory.hpp"

namespace mainstay::keyspace {

/// The answer to a `set` whose time cannot be.
inline constexpr std::string_view invalid_time_of_set = "ERR invalid expire time in 'set' command";
/// The same for `get_and_expire`.
inline constexpr std::string_view invalid_time_of_get =
    "ERR invalid expire time in 'getex' command";
/// The same for `expire`, which clients know by four names.
std::string_view invalid_time_of_expire(expiry_time time);

/// The deadline that a value gets. Nothing when the number is not above zero, or the deadline would
/// not fit. `now` in milliseconds.
deadline deadline_to_set(expiry_time time, std::int64_t now);

/// The deadline that a key is to get, which may lie in the past. Nothing when it would not fit.
deadline deadline_to_expire(expiry_time time, std::int64_t now);

}  // namespace mainstay::keyspace
