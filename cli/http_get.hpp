/// One GET over HTTP/1.1 with a deadline, for the admin port. Not a client for the web: no
/// redirects, no TLS, at most 1 MiB.
#pragma once

#include <chrono>
#include <string>

#include "mainstay/base/error.hpp"

#include "cli/endpoint.hpp"

namespace mainstay::cli {

/// The body of `path`. Errors: `unreachable`, `timed_out`, `disconnected`; `malformed` when the
/// status is not 200.
result<std::string> http_get(const endpoint& server, const std::string& path,
                             std::chrono::milliseconds timeout);

}  // namespace mainstay::cli
