/// What a client asks within a session (thesis §6.3), as it stands in the payload of an entry of
/// the kind `session` (docs/formats/session.md).
#pragma once

#include <cstdint>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"

namespace mainstay {

/// What a session may keep on every replica. Whoever opens it stamps its own limits on the entry,
/// so that all replicas go by the same ones.
struct session_limits {
  duration time_to_live = std::chrono::hours(1);  ///< without use; longer than any retry
  /// Serials that it remembers; a client has at most so many commands under way.
  std::uint32_t window = 256;
  std::uint32_t answer_bytes = 64 * 1024;  ///< of remembered answers
  std::uint32_t sessions = 4096;  ///< in the whole cluster; the least recently used goes first

  friend bool operator==(const session_limits&, const session_limits&) = default;
};

/// Names a session: the log index of the entry that opened it. 0: none.
using session_id = std::uint64_t;

/// What an entry asks of a session.
enum class session_operation : std::uint8_t {
  open = 1,   ///< the answer is the id, 8 bytes, little-endian
  use = 2,    ///< a command, to be applied once however often it comes
  close = 3,  ///< the answer is empty; also when it was closed before
};

/// One request.
struct session_request {
  session_operation operation = session_operation::use;
  session_limits limits;             ///< of an opening
  session_id session = 0;            ///< of a use and of a closing
  std::uint64_t serial = 0;          ///< of a use: names the command within the session; from 1
  std::uint64_t lowest_waiting = 0;  ///< of a use: no serial below it is asked for again
  shared_bytes command;              ///< of a use

  friend bool operator==(const session_request&, const session_request&) = default;
};

/// The largest window that a session may have.
inline constexpr std::uint32_t max_session_window = 65536;

/// The bytes in front of a command.
inline constexpr std::size_t session_header_bytes = 25;

/// Bytes of an entry's payload.
shared_bytes encode(const session_request& request);
/// Reads them back; the command is a slice of `payload`. Errors: `malformed`.
result<session_request> decode_session_request(const shared_bytes& payload);

/// Encodes uses of a session; `first` says the session and the serial of the first command, those
/// of the others follow.
std::vector<shared_bytes> encode_uses(session_request first, std::vector<shared_bytes> commands);

/// The answer to an opening.
shared_bytes encode_session_id(session_id id);
/// The id in the answer to an opening. Errors: `malformed`.
result<session_id> opened_session(const shared_bytes& answer);

/// Checks what a node is told. Errors: `invalid_argument`.
result<void> check(const session_limits& limits);

}  // namespace mainstay
