/// Which disk stands behind each peer's id, so that a wiped disk cannot pass as the node it was
/// (hazards 67, 68). One object is shared by the client and the server of a node.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"

namespace mainstay {

/// What a peer says of itself, and what is known.
struct peer_claim {
  node_id peer;
  incarnation known;  ///< none: this peer was never seen
  incarnation claimed;
};

/// Remembers the incarnation learnt in each peer's handshake. Used on the loop only.
///
/// Whoever leaves the cluster is forgotten, so that its id can come again with another disk: tell
/// who belongs to it by `follow_members`. Where nobody does, every peer is taken for a member, and
/// remembered for ever.
class peer_identities {
 public:
  /// Whether a claim is believed; asked only when `claimed` differs from `known`.
  using judge = std::function<bool(const peer_claim&)>;
  /// Writes down a claim that is believed, with the index at which the peer joined. Durable when it
  /// returns without an error.
  using recorder = std::function<result<void>(node_id, incarnation, log_index joined)>;
  /// Strikes a peer out of what was written down. Durable as above.
  using eraser = std::function<result<void>(node_id)>;
  /// The members, and the index at which each joined (`core::member::joined`).
  using member_list = std::map<node_id, log_index>;

  /// `capacity` bounds how many peers are remembered; further ones are refused.
  explicit peer_identities(std::size_t capacity = 1024) : capacity_(capacity) {}

  /// Replaces the rule. Without one a peer is believed when it was never seen.
  void decide_by(judge rule) { rule_ = std::move(rule); }
  /// What remembers beyond this process. Without one, a peer whose disk was wiped while every node
  /// was down passes for the old one.
  void record_with(recorder record, eraser erase = {}) {
    recorder_ = std::move(record);
    eraser_ = std::move(erase);
  }
  /// True when something remembers beyond this process.
  bool is_recorded() const { return static_cast<bool>(recorder_); }

  /// Sets what is known, as read from a disk. Records nothing.
  void remember(node_id peer, incarnation known, log_index joined = {}) {
    known_[peer] = {known, joined};
  }
  /// Who belongs to the cluster from now on. Others are still heard, since this node may be the one
  /// that is behind, but not remembered. `is_settled`: there is no way back to the members before,
  /// so that those of them who are gone, or have come anew, are forgotten. Errors: those of the
  /// eraser; it is tried again with the next call.
  result<void> follow_members(member_list members, bool is_settled);
  /// What is known; none when the peer was never seen.
  incarnation known(node_id peer) const;

  /// Takes a peer's claim; one that is new is recorded first, so that the peer is accepted only
  /// once it will be known again. Errors: `wrong_identity` with a sentence for the operator, when
  /// its disk is not the one known; `overloaded` when no more peers can be remembered; those of the
  /// recorder. On error nothing has been learnt.
  result<void> admit(node_id peer, incarnation claimed);

 private:
  struct known_peer {
    incarnation disk;
    log_index joined;
  };
  result<void> learn(node_id peer, incarnation claimed, log_index joined);

  std::size_t capacity_;
  std::unordered_map<node_id, known_peer> known_;
  std::optional<member_list> members_;  // none: everyone is one
  judge rule_;
  recorder recorder_;
  eraser eraser_;
};

}  // namespace mainstay
