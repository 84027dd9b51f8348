/// The configuration as the log says it (paper §6): in force from append on, taken back when its
/// entry is truncated.
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

void raft::configuration_appended(log_index index, core::configuration c) {
  MAINSTAY_ASSERT(index > configurations_.back().index);
  configurations_.push_back({index, std::move(c)});
  if (role_ == role::leader) track_members();
}

void raft::roll_back_configurations(log_index from) {
  while (configurations_.back().index >= from) configurations_.pop_back();
  MAINSTAY_ASSERT(!configurations_.empty());
}

/// Makes the leader's progress table match the members.
void raft::track_members() {
  std::erase_if(progress_,
                [this](const auto& one) { return !configuration().contains(one.first); });
  for (const auto& m : configuration().members()) {
    if (m.id == id_ || progress_.contains(m.id)) continue;
    progress p;
    p.next_index = log_.last_index().next();
    p.last_response = timing_.now;  // a newcomer counts as heard, or it would depose a sound leader
    progress_.emplace(m.id, std::move(p));
  }
}

}  // namespace mainstay::core
