#include "mainstay/transport/tcp/peer_identities.hpp"

#include <utility>

#include <fmt/format.h>

namespace mainstay {

incarnation peer_identities::known(node_id peer) const {
  const auto at = known_.find(peer);
  return at == known_.end() ? incarnation() : at->second.disk;
}

result<void> peer_identities::follow_members(member_list members, bool is_settled) {
  members_ = std::move(members);
  if (!is_settled) return {};
  for (auto at = known_.begin(); at != known_.end();) {
    const auto member = members_->find(at->first);
    if (member != members_->end() && member->second == at->second.joined) {
      ++at;
      continue;
    }
    if (eraser_) {
      if (auto erased = eraser_(at->first); !erased) return erased;
    }
    at = known_.erase(at);
  }
  return {};
}

result<void> peer_identities::admit(node_id peer, incarnation claimed) {
  const peer_claim claim{peer, known(peer), claimed};
  if (claim.claimed == claim.known) return {};
  const bool is_stranger = members_ && !members_->contains(peer);
  if (!claim.known && !is_stranger && known_.size() >= capacity_) {
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
            "wiped or replaced, and what it promised is forgotten; restore the disk, or let it "
            "join anew: \"mainstayctl member remove {}\", then start it with --join",
            peer.value(), claimed.value(), claim.known.value(), peer.value()));
  }
  if (is_stranger && !claim.known) return {};
  return learn(peer, claimed, members_ && !is_stranger ? members_->at(peer) : log_index());
}

result<void> peer_identities::learn(node_id peer, incarnation claimed, log_index joined) {
  if (recorder_) {
    if (auto recorded = recorder_(peer, claimed, joined); !recorded) {
      return fail(recorded.error().code,
                  fmt::format("node {} is new here and its disk cannot be remembered: {}",
                              peer.value(), recorded.error().message));
    }
  }
  known_[peer] = {claimed, joined};
  return {};
}

}  // namespace mainstay
