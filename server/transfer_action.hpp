/// The admin port's action on leadership: handing it over.
#pragma once

#include <string>

#include "server/admin_actions.hpp"

namespace mainstay::server {

/// POST: hands leadership to the node that the body names as `{"to": N}`, or to the best voter when
/// the body is empty or names none; answers `{"leader": N}` once it is known to lead.
void hand_over(gateway& cluster, const std::string& body, instant deadline, admin_done done);

/// Reads the body of such a request; no id: whoever is best. Errors: `invalid_argument`.
result<node_id> read_transfer_request(const std::string& body);

}  // namespace mainstay::server
