/// One client's conversation: bytes in, commands to the dispatcher, replies out in order. It knows
/// no socket; connection.hpp moves the bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "server/command_table.hpp"
#include "server/dispatcher.hpp"
#include "server/gateway.hpp"
#include "server/limits.hpp"
#include "server/resp/reply_writer.hpp"
#include "server/resp/request_parser.hpp"
#include "server/session_command.hpp"
#include "server/translate.hpp"

namespace mainstay::server {

/// What the server counts; read by the admin port.
struct server_counters {
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> connections_accepted{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> commands{0};         ///< received, of every kind
  std::atomic<std::uint64_t> errors{0};           ///< replies that are errors of the client
  std::atomic<std::uint64_t> protocol_errors{0};  ///< streams that were lost
  std::atomic<std::uint64_t> refused{0};          ///< commands answered with UNAVAILABLE
  std::atomic<std::uint64_t> unknown{0};          ///< commands answered with UNKNOWN
};

/// What all sessions of a thread share. Everything outlives them.
struct session_context {
  gateway& cluster;
  dispatcher& commands;
  const server_limits& limits;
  server_counters& counters;
  byte_arena& arena;  ///< commands are encoded into it
};

/// Order is kept: replies come in the order of commands, and commands take effect in it. Writes of
/// one client are pipelined without waiting. A read behind writes that are not answered yet goes
/// through the log after them; one that walks over many keys waits for them instead, and so do
/// writes behind reads. Stale reads wait for nothing: they promise nothing about writes.
///
/// Answers count before they are built: no more reads are under way than will fit a limit if their
/// values are as large as the last ones were. The first reads of a connection are taken for large,
/// and what is let through at most doubles with each answered run.
class session {
 public:
  session(session_context& context, std::uint64_t id);

  /// Takes commands off the front of `input` until it ends, or until `is_waiting` or
  /// `is_closing`; returns how many bytes were used. What is left is to be presented again, at any
  /// address, with more behind it or, after waiting, as it is. `self` stands for this session in
  /// the dispatcher.
  std::size_t receive(std::string_view input, const std::shared_ptr<outcome_sink>& self);
  /// Outcomes of a run. Afterwards `receive` may go on.
  void complete(std::uint64_t run, std::span<command_outcome> found);

  /// Replies that are ready to be sent; the caller takes bytes off its front.
  std::string& output() { return output_; }
  /// True when `receive` stopped for outcomes to arrive.
  bool is_waiting() const { return waiting_; }
  /// True when no more input is wanted: close once all is answered and sent.
  bool is_closing() const { return closing_; }
  /// No more input; what is under way is still answered.
  void close_after_replies() { closing_ = true; }
  /// True when nothing is under way.
  bool is_settled() const { return pending_.empty(); }
  /// How many bytes the unfinished request at the end of the input needs at least.
  std::size_t wanted() const { return parser_.wanted(); }

  // What the commands of local_commands.hpp set and ask.
  std::uint64_t id() const { return id_; }
  resp::protocol protocol = resp::protocol::resp2;
  consistency level = consistency::linearizable;
  duration max_age{};  ///< of reads of the level `bounded`
  log_index token;     ///< covers what this client was answered, and what it said it has seen
  std::string name;    ///< as the client calls itself
  session_id bound_session = 0;  ///< that EXEC works in; none: 0

 private:
  /// A reply in the making: of a run of commands, or of a local command that waits for its turn.
  struct pending_reply {
    std::uint64_t run = 0;  ///< 0: local
    lane way = lane::write;
    std::size_t bytes = 0;     ///< of the run's commands
    std::size_t expected = 0;  ///< bytes that its answers are expected to take
    std::size_t values = 0;    ///< values that it reads
    bool done = false;
    session_operation asks = session_operation::use;  ///< of a run in the lane of sessions
    log_index awaited;                                ///< of MAINSTAY WAIT; else none
    std::string text;
  };
  enum class step : std::uint8_t { done, wait };

  step execute(argument_list arguments, const std::shared_ptr<outcome_sink>& self);
  step execute_local(const command_entry& entry, argument_list arguments);
  step execute_remote(const command_entry& entry, argument_list arguments,
                      const std::shared_ptr<outcome_sink>& self);
  step execute_session(argument_list arguments, const std::shared_ptr<outcome_sink>& self);
  step execute_within(const session_command& command, const std::shared_ptr<outcome_sink>& self);
  step execute_wait(argument_list arguments, const std::shared_ptr<outcome_sink>& self);
  void write_wait_outcome(std::string& out, log_index awaited, const command_outcome& found);
  read_terms terms_of(lane way) const;
  void ask_session(const session_request& request, const std::shared_ptr<outcome_sink>& self);
  void write_session_outcome(std::string& out, session_operation asked, command_outcome& found);
  bool choose_lane(command_kind kind, lane& chosen) const;
  pending_reply& run_for(lane way, const outcome_sink* self, const read_terms& terms = {});
  void learn_size(std::size_t values, std::span<const command_outcome> found);
  template <class Write>
  void reply(Write write);
  void reply_error(std::string_view text);
  bool is_full() const;
  void write_outcomes(std::string& out, std::span<command_outcome> found);
  void flush_done();

  session_context& context_;
  std::uint64_t id_;
  resp::request_parser parser_;
  std::deque<pending_reply> pending_;
  std::string output_;
  std::uint64_t next_run_ = 1;
  std::size_t writes_under_way_ = 0;  ///< runs, those within sessions included
  std::size_t session_runs_ = 0;      ///< of them, those within sessions
  bool binding_ = false;              ///< a session is being opened or closed
  std::size_t reads_under_way_ = 0;   ///< runs of linearizable reads
  std::size_t bytes_under_way_ = 0;   ///< of commands
  std::size_t bytes_expected_ = 0;    ///< of answers that are under way
  std::size_t bytes_held_ = 0;        ///< of replies that wait for earlier ones
  std::size_t expected_value_;        ///< bytes of a value, as the last ones were
  bool waiting_ = false;
  bool closing_ = false;
};

}  // namespace mainstay::server
