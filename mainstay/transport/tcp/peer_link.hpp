/// The client's side of one peer: the connection and its making, the calls in flight, and the time
/// to wait after a failure. Private to the transport: brings in Boost.Asio.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mainstay/seams/network.hpp"
#include "mainstay/transport/tcp/alarm.hpp"
#include "mainstay/transport/tcp/call_table.hpp"
#include "mainstay/transport/tcp/client_context.hpp"
#include "mainstay/transport/tcp/connector.hpp"
#include "mainstay/transport/tcp/handshake.hpp"
#include "mainstay/transport/tcp/tcp_connection.hpp"

namespace mainstay::tcp {

/// One call on its way to a peer.
struct outgoing_call {
  group_id group;
  rpc_request request;
  instant deadline;
  call_done done;
};

/// A link connects on the first call, or at once when the peer has to be met. For the loop only;
/// held by a shared_ptr.
class peer_link final : public connection_events, public std::enable_shared_from_this<peer_link> {
 public:
  peer_link(std::shared_ptr<client_context> context, node_id peer, std::string address);

  const std::string& address() const { return address_; }
  void call(outgoing_call call);
  /// Connects, and again whenever that fails, until the peer's disk is known. Followers do not call
  /// one another: without this, two of them would not know a wiped disk behind the other's id. Does
  /// nothing where identities are not recorded.
  void meet();
  /// Completes every call with `why` and closes for good.
  void stop(const error& why);

  void on_frame(frame received) override;
  void on_written() override {}
  void on_closed(const error& why) override;

 private:
  enum class link_state : std::uint8_t { down, connecting, greeting, up, stopped };

  /// An encoded request that waits for the handshake.
  struct waiting_request {
    std::uint64_t call;
    group_id group;
    byte_pieces body;
  };

  bool is_unmet() const;
  std::optional<error> refusal_now();
  std::optional<error> refusal_of_size(std::size_t size) const;
  void connect();
  void on_connected(result<connector::socket> made);
  greeting own_greeting() const;
  void on_greeting_frame(const frame& received);
  void on_welcome(const greeting& theirs);
  void send_waiting();
  void on_response(const frame& received);
  void on_alarm();
  void set_alarm();
  void go_down(const error& why);
  void close_connection();
  void wait_before_retry();
  void log_failure(const std::string& why, error_code code);
  void complete(pending_call call, result<rpc_response> outcome);

  std::shared_ptr<client_context> context_;
  node_id peer_;
  std::string address_;
  link_state state_ = link_state::down;

  std::shared_ptr<alarm> alarm_;
  std::shared_ptr<connector> connector_;
  std::shared_ptr<tcp_connection> connection_;
  std::size_t peer_max_frame_ = 0;  ///< while up: what the peer takes
  incarnation peer_disk_;           ///< while up

  call_table calls_;
  std::vector<waiting_request> waiting_;

  instant connect_deadline_{};  ///< while connecting or greeting
  duration backoff_;
  instant retry_at_{};        ///< while down: refuse until then
  std::string last_failure_;  ///< empty while all is well
};

}  // namespace mainstay::tcp
