/// What an operator may have a node do through the admin port: one path each, a JSON object in, a
/// JSON object out. Looking at a node is http_admin's own.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"

#include "server/gateway.hpp"

namespace mainstay::server {

/// Takes the answer, a JSON document, once and on any thread.
using admin_done = std::function<void(result<std::string>)>;

/// One path. `run` must not block; it answers by `deadline`, or the port does in its place.
struct admin_action {
  std::string_view method;  ///< "GET" or "POST"
  std::string_view path;    ///< such as "/v1/snapshot"
  duration patience;        ///< how long the answer may take
  void (*run)(gateway& cluster, const std::string& body, instant deadline, admin_done done);
};

/// All of them.
std::span<const admin_action> admin_actions();

/// The HTTP status that tells of such a failure: 409 for `not_leader`, 400 for what was asked
/// wrongly, 503 for what may work later, 504 for what is not known to have happened, else 500.
unsigned http_status_of(error_code code);

}  // namespace mainstay::server
