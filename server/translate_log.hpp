/// XADD, XTRIM, XLEN and XRANGE: from Redis's words to the commands of logs. Pure code.
#pragma once

#include <expected>
#include <string>

#include "server/translate.hpp"

namespace mainstay::server {

/// Whether a command is one of the four.
bool is_log_command(command_name name);

/// Encodes one of them. Precondition: the number of arguments fits the entry. The error is a
/// reply's text.
std::expected<shared_bytes, std::string> translate_log(const command_entry& entry,
                                                       argument_list arguments);

}  // namespace mainstay::server
