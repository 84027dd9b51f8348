/// A client of a cluster of mainstayd nodes, for programs that must not count anything twice.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/client/exchange.hpp"

namespace mainstay {

/// What a client is told.
struct client_options {
  std::vector<std::string> nodes;  ///< where clients are served: "host:port", in any order
  call_limits limits;
};

/// Opens a session by itself and tries each command, through one node after the other, until it is
/// answered or its deadline passes; the session sees to it that it is carried out at most once
/// (thesis §6.3). Commands are pipelined, and take effect in the order in which they were called as
/// long as no attempt fails. A thread of its own does the work.
///
/// Threads: any may call. Handlers run on the client's thread and must not block.
class client {
 public:
  using handler = std::move_only_function<void(call_result)>;

  /// Connects with the first command. Errors: `invalid_argument`.
  static result<client> open(client_options options);
  client(client&&) noexcept;
  client& operator=(client&&) = delete;
  /// Completes everything that is not answered, as refused or unknown.
  ~client();

  /// Has a command carried out within the session: {"INCR", "n"}. `done` is called exactly once,
  /// soon after `timeout` at the latest.
  void call(std::vector<std::string> command, duration timeout, handler done);
  /// As above; blocks until it is answered. Not from a handler.
  call_result call(std::vector<std::string> command, duration timeout);
  /// Has a command carried out that changes nothing: outside the session, and repeated freely.
  void read(std::vector<std::string> command, duration timeout, handler done);
  /// As above; blocks until it is answered. Not from a handler.
  call_result read(std::vector<std::string> command, duration timeout);

 private:
  class implementation;
  explicit client(std::unique_ptr<implementation> inside);

  std::unique_ptr<implementation> inside_;
};

}  // namespace mainstay
