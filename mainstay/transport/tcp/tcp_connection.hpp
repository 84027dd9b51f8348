/// One TCP connection that carries frames: reading, writing, and the end of both. It does not know
/// who is at the other end, nor what frames mean. Private to the transport: brings in Boost.Asio.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "mainstay/base/error.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/seams/rpc_serializer.hpp"
#include "mainstay/transport/tcp/frame.hpp"
#include "mainstay/transport/tcp/frame_reader.hpp"
#include "mainstay/transport/tcp/send_queue.hpp"

namespace mainstay::tcp {

/// Whoever a connection works for. All calls come on the loop; each may close the connection.
class connection_events {
 public:
  virtual ~connection_events() = default;
  /// A whole frame came in.
  virtual void on_frame(frame received) = 0;
  /// Something was written: `queued_bytes` went down.
  virtual void on_written() = 0;
  /// The connection ended by itself; called once, and nothing after it.
  virtual void on_closed(const error& why) = 0;
};

/// Reads frames and hands them on in order, and writes frames in the order of `send`. What is sent
/// in one turn of the loop goes out in one write at its end. For the loop only.
class tcp_connection : public std::enable_shared_from_this<tcp_connection> {
 public:
  using socket = boost::asio::ip::tcp::socket;

  /// Takes over a connected socket.
  explicit tcp_connection(socket connected) : socket_(std::move(connected)) {}

  /// Sets the socket's options and begins to read. Holds on to `owner` until the connection ends.
  void start(std::shared_ptr<connection_events> owner, duration dead_peer_timeout);
  /// Ends the small limits of the handshake.
  void open_up(std::size_t max_body, std::size_t block_size) {
    reader_.open_up(max_body, block_size);
  }

  /// Queues a frame. Dropped when the connection has ended.
  void send(frame_kind kind, group_id group, std::uint64_t call, const byte_pieces& body);
  /// Bytes queued and not yet taken by the operating system.
  std::size_t queued_bytes() const { return queue_.size(); }

  /// Stops handing on frames, after the current one, until `resume`.
  void pause() { paused_ = true; }
  /// Goes on in a later turn of the loop. Idempotent.
  void resume();

  /// Writes what it can at once, then ends the connection. The owner is not told. Idempotent.
  void close();
  bool closed() const { return closed_; }

  /// "host:port" of the other end, for logs.
  const std::string& remote() const { return remote_; }

 private:
  void read();
  void on_read(const boost::system::error_code& failure, std::size_t n);
  void deliver();
  void flush();
  bool write_some();
  void wait_until_writable();
  void fail_with(const error& why);

  socket socket_;
  std::shared_ptr<connection_events> owner_;
  frame_reader reader_;
  send_queue queue_;
  std::string remote_ = "unknown";
  bool reading_ = false;
  bool paused_ = false;
  bool resume_posted_ = false;
  bool flush_posted_ = false;
  bool awaiting_writable_ = false;
  bool closed_ = false;
};

}  // namespace mainstay::tcp
