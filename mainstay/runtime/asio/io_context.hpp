/// Access to the io_context that the loop of an asio_runtime runs, for transports and servers. Kept
/// apart from asio_runtime.hpp so that everyone else compiles without Boost.
#pragma once

#include <boost/asio/io_context.hpp>

#include "mainstay/runtime/asio/asio_runtime.hpp"

namespace mainstay {

/// Opens the runtime's inside to `io_context_of`; nothing to use directly.
struct io_context_access {
  static boost::asio::io_context& get(asio_runtime& runtime);
};

/// The loop's io_context: handlers run on the loop, between tasks. Lives as long as the runtime.
inline boost::asio::io_context& io_context_of(asio_runtime& runtime) {
  return io_context_access::get(runtime);
}

}  // namespace mainstay
