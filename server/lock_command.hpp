/// MAINSTAY LOCK, UNLOCK and HOLDER: locks with fencing tokens and a fair queue. Pure code.
#pragma once

#include <expected>
#include <string>

#include "server/limits.hpp"
#include "server/translate.hpp"

namespace mainstay::server {

/// The command that the arguments, its name first, begin: of two words when it is one of these
/// three, else that of the first word; null when there is none.
const command_entry* command_of(argument_list arguments);

/// Whether a command is one of the three.
bool is_lock_command(command_name name);

/// Encodes one of them. Precondition: the number of arguments fits the entry. The error is a
/// reply's text.
std::expected<shared_bytes, std::string> translate_lock(const command_entry& entry,
                                                        argument_list arguments,
                                                        const server_limits& limits);

}  // namespace mainstay::server
