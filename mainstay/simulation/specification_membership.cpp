/// Who takes part, and how that changes (paper §6, thesis §4).
#include <algorithm>
#include <map>
#include <utility>

#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation::specification {

namespace {

/// Thesis §4.2.1: so many slow rounds, and a learner is given up.
constexpr int most_slow_rounds = 10;

std::uint8_t priority_of(const core::configuration& c, node_id id) {
  for (const auto* list : {&c.voters, &c.outgoing_voters}) {
    for (const auto& m : *list) {
      if (m.id == id) return m.priority;
    }
  }
  return 0;
}

/// Who was a member stays the one it was, and who was none joins here.
void tell_when_they_joined(core::configuration& next, const core::configuration& before,
                           log_index here) {
  std::map<node_id, log_index> joined;
  for (const auto& m : before.members()) joined[m.id] = m.joined;
  for (auto& m : next.voters) m.joined = joined.contains(m.id) ? joined[m.id] : here;
  for (auto& m : next.learners) m.joined = joined.contains(m.id) ? joined[m.id] : here;
}

}  // namespace

bool server::is_changing() const {
  return !members().outgoing_voters.empty() || configurations.back().index > commit_index;
}

// Hazard 68: what is said of the id before this disk was its node's is said of another node.
bool server::votes_in(const membership& all) const {
  if (!all.is_voter(id)) return false;
  const auto members = all.written.members();
  return std::ranges::find(members, id, &core::member::id)->joined >= joined_from;
}

// Thesis §4.2.2: who is not in the newest configuration stands as long as that may be taken back.
bool server::may_stand() const {
  if (retired || is_installing()) return false;
  if (votes_in(members())) return priority_of(members().written, id) > 0;
  return configurations.size() > 1 && configurations.back().index > commit_index &&
         votes_in(configurations[configurations.size() - 2].members);
}

peer server::new_peer(node_id other) const {
  return {.id = other,
          .last_response = now,
          .round_target = last_index(),
          .round_began = now,
          .is_newcomer = true};
}

/// The leader goes by the newest configuration. Whoever left and comes again starts from nothing.
void server::follow_members() {
  leading->members_before.push_back(std::exchange(leading->members, members()));
  for (auto& p : leading->peers) p.has_left = p.has_left || !members().contains(p.id);
  for (const auto& m : members().written.members()) {
    if (m.id == id) continue;
    const auto known = std::ranges::find(leading->peers, m.id, &peer::id);
    if (known == leading->peers.end()) {
      leading->peers.push_back(new_peer(m.id));
    } else if (known->has_left) {
      *known = new_peer(m.id);
    }
  }
}

void server::append_configuration(const core::configuration& expected, const appearance& after) {
  const log_index next = last_index().next();
  hold(after.last_index >= next, rules_.log);
  const core::entry& seen = after.entry_at(next);
  const auto written = core::decode_configuration(seen.payload.span());
  hold(written && *written == expected, rules_.log);
  append_own(seen, core::entry_kind::configuration, seen.payload);
  follow_members();
  advance_commit_index(after);
}

// Paper §6: the joint configuration first, and when it is committed the new one; who is not in it
// leads until it is committed, and no longer.
void server::go_on_with_change(const appearance& after) {
  if (configurations.back().index > commit_index) return;
  if (!members().outgoing_voters.empty()) {
    rules_.log = "paper §6: the leader that commits the joint configuration appends the new one";
    core::configuration expected = members().written;
    expected.outgoing_voters.clear();
    return append_configuration(expected, after);
  }
  if (members().is_voter(id) || leading->makes_way) return;
  leading->makes_way = true;
  leading->given_up = std::max(leading->given_up, now + settings.election_timeout_max);
}

// Thesis §4.2.1: a learner that needs less than an election timeout for what the log holds votes.
void server::promote_if_caught_up(node_id other, const appearance& after) {
  if (!leading) return;
  const auto p = std::ranges::find(leading->peers, other, &peer::id);
  core::configuration expected = members().written;
  const auto learner = std::ranges::find(expected.learners, other, &core::member::id);
  if (learner == expected.learners.end() || !learner->promote) return;
  if (p->has_left || p->slow_rounds >= most_slow_rounds || p->match_index < p->round_target) return;
  const bool fast = now - p->round_began < settings.election_timeout_min;
  if (!fast) ++p->slow_rounds;
  p->round_target = last_index();
  p->round_began = now;
  if (!fast || is_changing() || after.is_fenced || commit_index < leading->first_index) return;

  core::member voter = *learner;
  voter.promote = false;
  expected.outgoing_voters = expected.voters;
  expected.learners.erase(learner);
  expected.voters.push_back(voter);
  std::ranges::sort(expected.voters, {}, &core::member::id);
  if (!core::check(expected)) return;
  rules_.log = "thesis §4.2.1: a learner that has caught up is promoted, through a joint phase";
  append_configuration(expected, after);
}

void server::is_asked_to_change(const core::configuration_change& change,
                                const result<log_index>& outcome, const appearance& after) {
  begin_step();
  const auto refused = [&](error_code code, const char* rule) {
    because(rule);
    hold(!outcome && outcome.error().code == code, rule);
    end_step(after);
  };
  const auto nothing_to_do = [&](const char* rule) {
    because(rule);
    hold(outcome && *outcome == configurations.back().index, rule);
    end_step(after);
  };
  if (!leading) return refused(error_code::not_leader, "paper §6: only a leader changes members");
  const core::configuration& before = members().written;
  if (change.change_id != 0 && change.change_id == before.change_id) {
    return nothing_to_do("docs/divergence.md, changes: one that is asked for twice is made once");
  }
  if (commit_index < leading->first_index) {
    return refused(error_code::overloaded,
                   "Ongaro 2015: no change before an entry of the leader's own term is committed");
  }
  if (is_changing()) {
    return refused(error_code::overloaded, "paper §6: one change at a time");
  }
  if (after.is_fenced) {
    return refused(error_code::overloaded, "thesis §3.10: who hands over changes nothing");
  }
  if (change.based_on && change.based_on != configurations.back().index) {
    return refused(error_code::invalid_argument,
                   "docs/divergence.md, changes: one that is based on other members is refused");
  }
  core::configuration next{.voters = change.voters,
                           .outgoing_voters = {},
                           .learners = change.learners,
                           .change_id = change.change_id};
  if (membership_of(next).voters != members().voters) next.outgoing_voters = before.voters;
  tell_when_they_joined(next, before, last_index().next());
  if (!core::check(next)) {
    return refused(error_code::invalid_argument, "paper §6: the new members are a configuration");
  }
  if (next.voters == before.voters && next.learners == before.learners) {
    return nothing_to_do("docs/divergence.md, changes: where nothing differs, nothing is done");
  }
  because("paper §6: other voters take a joint configuration, everything else one entry");
  append_configuration(next, after);
  hold(outcome && *outcome == configurations.back().index, rules_.log);
  end_step(after);
}

}  // namespace mainstay::simulation::specification
