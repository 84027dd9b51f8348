#include "mainstay/simulation/checkers/log_checkers.hpp"

#include <algorithm>

#include "mainstay/core/quorum.hpp"
#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

void log_matching::started(const core::raft&) { check(); }
void log_matching::after(const core::raft&, const core_input&) { check(); }
void log_matching::took_ready(const core::raft&, const core::ready&) { check(); }

void log_matching::check() const {
  const ghost_change& change = ghost_.change();
  if (!change.rival) return;
  const known_entry& e = ghost_.logs().at(change.prefix);
  const bool same_before = e.before == ghost_.logs().at(change.rival).before;
  throw violation(property::log_matching, change.node,
                  sentence("node ", change.node, " has at index ", e.index, " of term ", e.term,
                           same_before ? " another entry" : " another log before it",
                           " than was seen elsewhere"));
}

void leader_append_only::after(const core::raft&, const core_input&) { check(); }
void leader_append_only::took_ready(const core::raft&, const core::ready&) { check(); }

void leader_append_only::check() const {
  const ghost_change& change = ghost_.change();
  if (!change.removed_from || change.before.role != core::role::leader) return;
  const core_position& now = ghost_.of(change.node).position;
  // Whoever loses its leadership with the same input may follow the new leader at once.
  if (now.role != core::role::leader || now.term != change.before.term) return;
  throw violation(property::leader_append_only, change.node,
                  sentence("node ", change.node, " leads in term ", now.term,
                           " and removed its entries from index ", change.removed_from, " on"));
}

void commit_validity::after(const core::raft& core, const core_input&) { check(core); }
void commit_validity::took_ready(const core::raft& core, const core::ready&) { check(core); }

void commit_validity::check(const core::raft& core) const {
  const ghost_change& change = ghost_.change();
  const ghost_node& node = ghost_.of(change.node);
  const log_index index = node.position.commit_index;
  if (index <= change.before.commit_index) return;
  // A leader that the members it commits leave out gives up leading with the same input.
  const bool led = change.before.role == core::role::leader;
  const bool leads =
      node.position.role == core::role::leader || (led && change.before.term == node.position.term);
  if (index > change.committed_before && !leads && !has_forged_leaders_) {
    throw violation(property::commit_validity, change.node,
                    sentence("node ", change.node, " takes index ", index,
                             " for committed, but leaders have committed up to ",
                             change.committed_before, " only"));
  }
  if (leads) check_leader(core, node);
  if (leads) check_joint(core, node);
  const log_index known = std::min(index, change.committed_before);
  if (node.log.at(known) == ghost_.committed(known)) return;
  throw violation(property::commit_validity, change.node,
                  sentence("node ", change.node, " commits another log up to index ", known,
                           " than the one committed in term ", ghost_.committed_by(known)));
}

void commit_validity::check_leader(const core::raft& core, const ghost_node& node) const {
  const log_index index = node.position.commit_index;
  const log_prefix prefix = node.log.at(index);
  const term of_entry = ghost_.logs().at(prefix).term;
  if (of_entry != node.position.term) {
    throw violation(property::commit_validity, core.id(),
                    sentence("node ", core.id(), " commits index ", index, " of term ", of_entry,
                             " by counting in term ", node.position.term, " (paper §5.4.2)"));
  }
  const auto holds = [&](node_id id) { return ghost_.durable_at(id, index) == prefix; };
  if (core::is_quorum(core.configuration(), holds)) return;
  std::string holders;
  for (const auto& m : core.configuration().members()) {
    if (holds(m.id)) holders += sentence(" ", m.id);
  }
  throw violation(property::commit_validity, core.id(),
                  sentence("node ", core.id(), " commits index ", index, " of term ", of_entry,
                           ", which is no quorum's: on the disks of",
                           holders.empty() ? " nobody" : "", holders));
}

/// Paper §6: a leader that goes over to the new members has the joint configuration committed by
/// both majorities.
void commit_validity::check_joint(const core::raft& core, const ghost_node& node) const {
  const auto& indexes = node.configurations;
  const log_index appended = ghost_.change().appended_from;
  if (indexes.size() < 2 || !appended || indexes.back() < appended) return;
  const log_index joint = indexes[indexes.size() - 2];
  const auto* members = ghost_.logs().configuration_at(node.log.at(joint));
  if (members == nullptr || !members->is_joint() || core.configuration().is_joint()) return;
  const log_prefix prefix = node.log.at(joint);
  const auto holds = [&](node_id id) { return ghost_.durable_at(id, joint) == prefix; };
  if (core::is_quorum(*members, holds)) return;
  throw violation(property::commit_validity, core.id(),
                  sentence("node ", core.id(), " ends the joint configuration of index ", joint,
                           ", which is on no quorum's disks"));
}

