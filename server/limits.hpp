/// What clients may ask of one server at most. Everything beyond is refused or closed with a clear
/// error; nothing a client does grows without bound.
#pragma once

#include <chrono>
#include <cstddef>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/node/session_request.hpp"

#include "server/resp/request_parser.hpp"

namespace mainstay::server {

/// Limits of the client port. A client over the first four gets an error and keeps its connection,
/// unless the size it claims is beyond `command_bytes`: then the stream cannot be followed.
struct server_limits {
  /// Longest key; at most 64 KiB, which is the machine's own limit.
  std::size_t key_bytes = 64 << 10;
  /// Longest value of SET and its like; at most 64 MiB. Every replica keeps, sends and flushes it
  /// whole, so that large values delay all others.
  std::size_t value_bytes = 2 << 20;
  /// Longest command altogether; at least key and value. Bounds the receive buffer too.
  std::size_t command_bytes = 4 << 20;
  /// Arguments of one command, the name included.
  std::size_t arguments = 64 << 10;
  /// Commands of one connection that are not answered yet, in bytes; beyond, the server stops to
  /// read from it until answers are there. Higher is only useful on slow, wide networks.
  std::size_t pipeline_bytes = 4 << 20;
  /// Replies of one connection that it has not taken yet, in bytes; beyond, it is closed. Must
  /// have room for the largest answer, which has 64 MiB.
  std::size_t output_bytes = 256 << 20;
  /// Connections at a time; more are refused with an error.
  std::size_t connections = 10'000;
  /// A connection without a command for this long is closed; 0: never.
  duration idle_time{};
  /// How long a command may take before it is answered with `UNKNOWN` or `UNAVAILABLE`.
  duration request_timeout = std::chrono::seconds(5);
  /// Of the sessions that clients open here.
  session_limits sessions;
};

/// Checks every rule. Errors: `invalid_argument`, with field, value and rule.
result<void> check(const server_limits& limits);

/// What the parser enforces for them.
resp::request_limits parser_limits(const server_limits& limits);

}  // namespace mainstay::server
