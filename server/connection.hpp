/// One client's socket: moves bytes between it and a session, and keeps the limits that concern
/// bytes. For the thread of its server only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "mainstay/base/time.hpp"

#include "server/dispatcher.hpp"
#include "server/session.hpp"

namespace mainstay::server {

/// Lives as long as an operation on its socket or a run of its commands is under way.
class connection : public outcome_sink, public std::enable_shared_from_this<connection> {
 public:
  using closed_handler = std::function<void(std::uint64_t id)>;

  /// Takes over a socket that has been accepted. `on_closed` is called once, on this thread, when
  /// the socket has been closed for whatever reason.
  connection(boost::asio::ip::tcp::socket socket, session_context& context, std::uint64_t id,
             closed_handler on_closed);

  /// Starts to read.
  void start();
  /// Takes no more commands, and closes once those under way are answered and sent.
  void finish();
  /// Closes at once. Idempotent.
  void close();
  /// Closes when no command has come since `moment` and none is under way.
  void close_if_idle_since(instant moment);

  void on_outcomes(std::uint64_t run, std::span<command_outcome> found) override;
  void on_delivered() override;

 private:
  void read();
  void on_read(std::size_t count);
  bool make_room();
  void fit_empty_buffer();
  void process();
  void write();
  void write_rest();
  void close_if_done();

  session_context& context_;
  session session_;
  std::optional<boost::asio::ip::tcp::socket> socket_;  ///< none: closed
  closed_handler on_closed_;
  instant last_active_;

  // Received bytes that are not used up: [begin_, end_) of the buffer.
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool filled_ = false;  ///< the last read left no room
  bool reading_ = false;

  std::string sending_;  ///< taken from the session's output; an asynchronous write holds it
  std::size_t sent_ = 0;
  bool writing_ = false;
};

}  // namespace mainstay::server
