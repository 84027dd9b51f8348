/// The server's side of one connection: handshake, requests in, responses out, and back-pressure.
/// Private to the transport: brings in Boost.Asio.
#pragma once

#include <cstdint>
#include <memory>

#include "mainstay/seams/diagnostic_logger.hpp"
#include "mainstay/seams/network.hpp"
#include "mainstay/transport/tcp/alarm.hpp"
#include "mainstay/transport/tcp/handshake.hpp"
#include "mainstay/transport/tcp/tcp_connection.hpp"

namespace mainstay::tcp {

class inbound;
class server_core;

/// What responders hold on to. It outlives everything that has a socket in it.
struct answer_gate {
  inbound* open_to = nullptr;  ///< null once the connection has ended
};

/// The right and duty to settle one request, once: with a response, or by being dropped.
class answer_ticket {
 public:
  answer_ticket(std::shared_ptr<answer_gate> gate, const frame_header& request)
      : gate_(std::move(gate)), request_(request) {}
  answer_ticket(answer_ticket&&) noexcept = default;
  answer_ticket& operator=(answer_ticket&&) = delete;
  ~answer_ticket();

  void answer(const rpc_response& response);

 private:
  std::shared_ptr<answer_gate> gate_;  ///< null once settled
  frame_header request_;
};

/// One connection that a peer made. For the loop only; held by a shared_ptr.
class inbound final : public connection_events, public std::enable_shared_from_this<inbound> {
 public:
  /// `server` must outlive the connection's end (`close`).
  inbound(server_core& server, tcp_connection::socket accepted);

  void start();
  /// Ends the connection; the server is not told. Idempotent.
  void close();
  /// The peer, once the handshake is over; else none.
  node_id peer() const { return peer_; }

  /// A request was settled; sends `response` unless it is null.
  void settle(const frame_header& request, const rpc_response* response);

  void on_frame(frame received) override;
  void on_written() override { resume_if_relieved(); }
  void on_closed(const error& why) override;

 private:
  void on_hello(const frame& received);
  void welcome(const greeting& mine, const greeting& theirs);
  void refuse(refusal reason, const std::string& why);
  void on_request(const frame& received);
  void on_alarm();
  bool over_limits() const;
  void resume_if_relieved();
  void send(frame_kind kind, shared_bytes body);
  void end(log_level level, const error& why);

  server_core& server_;
  std::shared_ptr<tcp_connection> connection_;
  std::shared_ptr<answer_gate> gate_;
  std::shared_ptr<alarm> alarm_;
  node_id peer_;
  std::size_t peer_max_frame_ = 0;
  std::size_t unanswered_ = 0;
  std::size_t unanswered_bytes_ = 0;
  bool paused_ = false;
  bool heard_ = false;  ///< a frame came in since the alarm was set
};

}  // namespace mainstay::tcp
