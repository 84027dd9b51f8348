/// One exchange over HTTP/1.1 with a deadline, for the admin port. Not a client for the web: no
/// redirects, no TLS, at most 1 MiB.
#pragma once

#include <chrono>
#include <string>

#include "mainstay/base/error.hpp"

#include "cli/endpoint.hpp"

namespace mainstay::cli {

/// What is asked; a body is JSON.
struct http_question {
  std::string method = "GET";
  std::string path;
  std::string body;
};

/// What came back, whatever the status.
struct http_reply {
  unsigned status = 0;
  std::string body;
};

/// Errors: `unreachable` (surely not sent), `timed_out`, `disconnected`.
result<http_reply> http_call(const endpoint& server, const http_question& question,
                             std::chrono::milliseconds timeout);

/// The body of `path`. Errors: as `http_call`; `malformed` when the status is not 200.
result<std::string> http_get(const endpoint& server, const std::string& path,
                             std::chrono::milliseconds timeout);

}  // namespace mainstay::cli
