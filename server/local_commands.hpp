/// The commands that a connection answers by itself: PING, HELLO, CLIENT, COMMAND, CONFIG, INFO and
/// the like. None of them touches the data.
#pragma once

#include <string>

#include "server/session.hpp"

namespace mainstay::server {

/// One command to be answered.
struct local_command {
  session& client;
  session_context& context;
  const command_entry& entry;
  argument_list arguments;
};

/// Appends the reply. Precondition: the entry is `local` and the number of arguments fits it.
void run_local_command(const local_command& command, std::string& out);

}  // namespace mainstay::server
