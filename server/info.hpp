/// The text of INFO: sections of `name:value` lines, as Redis has them.
#pragma once

#include <string>
#include <string_view>

#include "server/gateway.hpp"
#include "server/session.hpp"

namespace mainstay::server {

/// The section asked for, in small letters; all of them for "all", "default" and "everything".
std::string info_text(std::string_view section, const status_report& status,
                      const server_counters& counters);

}  // namespace mainstay::server
