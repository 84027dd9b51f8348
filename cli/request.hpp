/// One request to a cluster that may be asked through several endpoints: who is asked, when the
/// next one may be tried, and what may be said of the request afterwards. A write whose outcome is
/// unknown is never sent a second time.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"

#include "cli/endpoint.hpp"
#include "cli/exit_code.hpp"
#include "cli/resp_reply.hpp"

namespace mainstay::cli {

/// A command for the cluster.
struct request {
  std::vector<std::string> arguments;
  bool changes_state = true;  ///< a read may be sent again whatever became of it
  bool stale = false;         ///< ask for a read that need not be linearizable
};

/// Why a request has no reply, and what that means for it.
struct request_failure {
  exit_code code = exit_code::unavailable;
  std::string message;
};

using request_result = std::expected<resp_reply, request_failure>;

/// Sends a request to one endpoint. Errors as those of `resp_client`.
using sender = std::function<result<resp_reply>(const endpoint&, const request&)>;

/// The sender that opens a connection for each request.
sender network_sender(std::chrono::milliseconds timeout);

/// Asks one endpoint after the other until one answers. The next one is tried only when this one
/// surely did nothing (`unreachable`, `-UNAVAILABLE`), or when the request is a read.
request_result send_request(const std::vector<endpoint>& endpoints, const request& r,
                            const sender& send);

}  // namespace mainstay::cli
