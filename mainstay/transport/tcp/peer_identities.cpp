#include "mainstay/transport/tcp/peer_identities.hpp"

#include <utility>

#include <fmt/format.h>

namespace mainstay {

incarnation peer_identities::known(node_id peer) const {
  const auto at = known_.find(peer);
  return at == known_.end() ? incarnation() : at->second;
}

result<void> peer_identities::admit(node_id peer, incarnation claimed) {
  const peer_claim claim{peer, known(peer), claimed};
  if (claim.claimed == claim.known) return {};
  if (!claim.known && known_.size() >= capacity_) {
    return fail(
        error_code::overloaded,
        fmt::format("node {} is unknown, and {} peers are known already, which is the limit",
                    peer.value(), capacity_));
  }
  const bool believed = rule_ ? rule_(claim) : !claim.known;
  if (!believed) {
    return fail(
        error_code::wrong_identity,
        fmt::format(
            "node {} comes with disk incarnation {:016x}, known is {:016x}: its disk was "
            "wiped or replaced, and what it promised is forgotten; restore the disk, or see "
            "the operations page on replacing one",
            peer.value(), claimed.value(), claim.known.value()));
  }
  if (recorder_) {
    if (auto recorded = recorder_(peer, claimed); !recorded) {
      return fail(recorded.error().code,
                  fmt::format("node {} is new here and its disk cannot be remembered: {}",
                              peer.value(), recorded.error().message));
    }
  }
  known_[peer] = claimed;
  return {};
}

}  // namespace mainstay
