/// One connection of the load generator: a non-blocking socket with a fixed number of commands
/// outstanding. It knows when each was due and counts what comes back; the generator tells it when.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "cli/command_ring.hpp"
#include "cli/latency_histogram.hpp"
#include "cli/reply_scanner.hpp"

namespace mainstay::cli {

/// A resolved address to connect to.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

/// What the measurement collects, over all connections.
struct load_tally {
  reply_counts replies;
  std::uint64_t lost = 0;     ///< outstanding when their connection broke: outcome unknown
  latency_histogram latency;  ///< of every reply, from when the command was due
};

/// Nanoseconds on the system's monotonic clock.
std::uint64_t monotonic_now();

/// See the file's comment. For one thread. The ring must outlive it.
class load_connection {
 public:
  /// Commands are taken from the ring from number `first_command` on.
  load_connection(const command_ring& ring, std::uint64_t first_command);
  load_connection(const load_connection&) = delete;
  load_connection& operator=(const load_connection&) = delete;
  ~load_connection() { close_socket(); }

  enum class state : std::uint8_t { closed, connecting, open };

  /// Begins to connect; the descriptor turns writable once it is decided. False when the system
  /// refuses at once.
  bool begin_connect(const socket_address& address);
  /// Call when a connecting descriptor turned writable. False: refused, and closed again.
  bool finish_connect();

  /// Makes `count` more commands due now and writes as much as the socket takes. False: broken.
  bool issue(std::uint64_t count, std::uint64_t now);
  /// Writes more of what is due. False: broken.
  bool flush();
  /// Reads once and counts the replies. False: broken, or the stream made no sense.
  bool receive(std::uint64_t now, load_tally& tally);
  /// Gives up the connection; what was outstanding is counted as lost.
  void drop(load_tally& tally);

  int descriptor() const { return descriptor_; }
  state current_state() const { return state_; }
  /// Commands without a reply.
  std::uint64_t outstanding() const { return outstanding_; }
  /// True when the socket did not take everything that is due.
  bool wants_to_write() const { return written_ < due_bytes_; }

 private:
  /// Commands that became due at the same moment.
  struct sent_batch {
    std::uint64_t due;
    std::uint64_t count;
  };

  void close_socket();
  void match(std::uint64_t replies, std::uint64_t now, latency_histogram& latency);

  const command_ring& ring_;
  int descriptor_ = -1;
  state state_ = state::closed;
  std::uint64_t due_commands_;  ///< number of the next command
  std::uint64_t due_bytes_;     ///< positions in the endless sequence of bytes
  std::uint64_t written_;
  std::uint64_t outstanding_ = 0;
  std::deque<sent_batch> batches_;
  reply_scanner scanner_;
  std::string buffer_;
  std::size_t buffered_ = 0;  ///< bytes at the start of buffer_ that are not counted yet
};

}  // namespace mainstay::cli
