/// From Redis's commands to the key-value machine's. Pure code: it checks, says errors in Redis's
/// words, and encodes.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/shared_bytes.hpp"

#include "server/command_table.hpp"
#include "server/limits.hpp"

namespace mainstay::server {

/// A client's arguments; the first is the command's name.
using argument_list = std::span<const std::string_view>;

/// Encodes a command or query for the machine, into the arena. Preconditions: the entry is not
/// `local` and the number of arguments fits it. The error is a reply's text: "ERR syntax error".
std::expected<shared_bytes, std::string> translate(const command_entry& entry,
                                                   argument_list arguments, byte_arena& arena,
                                                   const server_limits& limits);

}  // namespace mainstay::server
