/// The sessions of a group's clients (thesis §6.3): which commands were applied already, and what
/// they were answered. A part of the replicated state: a function of the log and of nothing else.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "mainstay/node/session_request.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay::detail {

/// All calls come from the apply activity, in the order of the log.
///
/// Bounds: sessions by count, where the least recently used gives way, and by time without use;
/// serials of a session by its window; its answers by their bytes, where the lowest serials are
/// forgotten first. What is forgotten is refused, and never applied a second time.
class session_table {
 public:
  session_table() = default;
  session_table(session_table&&) = default;
  session_table& operator=(session_table&&) = default;
  session_table(const session_table&) = delete;  // sessions know their places in the list
  session_table& operator=(const session_table&) = delete;

  /// What is to be done with a command.
  enum class verdict : std::uint8_t {
    apply,      ///< it is new: apply it, then call `finish`
    answered,   ///< it was applied before: this is what it was answered
    refused,    ///< it must not be applied
    under_way,  ///< the same serial is being applied: `finish` it, then ask again
  };
  struct admission {
    verdict what = verdict::refused;
    shared_bytes answer;  ///< of `answered`
    error why{};          ///< of `refused`
  };

  /// Opens a session named `id`, the index of its entry.
  void open(session_id id, const session_limits& limits, log_time now);
  /// Looks at a command; counts as a use of its session. Precondition: a `use`.
  admission admit(const session_request& request, log_time now);
  /// The command was applied with this answer. Ignored when the session went meanwhile.
  void finish(session_id session, std::uint64_t serial, const shared_bytes& answer);
  /// Forgets a session; also one that is not there.
  void close(session_id id, log_time now);

  std::size_t size() const { return sessions_.size(); }

  /// The table's bytes (docs/formats/session.md). Precondition: nothing is under way.
  std::vector<std::byte> save() const;
  /// Replaces everything by what `save` gave, and reads no further. Errors: the reader's,
  /// `malformed`; the table is then what it was.
  result<void> restore(const snapshot_reader& reader);

 private:
  enum class state : std::uint8_t { unseen, under_way, answered, forgotten };
  struct slot {
    state what = state::unseen;
    shared_bytes answer;
  };
  struct session {
    session_limits limits;
    log_time last_use;
    std::uint64_t floor = 1;  // no serial below is known any more
    std::deque<slot> slots;   // of the serials from floor on; at most a window
    std::uint64_t answer_bytes = 0;
    std::list<session_id>::iterator place;
  };

  result<void> restore_session(const snapshot_reader& reader);
  void expire(log_time now);
  void erase(session_id id);
  void touch(session& one, log_time now);
  static void raise_floor(session& one, std::uint64_t to);
  static void forget_answers(session& one);
  static bool is_over(const session& one, log_time now);

  std::unordered_map<session_id, session> sessions_;
  std::list<session_id> by_use_;  // least recently used first
};

}  // namespace mainstay::detail
