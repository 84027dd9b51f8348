#include "mainstay/simulation/checkers/election_checkers.hpp"

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

void election_safety::after(const core::raft&, const core_input&) { check(); }
void election_safety::took_ready(const core::raft&, const core::ready&) { check(); }

void election_safety::check() {
  const ghost_change& change = ghost_.change();
  if (!change.begins_to_lead) return;
  const term t = ghost_.of(change.node).position.term;
  const auto [leader, is_new] = leaders_.try_emplace(t, change.node);
  if (is_new || leader->second == change.node) return;
  throw violation(
      property::election_safety, change.node,
      sentence("nodes ", leader->second, " and ", change.node, " both lead in term ", t));
}

void single_vote::started(const core::raft& core) {
  if (core.voted_for()) note(core.id(), core.current_term(), core.voted_for());
}

void single_vote::took_ready(const core::raft& core, const core::ready& ready) {
  for (const auto& e : ready.messages) {
    if (const auto* request = std::get_if<core::request_vote>(&e.message)) {
      // A candidate votes for itself (paper §5.2).
      if (!request->pre_vote) note(core.id(), request->term, core.id());
    } else if (const auto* vote = std::get_if<core::request_vote_response>(&e.message)) {
      if (vote->vote_granted && !vote->pre_vote) note(core.id(), vote->term, e.to);
    }
  }
}

void single_vote::wiped(node_id voter) {
  std::erase_if(votes_, [voter](const auto& vote) { return vote.first.first == voter; });
}

void single_vote::note(node_id voter, term t, node_id candidate) {
  const auto [vote, is_new] = votes_.try_emplace({voter, t}, candidate);
  if (is_new || vote->second == candidate) return;
  throw violation(property::single_vote, voter,
                  sentence("node ", voter, " votes for ", vote->second, " and for ", candidate,
                           " in term ", t));
}

void leader_completeness::after(const core::raft&, const core_input&) { check(); }
void leader_completeness::took_ready(const core::raft&, const core::ready&) { check(); }

void leader_completeness::check() {
  const ghost_change& change = ghost_.change();
  if (!change.begins_to_lead) return;
  const ghost_node& node = ghost_.of(change.node);

  // A leader of a lower term that comes late may lack what a higher one has committed.
  log_index needed = ghost_.last_committed();
  while (needed && ghost_.committed_by(needed) >= node.position.term) needed = needed.previous();
  if (!needed || node.log.at(needed) == ghost_.committed(needed)) return;
  throw violation(
      property::leader_completeness, change.node,
      sentence("node ", change.node, " leads in term ", node.position.term, " without index ",
               needed, ", which was committed in term ", ghost_.committed_by(needed)));
}

}  // namespace mainstay::simulation
