/// Errors as values: what went wrong, in a sentence for an operator, with what a program needs to
/// decide. Our own bugs are assertions instead (assert.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mainstay/base/ids.hpp"

namespace mainstay {

/// What kind of failure an `error` is. The comment tells what is known of a submitted command.
enum class error_code : std::uint8_t {
  // Refused: certainly not committed.
  not_leader,        ///< another node leads, or none does; see `error::leader`
  overloaded,        ///< a queue is at its byte limit; try again later
  shutting_down,     ///< the node is stopping
  invalid_argument,  ///< the caller's input breaks a rule that the message names
  no_space,          ///< the disk is full; the node accepts writes again when space returns
  overwritten,       ///< another leader's entry took the command's index
  // Unknown: may yet commit, or may have committed.
  timed_out,        ///< the deadline passed first
  leadership_lost,  ///< the leader stepped down while the command was in flight
  disconnected,     ///< the connection was lost while the answer was outstanding
  // Failures of parts.
  unreachable,     ///< the peer could not be reached; nothing was sent
  malformed,       ///< bytes from a wire or a disk do not follow their format
  corrupt,         ///< stored bytes are damaged: they were written, and read back differently
  io_failed,       ///< the operating system refused an operation on a file or socket
  wrong_identity,  ///< cluster id, node id or incarnation differ from what was expected
  apply_failed,    ///< the state machine reported a failure; the replica stopped applying
  unsupported,     ///< the version or feature is not known to this build
  // Refused by a session (thesis §6.3): this attempt changed nothing. What became of an earlier
  // attempt of the same serial, they do not tell.
  session_expired,  ///< the session is not known: it was closed, or unused for too long
  stale_serial,     ///< the serial is behind what the session remembers
};

/// The last of them.
inline constexpr auto last_error_code = error_code::stale_serial;

/// The name of a code, as it stands in logs and metrics: "not_leader".
std::string_view name_of(error_code code);
/// The code of that name; none when there is none.
std::optional<error_code> error_code_named(std::string_view name);

/// What may be said of a submitted command after it failed.
enum class outcome : std::uint8_t {
  refused,  ///< certainly not committed, now or later
  unknown,  ///< may have committed, or may yet
};

/// The outcome that a code stands for.
outcome outcome_of(error_code code);

/// A failure: code, a sentence for the operator, and the leader's id where that helps.
struct error {
  error_code code;
  std::string message;
  node_id leader{};  ///< whom to ask instead; none when unknown

  friend bool operator==(const error&, const error&) = default;
};

/// A value, or why there is none.
template <class T>
using result = std::expected<T, error>;

/// Makes the failed side of a `result`.
inline std::unexpected<error> fail(error_code code, std::string message, node_id leader = {}) {
  return std::unexpected(error{code, std::move(message), leader});
}

}  // namespace mainstay
