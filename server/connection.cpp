#include "server/connection.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

namespace mainstay::server {

namespace asio = boost::asio;

namespace {

constexpr std::size_t first_capacity = 4 << 10;
/// Buffers grow to this when reads fill them; beyond it only as far as one request arrives.
constexpr std::size_t full_capacity = 64 << 10;
/// Replies that were sent leave room of at most this for the next.
constexpr std::size_t kept_output = 64 << 10;

}  // namespace

connection::connection(asio::ip::tcp::socket socket, session_context& context, std::uint64_t id,
                       closed_handler on_closed)
    : context_(context),
      session_(context, id),
      socket_(std::move(socket)),
      on_closed_(std::move(on_closed)),
      last_active_(context.cluster.now()),
      buffer_(std::make_unique_for_overwrite<char[]>(first_capacity)),
      capacity_(first_capacity) {}

void connection::start() {
  boost::system::error_code ignored;
  socket_->set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_->set_option(asio::socket_base::keep_alive(true), ignored);
  socket_->non_blocking(true, ignored);
  read();
}

void connection::finish() {
  session_.close_after_replies();
  close_if_done();
}

void connection::close() {
  if (!socket_) return;
  // Closing completes the operations under way with an error; the socket itself goes away now, so
  // that a late outcome which still holds this connection holds no socket.
  boost::system::error_code ignored;
  socket_->shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.reset();
  on_closed_(session_.id());
}

void connection::close_if_idle_since(instant moment) {
  if (last_active_ < moment && session_.is_settled()) close();
}

void connection::read() {
  if (reading_ || !socket_ || session_.is_closing() || session_.is_waiting()) return;
  if (!make_room()) return close();
  reading_ = true;
  socket_->async_read_some(
      asio::buffer(buffer_.get() + end_, capacity_ - end_),
      [self = shared_from_this()](boost::system::error_code failure, std::size_t count) {
        self->reading_ = false;
        if (failure) return self->close();
        self->on_read(count);
      });
}

/// Room behind what is unread. It grows with the bytes that have arrived, never with a size that a
/// client only claims.
bool connection::make_room() {
  const std::size_t unread = end_ - begin_;
  if (unread == 0) {
    begin_ = end_ = 0;
    fit_empty_buffer();
    return true;
  }
  if (end_ < capacity_ && (begin_ == 0 || capacity_ - end_ >= capacity_ / 2)) return true;
  if (unread <= capacity_ / 2) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, unread);
  } else {
    const std::size_t limit = context_.limits.command_bytes + full_capacity;
    if (unread >= limit) return false;
    const std::size_t larger = std::min(capacity_ * 2, limit);
    auto fresh = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(fresh.get(), buffer_.get() + begin_, unread);
    buffer_ = std::move(fresh);
    capacity_ = larger;
  }
  begin_ = 0;
  end_ = unread;
  return true;
}

/// A client that filled the buffer has more to say; one that sent a large request may never again.
void connection::fit_empty_buffer() {
  std::size_t wanted = capacity_;
  if (capacity_ > full_capacity) wanted = full_capacity;
  if (filled_ && capacity_ < full_capacity) wanted = capacity_ * 2;
  if (wanted == capacity_) return;
  buffer_ = std::make_unique_for_overwrite<char[]>(wanted);
  capacity_ = wanted;
}

void connection::on_read(std::size_t count) {
  if (!socket_) return;
  last_active_ = context_.cluster.now();
  end_ += count;
  filled_ = end_ == capacity_;
  process();
}

/// Hands unread bytes to the session, sends what it replies at once, and reads on.
void connection::process() {
  bool again = true;
  while (again && socket_) {
    if (!session_.is_closing()) {
      const std::string_view unread(buffer_.get() + begin_, end_ - begin_);
      begin_ += session_.receive(unread, shared_from_this());
    }
    write();
    // Whoever waits for outcomes goes on with them. A session that waited only for its replies to
    // be sent has nothing to wait for once they are.
    again = !session_.is_closing() && session_.is_waiting() && session_.is_settled() && !writing_;
  }
  close_if_done();
  read();
}

void connection::on_outcomes(std::uint64_t run, std::span<command_outcome> found) {
  if (socket_) session_.complete(run, found);
}

void connection::on_delivered() {
  if (!socket_) return;
  last_active_ = context_.cluster.now();
  if (session_.is_waiting() && !reading_) return process();
  write();
  close_if_done();
}

void connection::write() {
  auto& output = session_.output();
  if (!socket_ || output.empty()) return;
  if (writing_) {
    if (sending_.size() - sent_ + output.size() > context_.limits.output_bytes) close();
    return;
  }
  boost::system::error_code failure;
  const std::size_t count = socket_->write_some(asio::buffer(output), failure);
  if (failure && failure != asio::error::would_block) return close();
  if (count == output.size()) {
    output.clear();
    if (output.capacity() > kept_output) output.shrink_to_fit();
    return;
  }
  sending_.swap(output);
  output.clear();
  sent_ = count;
  write_rest();
}

/// Waits until the client takes more.
void connection::write_rest() {
  if (sending_.size() - sent_ > context_.limits.output_bytes) return close();
  writing_ = true;
  socket_->async_write_some(
      asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
      [self = shared_from_this()](boost::system::error_code failure, std::size_t count) {
        self->writing_ = false;
        if (failure || !self->socket_) return self->close();
        self->last_active_ = self->context_.cluster.now();
        self->sent_ += count;
        if (self->sent_ < self->sending_.size()) return self->write_rest();
        self->sending_.clear();
        if (self->sending_.capacity() > kept_output) self->sending_.shrink_to_fit();
        self->process();
      });
}

void connection::close_if_done() {
  if (!socket_ || !session_.is_closing() || !session_.is_settled()) return;
  if (writing_ || !session_.output().empty()) return;
  close();
}

}  // namespace mainstay::server
