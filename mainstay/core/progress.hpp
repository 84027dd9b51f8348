/// What a leader knows of one peer's log (paper §5.3: nextIndex and matchIndex), and how much is on
/// its way to it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/snapshot.hpp"

namespace mainstay::core {

/// How a leader sends to a peer.
enum class progress_state : std::uint8_t {
  probe,      ///< looking for the match: one append_entries at a time
  replicate,  ///< match known: pipelined, within the window
  snapshot,   ///< its next entry was compacted away: it needs a snapshot
};

/// The name as it stands in status pages: "replicate".
const char* name_of(progress_state state);

/// An image on its way to the peer, chunk by chunk.
struct image_transfer {
  snapshot_id image;
  std::uint64_t next_offset = 0;
  bool offset_known = false;      ///< the peer has told where it wants to go on
  std::uint64_t chunk_bytes = 0;  ///< of the next chunk, at most; follows the link's pace
  std::uint64_t read = 0;         ///< the read of storage under way for it; 0: none
  std::uint64_t call = 0;         ///< the chunk that is unanswered; 0: none
  instant sent_at{};              ///< when that left
  instant not_before{};           ///< the next chunk must wait until then
  bool refused = false;           ///< wait for the next heartbeat
  std::uint64_t held_back = 0;    ///< compactions that stopped at this image
  friend bool operator==(const image_transfer&, const image_transfer&) = default;
};

/// One peer, as the leader of the current term sees it. match_index only rises.
struct progress {
  /// An append_entries with entries that is on its way.
  struct flight {
    log_index last_index;
    std::uint64_t bytes = 0;
    friend bool operator==(const flight&, const flight&) = default;
  };

  /// A round of catching up (thesis §4.2.1): the log as far as it went when the round began.
  struct catch_up {
    log_index target;
    instant began{};
    std::uint32_t slow_rounds = 0;  ///< that took an election timeout or longer
    friend bool operator==(const catch_up&, const catch_up&) = default;
  };

  progress_state state = progress_state::probe;
  log_index match_index;                    ///< durable on the peer and equal to ours up to here
  log_index next_index;                     ///< the next entry to send
  log_index sent_commit;                    ///< the highest leader_commit sent to it
  std::uint64_t acked_round = 0;            ///< the newest read round that it answered
  std::uint64_t sent_round = 0;             ///< the newest read round sent to it
  instant last_response{};                  ///< when it last answered
  instant promised_until = instant::min();  ///< by our clock, it elects nobody before
  bool probe_sent = false;       ///< probe: wait for the answer, or for the next heartbeat
  std::uint64_t log_read = 0;    ///< the log read under way for it; 0: none
  std::deque<flight> in_flight;  ///< replicate: unanswered, oldest first
  std::uint64_t in_flight_bytes = 0;
  std::optional<image_transfer> transfer;  ///< snapshot: set while its turn lasts
  catch_up catching_up;                    ///< learners
  std::optional<instant> leaving_since;    ///< set: no member any more, and being told so
  /// Leaving: who answers this call, or a later one, knows that it has left.
  std::optional<std::uint64_t> farewell_call;
  /// Set for who became a member under this leader: calls up to this one were for an earlier life.
  std::optional<std::uint64_t> joined_after_call;

  void become_probe();
  void become_replicate();
  void become_snapshot();

  /// True when an answer to this call comes from the member as it is.
  bool counts(std::uint64_t call) const {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    return !joined_after_call || call - *joined_after_call - 1 < half;
  }
  /// Notes that entries up to `last_index` were sent.
  void sent(log_index last_index, std::uint64_t bytes);
  /// Notes that the peer has everything up to `index` on disk. True when that is news.
  bool acknowledge(log_index index);

  friend bool operator==(const progress&, const progress&) = default;
};

}  // namespace mainstay::core
