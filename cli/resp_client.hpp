/// A blocking RESP client with a deadline on every operation: one connection, one command at a
/// time. For people and scripts; the load generator has connections of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"

#include "cli/endpoint.hpp"
#include "cli/resp_reply.hpp"

namespace mainstay::cli {

/// One connection to one server. For one thread.
class resp_client {
 public:
  /// Each operation may take up to `timeout`.
  explicit resp_client(std::chrono::milliseconds timeout);
  resp_client(resp_client&&) noexcept;
  resp_client& operator=(resp_client&&) noexcept;
  ~resp_client();

  /// Resolves and connects. Errors: `unreachable`; nothing has been sent then.
  result<void> connect(const endpoint& server);

  /// Sends one command and waits for its reply; an error reply is a value here. Errors:
  /// `timed_out`, `disconnected`, `malformed`: the command may have been carried out. After an
  /// error the connection is closed.
  result<resp_reply> call(const std::vector<std::string>& arguments);

 private:
  class connection;
  std::unique_ptr<connection> connection_;
};

}  // namespace mainstay::cli
