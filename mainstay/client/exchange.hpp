/// What a client says to a cluster and makes of the answers: sessions, retries, outcomes. It knows
/// no sockets, clocks or threads; client.hpp gives it those.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mainstay/base/time.hpp"
#include "mainstay/client/reply.hpp"

namespace mainstay {

/// What became of a command.
enum class call_outcome : std::uint8_t {
  done,     ///< it was carried out, or answered with an error of its own; the reply says which
  refused,  ///< it was not carried out, and never will be
  unknown,  ///< it may have been carried out, or may yet be; at most once
};

/// The outcome and what the server said.
struct call_result {
  call_outcome outcome = call_outcome::unknown;
  mainstay::reply reply;  ///< of `done`
  std::string reason;     ///< of the others, for an operator
};

/// How patient a client is, and how much it asks at once.
struct call_limits {
  /// An answer that takes longer makes the client try another node.
  duration attempt = std::chrono::seconds(2);
  duration pause = std::chrono::milliseconds(50);  ///< between a failure and the next attempt
  /// Commands under way at once; at most the window of the server's sessions.
  std::size_t window = 128;
  /// How fresh `read` has to be, as MAINSTAY CONSISTENCY takes it: {"lease"}, {"bounded", "100"},
  /// {"stale"}. Empty: linearizable. A server that does not know it is taken for one that fails.
  std::vector<std::string> freshness;
};

namespace detail {

/// One connection at a time, to one node at a time. The leader is looked for, because followers
/// only pass commands on; where none is found, any node will do.
class exchange {
 public:
  exchange(const call_limits& limits, std::size_t nodes) : limits_(limits), nodes_(nodes) {}

  /// What is to be done, in this order.
  struct actions {
    bool disconnect = false;
    std::optional<std::size_t> connect_to;
    std::string bytes;                                             ///< to be sent
    std::vector<std::pair<std::uint64_t, call_result>> completed;  ///< by ticket
  };

  /// Writes are carried out within the session. Reads are sent plainly: they may be repeated.
  void submit(std::uint64_t ticket, std::vector<std::string> command, bool is_read,
              instant deadline);
  /// Leaves the session, once nothing is under way any more.
  void connected(instant now);
  void received(std::string_view bytes, instant now);
  /// The connection failed, or came to its end.
  void lost(instant now);
  void advance(instant now);
  /// Ends everything that is not complete: nothing more will be sent.
  void abandon();
  /// When `advance` wants to be called.
  instant next_deadline() const;
  actions take() { return std::exchange(out_, {}); }

  std::uint64_t session() const { return session_; }
  bool is_idle() const { return calls_.empty(); }

 private:
  struct call {
    std::vector<std::string> command;
    bool is_read = false;
    instant deadline;
    std::uint64_t serial = 0;    // 0: none yet
    bool under_way = false;      // on this connection
    bool maybe_applied = false;  // by an earlier attempt
  };
  /// What a reply on this connection will answer.
  struct expected_reply {
    enum class what : std::uint8_t {
      role,
      agreement,
      opening,
      binding,
      command
    } kind = what::command;
    std::uint64_t ticket = 0;
    instant since;
  };
  enum class state : std::uint8_t { pausing, connecting, greeting, ready };

  void connect();
  void give_up_connection(instant now);
  void expect(expected_reply::what kind, instant now, std::uint64_t ticket = 0);
  void say(std::vector<std::string> command);
  void greet(instant now);
  void send_ready(instant now);
  bool send_call(std::uint64_t ticket, call& one, instant now);
  void on_reply(const expected_reply& to, reply answer, instant now);
  void on_role(const reply& answer, instant now);
  void on_answer(std::uint64_t ticket, reply answer, instant now);
  void session_ended();
  void finish(std::uint64_t ticket, call_outcome outcome, reply answer, std::string reason);
  std::uint64_t lowest_waiting() const;
  std::size_t under_way() const;

  call_limits limits_;
  std::size_t nodes_;
  std::size_t node_ = 0;    // connected, or to be
  std::size_t looked_ = 0;  // nodes that were asked in vain whether they lead
  state state_ = state::pausing;
  instant since_{};   // of connecting
  instant resume_{};  // of pausing
  std::uint64_t session_ = 0;
  bool session_over_ = false;
  std::uint64_t next_serial_ = 1;
  std::map<std::uint64_t, call> calls_;  // by ticket; tickets rise
  std::deque<expected_reply> expected_;
  reply_reader reader_;
  actions out_;
};

}  // namespace detail
}  // namespace mainstay
