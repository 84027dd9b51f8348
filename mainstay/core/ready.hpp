/// Everything that the core wants done, handed out by `raft::take_ready`.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/core/messages.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/core/transfer.hpp"

namespace mainstay::core {

/// What a replica is at the moment (paper §5.1, thesis §9.6).
enum class role : std::uint8_t { follower, pre_candidate, candidate, leader };

/// The name as it stands in logs and status pages: "leader".
const char* name_of(role r);

/// Who leads, as far as this replica knows.
struct leadership {
  core::role role = core::role::follower;
  mainstay::term term;
  node_id leader;  ///< none: unknown

  friend bool operator==(const leadership&, const leadership&) = default;
};

/// A read may be answered once the state machine has applied `index`.
struct read_grant {
  std::uint64_t context = 0;  ///< as given to `raft::read`
  log_index index;
  bool by_lease = false;  ///< answer it only if `raft::has_lease` in the same term still, then

  friend bool operator==(const read_grant&, const read_grant&) = default;
};

/// A read that cannot be granted any more.
struct read_failure {
  std::uint64_t context = 0;
  error why;

  friend bool operator==(const read_failure&, const read_failure&) = default;
};

/// Entries [first, last] are wanted from storage, up to `max_bytes` but at least one; the answer
/// goes to `raft::log_read` with the same id.
struct log_read_request {
  std::uint64_t id = 0;
  log_index first;
  log_index last;
  std::uint64_t max_bytes = 0;

  friend bool operator==(const log_read_request&, const log_read_request&) = default;
};

/// A piece of an image is wanted from storage, up to `max_bytes`; the answer goes to
/// `raft::snapshot_read` with the same id.
struct snapshot_read_request {
  std::uint64_t id = 0;
  snapshot_id image;
  std::uint64_t offset = 0;
  std::uint64_t max_bytes = 0;

  friend bool operator==(const snapshot_read_request&, const snapshot_read_request&) = default;
};

/// A piece of an image has come: storage adds it to what it has of this image, and the answer goes
/// to `raft::snapshot_chunk_stored` with the same id.
struct snapshot_chunk {
  std::uint64_t id = 0;
  snapshot_id image;
  std::uint64_t offset = 0;
  shared_bytes data;

  friend bool operator==(const snapshot_chunk&, const snapshot_chunk&) = default;
};

/// One turn's work. All parts are independent of each other and may be carried out in parallel:
/// messages that promise durability are held back by the core until `persisted` says so.
struct ready {
  persist_batch persist;           ///< make durable, then call `persisted`; may be empty
  std::vector<envelope> messages;  ///< send now
  std::vector<entry> committed;    ///< apply in order, then call `applied`
  std::vector<read_grant> granted_reads;
  std::vector<read_failure> failed_reads;
  std::vector<log_read_request> log_reads;
  std::optional<leadership> changed;  ///< set when role, term or leader changed
  std::vector<snapshot_read_request> snapshot_reads;
  std::vector<snapshot_chunk> snapshot_chunks;
  /// Make the received image the snapshot of this replica, then call `snapshot_installed`.
  std::optional<snapshot_id> install;
  /// The state machine takes the state of this image, before anything that is `committed` from now
  /// on; then call `applied` with its last included index.
  std::optional<snapshot> restore;
  log_index compact_to;  ///< entries up to here are not needed any more; none: nothing to do
  std::optional<transfer_result> transfer;  ///< set when a transfer of leadership has ended

  /// True when there is nothing to do.
  bool empty() const {
    return persist.empty() && messages.empty() && committed.empty() && granted_reads.empty() &&
           failed_reads.empty() && log_reads.empty() && !changed && snapshot_reads.empty() &&
           snapshot_chunks.empty() && !install && !restore && !compact_to && !transfer;
  }

  friend bool operator==(const ready&, const ready&) = default;
};

}  // namespace mainstay::core
