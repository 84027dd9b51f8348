/// Plain system calls: the generator shares its processors with the servers that it measures, and a
/// write of many prepared commands is one call.
#include "cli/load_connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "mainstay/base/assert.hpp"

namespace mainstay::cli {

namespace {

constexpr std::size_t buffer_size = 256 * 1024;
constexpr std::uint64_t write_limit = 512 * 1024;  // below the size of every ring

}  // namespace

std::uint64_t monotonic_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(t.tv_nsec);
}

load_connection::load_connection(const command_ring& ring, std::uint64_t first_command)
    : ring_(ring),
      due_commands_(first_command),
      due_bytes_(ring.offset_of(first_command)),
      written_(due_bytes_),
      buffer_(buffer_size, '\0') {}

bool load_connection::begin_connect(const socket_address& address) {
  MAINSTAY_ASSERT(state_ == state::closed);
  const auto* target = reinterpret_cast<const sockaddr*>(&address.storage);
  descriptor_ = socket(target->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0) return false;
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(descriptor_, target, address.length) != 0 && errno != EINPROGRESS) {
    close_socket();
    return false;
  }
  state_ = state::connecting;
  return true;
}

bool load_connection::finish_connect() {
  int failure = 0;
  socklen_t length = sizeof(failure);
  getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &failure, &length);
  if (failure != 0) {
    close_socket();
    return false;
  }
  state_ = state::open;
  return true;
}

bool load_connection::issue(std::uint64_t count, std::uint64_t now) {
  if (count == 0) return true;
  due_commands_ += count;
  due_bytes_ = ring_.offset_of(due_commands_);
  outstanding_ += count;
  batches_.push_back({now, count});
  return flush();
}

bool load_connection::flush() {
  while (written_ < due_bytes_) {
    auto pieces = ring_.stretch(written_, std::min(due_bytes_, written_ + write_limit));
    msghdr header{};
    header.msg_iov = pieces.data();
    header.msg_iovlen = pieces[1].iov_len == 0 ? 1 : 2;
    const auto count = sendmsg(descriptor_, &header, MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    written_ += static_cast<std::uint64_t>(count);
  }
  return true;
}

bool load_connection::receive(std::uint64_t now, load_tally& tally) {
  const auto count = recv(descriptor_, buffer_.data() + buffered_, buffer_.size() - buffered_, 0);
  if (count == 0) return false;
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  buffered_ += static_cast<std::size_t>(count);

  const auto before = tally.replies.total();
  const auto done = scanner_.scan({buffer_.data(), buffered_}, tally.replies);
  buffered_ -= done;
  std::memmove(buffer_.data(), buffer_.data() + done, buffered_);
  const auto replies = tally.replies.total() - before;
  if (scanner_.malformed() || replies > outstanding_) return false;
  match(replies, now, tally.latency);
  return true;
}

void load_connection::match(std::uint64_t replies, std::uint64_t now, latency_histogram& latency) {
  outstanding_ -= replies;
  while (replies > 0) {
    auto& oldest = batches_.front();
    const auto matched = std::min(replies, oldest.count);
    latency.record(now - oldest.due, matched);
    oldest.count -= matched;
    replies -= matched;
    if (oldest.count == 0) batches_.pop_front();
  }
}

void load_connection::drop(load_tally& tally) {
  tally.lost += outstanding_;
  close_socket();
  outstanding_ = 0;
  batches_.clear();
  scanner_ = {};
  buffered_ = 0;
  // A command must not start in its middle on the next connection.
  written_ = due_bytes_;
}

void load_connection::close_socket() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
  state_ = state::closed;
}

}  // namespace mainstay::cli
