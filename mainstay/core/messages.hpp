/// The messages of Raft, with the paper's names. Every request gets exactly one response, which
/// carries the request's `call` back; so any request-and-response transport can carry them.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/core/entry.hpp"
#include "mainstay/core/snapshot.hpp"

namespace mainstay::core {

/// Paper §5.2, figure 2; with `pre_vote` set, the question of thesis §9.6 ("would you?").
struct request_vote {
  mainstay::term term;  ///< the candidate's term; for a pre-vote the term it would start
  log_index last_log_index;
  mainstay::term last_log_term;
  bool pre_vote = false;
  bool leadership_transfer =
      false;  ///< the old leader asked for it: skip stickiness (thesis §4.2.3)

  friend bool operator==(const request_vote&, const request_vote&) = default;
};

/// A granted pre-vote carries the term that was asked about; everything else the voter's own.
struct request_vote_response {
  mainstay::term term;
  bool vote_granted = false;
  bool pre_vote = false;

  friend bool operator==(const request_vote_response&, const request_vote_response&) = default;
};

/// Paper §5.3, figure 2. Without entries it is a heartbeat.
struct append_entries {
  mainstay::term term;
  log_index prev_log_index;
  mainstay::term prev_log_term;
  log_index leader_commit;
  std::uint64_t round = 0;  ///< the leader's read round (thesis §6.4), given back in the response
  std::vector<entry> entries;

  friend bool operator==(const append_entries&, const append_entries&) = default;
};

/// Sent once what it reports is durable. On success `match_index` is the last index known to equal
/// the leader's log and to be on this node's disk. On a mismatch, `conflict_index` and
/// `conflict_term` say where the leader should look next (paper §5.3, last paragraphs).
struct append_entries_response {
  mainstay::term term;
  bool success = false;
  log_index match_index;
  log_index conflict_index;      ///< first index that the leader has to send, at the latest
  mainstay::term conflict_term;  ///< the follower's term at prev_log_index; none: log too short
  log_index rejected_index;      ///< on a mismatch: the prev_log_index that was refused
  std::uint64_t round = 0;
  /// Microseconds from the request's arrival in which this node elects nobody, unless the leader
  /// itself asks it to; 0: it promises nothing (thesis §6.4.1).
  std::uint64_t lease_promise = 0;

  friend bool operator==(const append_entries_response&, const append_entries_response&) = default;
};

/// Paper §7: one chunk of a snapshot. The image's size tells which is the last.
struct install_snapshot {
  mainstay::term term;
  snapshot_id image;         ///< with last_included_index and last_included_term
  std::uint64_t offset = 0;  ///< of `data` within the image, in bytes
  shared_bytes data;

  friend bool operator==(const install_snapshot&, const install_snapshot&) = default;
};

/// Tells the offset that the follower expects next, so that a transfer can resume. Once everything
/// up to the snapshot is on the follower's disk, `match_index` says so, and nothing more is needed.
struct install_snapshot_response {
  mainstay::term term;
  bool success = false;  ///< false: this follower takes nothing from the sender
  std::uint64_t next_offset = 0;
  log_index match_index;  ///< none: the image is not whole there yet

  friend bool operator==(const install_snapshot_response&,
                         const install_snapshot_response&) = default;
};

/// Leadership transfer (thesis §3.10): the receiver starts an election at once.
struct timeout_now {
  mainstay::term term;

  friend bool operator==(const timeout_now&, const timeout_now&) = default;
};

/// Says whether the receiver took it up.
struct timeout_now_response {
  mainstay::term term;
  bool accepted = false;

  friend bool operator==(const timeout_now_response&, const timeout_now_response&) = default;
};

/// A follower asks the leader from which index on its reads are linearizable (thesis §6.4).
struct read_index {
  mainstay::term term;

  friend bool operator==(const read_index&, const read_index&) = default;
};

/// Sent once a majority has confirmed that the leader still leads (thesis §6.4, step 3).
struct read_index_response {
  mainstay::term term;
  bool success = false;
  log_index index;  ///< on success: apply at least this far, then read

  friend bool operator==(const read_index_response&, const read_index_response&) = default;
};

/// Every message there is. The order is that of `message_kind` and of the wire.
using message = std::variant<request_vote, request_vote_response, append_entries,
                             append_entries_response, install_snapshot, install_snapshot_response,
                             timeout_now, timeout_now_response, read_index, read_index_response>;

/// A message on its way. `call` is chosen by whoever sends the request, means nothing to anyone
/// else, and comes back in the response.
struct envelope {
  node_id from;
  node_id to;
  std::uint64_t call = 0;
  core::message message;

  friend bool operator==(const envelope&, const envelope&) = default;
};

/// True for messages that ask for a response.
bool is_request(const message& m);

/// The sender's term, which every message carries.
mainstay::term term_of(const message& m);

}  // namespace mainstay::core
