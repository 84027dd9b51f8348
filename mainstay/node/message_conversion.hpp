/// Between the core's messages and the RPCs that transports carry: the same types in two variants.
#pragma once

#include "mainstay/core/messages.hpp"
#include "mainstay/seams/rpc.hpp"

namespace mainstay::detail {

/// Precondition: `core::is_request(m)`.
rpc_request to_request(core::message m);
/// Precondition: not `core::is_request(m)`.
rpc_response to_response(core::message m);
/// Precondition: not `forward_commands`.
core::message to_message(rpc_request request);
/// Precondition: not `forward_commands_response`.
core::message to_message(rpc_response response);

/// Such as "append_entries", for logs and metrics.
const char* name_of_rpc(const core::message& m);

}  // namespace mainstay::detail
