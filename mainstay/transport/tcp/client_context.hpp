/// What all links of one TCP client share. Private to the transport: brings in Boost.Asio.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "mainstay/base/random.hpp"
#include "mainstay/seams/diagnostic_logger.hpp"
#include "mainstay/seams/network.hpp"
#include "mainstay/transport/tcp/rpc_codec.hpp"
#include "mainstay/transport/tcp/tcp_client.hpp"
#include "mainstay/transport/tcp/tcp_options.hpp"

namespace mainstay::tcp {

/// Calls that failed before they were sent, and complete in a later turn of the loop, because
/// nothing completes inside `call`.
class deferred_calls : public std::enable_shared_from_this<deferred_calls> {
 public:
  explicit deferred_calls(boost::asio::io_context& io) : io_(io) {}

  void add(call_done done, error why);
  /// Completes all of them now.
  void run();

 private:
  boost::asio::io_context& io_;
  std::vector<std::pair<call_done, error>> calls_;
};

/// Shared by the client and its links.
struct client_context {
  boost::asio::io_context& io;
  valid_tcp_options options;
  logger_ref logger;
  rpc_codec codec;
  random_generator random;
  std::shared_ptr<deferred_calls> deferred;
  tcp_client_counters counters;
};

}  // namespace mainstay::tcp
