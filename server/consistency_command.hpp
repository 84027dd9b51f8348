/// MAINSTAY CONSISTENCY, TOKEN and WAIT: how fresh a client's reads are, and how it sees at one
/// node what it was answered by another. Pure code.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "server/gateway.hpp"
#include "server/translate.hpp"

namespace mainstay::server {

/// As a client says it: "bounded".
std::string_view name_of(consistency level);

/// Reads MAINSTAY CONSISTENCY level [milliseconds]; `level` and `max_age` are what is asked.
/// Errors: the text of the reply.
std::expected<read_terms, std::string> parse_consistency(argument_list arguments);

/// Whether the arguments, the command's name included, begin MAINSTAY TOKEN.
bool is_token_command(argument_list arguments);

/// Reads MAINSTAY TOKEN index. Errors: the text of the reply.
std::expected<log_index, std::string> parse_token(argument_list arguments);

/// What MAINSTAY WAIT waits for, and how long; 0: as long as any command.
struct wait_command {
  log_index index;
  duration patience{};
};

/// Whether the arguments, the command's name included, begin MAINSTAY WAIT.
bool is_wait_command(argument_list arguments);

/// Reads MAINSTAY WAIT index [milliseconds]. Errors: the text of the reply.
std::expected<wait_command, std::string> parse_wait_command(argument_list arguments);

}  // namespace mainstay::server
