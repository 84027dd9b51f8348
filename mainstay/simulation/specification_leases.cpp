/// Leases (thesis §6.4.1): what a follower may promise, and when a leader's promises add up.
#include <algorithm>

#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation::specification {

namespace {

/// What a clock may count of a span when another one that keeps the bound counts all of it.
duration at_least(duration span, std::uint64_t drift) {
  const double kept = 1.0 - static_cast<double>(drift) / 1e6;
  return duration(static_cast<duration::rep>(static_cast<double>(span.count()) * kept) + 1);
}

}  // namespace

/// The follower is bound from the moment at which it took the request that it answers, so the span
/// that it names must be the one for which it refuses votes.
bool server::may_promise(const owed_answer& owes, const core::append_entries_response& m) const {
  const auto kept = std::chrono::floor<std::chrono::microseconds>(settings.election_timeout_min);
  return settings.lease_reads && owes.follows && m.term == owes.asked &&
         m.lease_promise <= static_cast<std::uint64_t>(kept.count());
}

/// A peer that answers a round was sent it no earlier than anyone was, so the promise lasts from
/// then on, however long the answer took.
void server::take_promise(peer& from, const core::append_entries_response& m) const {
  if (!settings.lease_reads || m.lease_promise == 0 || m.round > newest_round) return;
  const auto sent = leading->first_sent.find(m.round);
  if (sent == leading->first_sent.end()) return;
  const duration longest = settings.election_timeout_max;
  const duration promised = std::chrono::microseconds(m.lease_promise);
  from.promised_until =
      std::max(from.promised_until,
               sent->second + at_least(std::min(promised, longest), settings.max_clock_drift));
}

void server::note_round(std::uint64_t round) {
  leading->first_sent.try_emplace(round, now);
  std::erase_if(leading->first_sent, [&](const auto& sent) {
    return sent.second + settings.election_timeout_max < now;  // what rested on it is over
  });
}

bool server::has_lease() const {
  if (!settings.lease_reads || !leading || leading->has_ever_told) return false;
  if (commit_index < leading->first_index) return false;
  return leading->members.has_quorum([&](node_id other) {
    const auto p = std::ranges::find(leading->peers, other, &peer::id);
    return other == id || (p != leading->peers.end() && now < p->promised_until);
  });
}

}  // namespace mainstay::simulation::specification
