#include "mainstay/transport/tcp/tcp_connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mainstay/transport/tcp/address.hpp"

namespace mainstay::tcp {

namespace {

/// Pieces in one write; the system allows 1,024.
constexpr std::size_t pieces_per_write = 256;

void set_option(int socket, int level, int name, int value) {
  // A missing option costs speed or patience, never correctness: failure is not worth a word.
  (void)::setsockopt(socket, level, name, &value, sizeof value);
}

/// No delay for small frames, and an end for connections whose other end is gone without a word.
void set_options(int socket, duration dead_peer_timeout) {
  using std::chrono::duration_cast;
  const auto patience = duration_cast<std::chrono::milliseconds>(dead_peer_timeout).count();
  const auto probe_every = std::max<std::int64_t>(1, patience / 4000);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(patience));
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(probe_every));
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(probe_every));
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

void tcp_connection::start(std::shared_ptr<connection_events> owner, duration dead_peer_timeout) {
  owner_ = std::move(owner);
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  boost::system::error_code unknown;
  const auto other_end = socket_.remote_endpoint(unknown);
  if (!unknown) remote_ = to_text({other_end.address().to_string(), other_end.port()});
  set_options(socket_.native_handle(), dead_peer_timeout);
  read();
}

void tcp_connection::send(frame_kind kind, group_id group, std::uint64_t call,
                          const byte_pieces& body) {
  if (closed_) return;
  const frame_header header{static_cast<std::uint32_t>(body.size()), kind, group, call};
  queue_.add(encode(header, body.pieces()), body);
  if (flush_posted_ || awaiting_writable_) return;
  flush_posted_ = true;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void tcp_connection::flush() {
  if (closed_ || awaiting_writable_) return;
  const auto before = queue_.size();
  if (!write_some()) {
    const auto failure = errno;
    return fail_with(
        {error_code::disconnected,
         fmt::format(
             "writing failed: {}",
             boost::system::error_code(failure, boost::system::system_category()).message())});
  }
  if (!queue_.empty()) wait_until_writable();
  if (queue_.size() < before && owner_) {
    const auto owner = owner_;
    owner->on_written();
  }
}

/// Writes until everything is written or the socket takes no more. False: it failed, see errno.
bool tcp_connection::write_some() {
  std::array<std::span<const std::byte>, pieces_per_write> views;
  std::array<iovec, pieces_per_write> vectors;
  while (!queue_.empty()) {
    const auto count = queue_.front(views);
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<std::byte*>(views[i].data()), views[i].size()};
    }
    msghdr gathered{};
    gathered.msg_iov = vectors.data();
    gathered.msg_iovlen = count;
    const auto written = ::sendmsg(socket_.native_handle(), &gathered, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    queue_.consume(static_cast<std::size_t>(written));
  }
  return true;
}

void tcp_connection::wait_until_writable() {
  awaiting_writable_ = true;
  socket_.async_wait(socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& failure) {
                       self->awaiting_writable_ = false;
                       if (!failure) self->flush();
                     });
}

void tcp_connection::read() {
  if (reading_ || paused_ || closed_) return;
  reading_ = true;
  const auto room = reader_.room();
  socket_.async_read_some(
      boost::asio::buffer(room.data(), room.size()),
      [self = shared_from_this()](const boost::system::error_code& failure, std::size_t n) {
        self->reading_ = false;
        self->on_read(failure, n);
      });
}

void tcp_connection::on_read(const boost::system::error_code& failure, std::size_t n) {
  if (closed_) return;
  if (failure == boost::asio::error::eof) {
    return fail_with({error_code::disconnected, "the other end closed the connection"});
  }
  if (failure) return fail_with({error_code::disconnected, "reading failed: " + failure.message()});
  reader_.received(n);
  deliver();
}

void tcp_connection::deliver() {
  const auto owner = owner_;
  while (!closed_ && !paused_) {
    auto next = reader_.next();
    if (!next) return fail_with(next.error());
    if (!*next) return read();
    owner->on_frame(std::move(**next));
  }
}

void tcp_connection::resume() {
  if (!paused_ || resume_posted_) return;
  resume_posted_ = true;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->resume_posted_ = false;
    self->paused_ = false;
    if (!self->reading_) self->deliver();
  });
}

void tcp_connection::close() {
  if (closed_) return;
  closed_ = true;
  (void)write_some();
  owner_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void tcp_connection::fail_with(const error& why) {
  if (closed_) return;
  const auto owner = owner_;
  close();
  owner->on_closed(why);
}

}  // namespace mainstay::tcp
