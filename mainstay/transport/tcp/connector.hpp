/// Makes one TCP connection to an address: name resolution, the rule about loopback, connecting.
/// No retries and no handshake. Private to the transport: brings in Boost.Asio.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "mainstay/base/error.hpp"

namespace mainstay::tcp {

/// Refuses the endpoint unless it is on loopback or more is allowed: the error says what to do.
result<void> check_plaintext(const boost::asio::ip::tcp::endpoint& endpoint, bool allow_beyond);

/// One attempt. For the loop only; held by a shared_ptr.
class connector : public std::enable_shared_from_this<connector> {
 public:
  using socket = boost::asio::ip::tcp::socket;
  using connected = std::move_only_function<void(result<socket>)>;

  explicit connector(boost::asio::io_context& io) : io_(io), resolver_(io), socket_(io) {}

  /// Calls `done` once, never before it returns. Errors: `unreachable`, with a reason.
  void start(const std::string& address, bool allow_beyond_loopback, connected done);
  /// `done` will not be called any more. Idempotent.
  void cancel();

 private:
  using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

  void resolve(const std::string& address, bool allow_beyond_loopback);
  void connect(endpoints found, bool allow_beyond_loopback);
  void finish(result<socket> outcome);

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::resolver resolver_;
  socket socket_;
  connected done_;  ///< empty once called or cancelled
};

}  // namespace mainstay::tcp