// ---- Configurations ---------------------------------------------------------------------------

namespace {

/// True when any majority of `a` shares a member with any majority of `b`.
bool majorities_meet(const std::vector<core::member>& a, const std::vector<core::member>& b) {
  const auto common = std::ranges::count_if(a, [&](const core::member& m) {
    return std::ranges::any_of(b, [&](const core::member& other) { return other.id == m.id; });
  });
  const auto all = a.size() + b.size() - static_cast<std::size_t>(common);
  return a.size() / 2 + 1 + b.size() / 2 + 1 > all;
}

/// A quorum has a majority in each set of voters, so one pair of sets that must meet is enough.
bool quorums_meet(const core::configuration& a, const core::configuration& b) {
  for (const auto* of_a : {&a.voters, &a.outgoing_voters}) {
    for (const auto* of_b : {&b.voters, &b.outgoing_voters}) {
      if (!of_a->empty() && !of_b->empty() && majorities_meet(*of_a, *of_b)) return true;
    }
  }
  return false;
}

}  // namespace

void configuration_safety::started(const core::raft& core) {
  // A newcomer begins with what it was told, which the log may have left behind, or not come to.
  if (!core.configuration_index()) first_.erase(core.id());
  const bool is_first_member =
      !core.configuration_index() && core.configuration().is_voter(core.id());
  if (is_first_member) first_.insert_or_assign(core.id(), core.configuration());
  check(core);
}
void configuration_safety::after(const core::raft& core, const core_input&) { check(core); }
void configuration_safety::took_ready(const core::raft& core, const core::ready&) { check(core); }

void configuration_safety::check(const core::raft& core) {
  const ghost_node& node = ghost_.of(core.id());
  const log_index newest = node.configurations.empty() ? log_index{} : node.configurations.back();
  const log_index included =
      core.snapshot() ? core.snapshot()->id.last_included_index : log_index{};
  const bool is_of_snapshot = newest <= included && core.configuration_index() <= included;
  if (is_of_snapshot) return check_newest(core, node);
  if (core.configuration_index() != newest) {
    throw violation(
        property::configuration, core.id(),
        sentence("node ", core.id(), " goes by the configuration of index ",
                 core.configuration_index(), ", but the newest in its log is at ", newest));
  }
  const ghost_change& change = ghost_.change();
  if (!newest || !change.appended_from || newest < change.appended_from) return;
  check_newest(core, node);
  check_step(core, node);
}

void configuration_safety::check_newest(const core::raft& core, const ghost_node& node) const {
  if (node.configurations.empty()) return;
  const log_index newest = node.configurations.back();
  const auto* said = ghost_.logs().configuration_at(node.log.at(newest));
  if (said != nullptr && *said == core.configuration()) return;
  throw violation(property::configuration, core.id(),
                  sentence("node ", core.id(), " goes by another configuration than the one that ",
                           "stands in its log at index ", newest));
}

void configuration_safety::check_step(const core::raft& core, const ghost_node& node) {
  const auto& indexes = node.configurations;
  const log_index newest = indexes.back();
  if (indexes.size() > 1) {
    const log_index before = indexes[indexes.size() - 2];
    const bool is_committed =
        before <= ghost_.last_committed() && ghost_.committed(before) == node.log.at(before);
    if (!is_committed) {
      throw violation(property::configuration, core.id(),
                      sentence("node ", core.id(), " has a configuration at index ", newest,
                               " while the one at ", before, " is not committed"));
    }
  }
  const auto first = first_.find(core.id());
  const core::configuration* before =
      indexes.size() > 1 ? ghost_.logs().configuration_at(node.log.at(indexes[indexes.size() - 2]))
      : first != first_.end() ? &first->second
                              : nullptr;
  if (before == nullptr || quorums_meet(*before, core.configuration())) return;
  throw violation(property::configuration, core.id(),
                  sentence("node ", core.id(), ": the configuration at index ", newest,
                           " has a quorum that shares no voter with one before it"));
}

}  // namespace mainstay::simulation
