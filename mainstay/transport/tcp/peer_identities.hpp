/// Which disk stands behind each peer's id, so that a wiped disk cannot pass as the node it was
/// (hazards 67, 68). One object is shared by the client and the server of a node.
#pragma once

#include <cstddef>
#include <functional>
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
class peer_identities {
 public:
  /// Whether a claim is believed; asked only when `claimed` differs from `known`.
  using judge = std::function<bool(const peer_claim&)>;
  /// Writes down a claim that is believed. Durable when it returns without an error.
  using recorder = std::function<result<void>(node_id, incarnation)>;

  /// `capacity` bounds how many peers are remembered; further ones are refused.
  explicit peer_identities(std::size_t capacity = 1024) : capacity_(capacity) {}

  /// Replaces the rule. Without one a peer is believed when it was never seen.
  void decide_by(judge rule) { rule_ = std::move(rule); }
  /// What remembers beyond this process. Without one, a peer whose disk was wiped while every node
  /// was down passes for the old one.
  void record_with(recorder record) { recorder_ = std::move(record); }
  /// True when something remembers beyond this process.
  bool is_recorded() const { return static_cast<bool>(recorder_); }

  /// Sets what is known, as read from a disk or a configuration. Records nothing.
  void remember(node_id peer, incarnation known) { known_[peer] = known; }
  /// Forgets a peer that left the cluster.
  void forget(node_id peer) { known_.erase(peer); }
  /// What is known; none when the peer was never seen.
  incarnation known(node_id peer) const;

  /// Takes a peer's claim; one that is new is recorded first, so that the peer is accepted only
  /// once it will be known again. Errors: `wrong_identity` with a sentence for the operator, when
  /// its disk is not the one known; `overloaded` when no more peers can be remembered; those of the
  /// recorder. On error nothing has been learnt.
  result<void> admit(node_id peer, incarnation claimed);

 private:
  std::size_t capacity_;
  std::unordered_map<node_id, incarnation> known_;
  judge rule_;
  recorder recorder_;
};

}  // namespace mainstay
