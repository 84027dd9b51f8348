/// MAINSTAY SESSION: what clients say of sessions in the log (thesis §6.3), which are not the
/// conversations of session.hpp: they outlive connections.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "mainstay/node/session_request.hpp"

#include "server/translate.hpp"

namespace mainstay::server {

/// One of the four.
struct session_command {
  enum class kind : std::uint8_t {
    open,     ///< OPEN: a new session, which the connection is then bound to
    use,      ///< USE id: binds the connection to a session that was opened before
    execute,  ///< EXEC serial[/lowest] command…: a command within the session
    close,    ///< CLOSE: ends the session
  };
  kind what = kind::open;
  session_id session = 0;            ///< of `use`
  std::uint64_t serial = 0;          ///< of `execute`
  std::uint64_t lowest_waiting = 0;  ///< of `execute`
  argument_list arguments;           ///< of `execute`: the command with its name, never empty
};

/// Whether the arguments, MAINSTAY included, begin one.
bool is_session_command(argument_list arguments);

/// Reads what follows MAINSTAY SESSION. Errors: the text of the reply.
std::expected<session_command, std::string> parse_session_command(argument_list arguments);

}  // namespace mainstay::server
