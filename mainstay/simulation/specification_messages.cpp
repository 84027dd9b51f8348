/// What each message may change: elections (paper §5.2, §5.4.1), the log (§5.3), commitment
/// (§5.4.2), and terms (§5.1).
#include <algorithm>
#include <utility>

#include "mainstay/simulation/specification.hpp"

namespace mainstay::simulation::specification {

namespace {

/// docs/divergence.md knows no honest cluster that counts so far.
constexpr std::uint64_t largest_number = std::uint64_t{1} << 62;

bool is_request_kind(std::size_t kind) { return kind % 2 == 0; }

/// Paper figure 2: consecutive entries behind prev_log_index, with terms that a log can have.
bool is_well_formed(const core::append_entries& m) {
  if (m.prev_log_index.value() > largest_number || m.prev_log_term > m.term) return false;
  if (static_cast<bool>(m.prev_log_index) != static_cast<bool>(m.prev_log_term)) return false;
  log_index before = m.prev_log_index;
  term last = m.prev_log_term;
  for (const auto& e : m.entries) {
    if (e.index != before.next() || e.term < last || !e.term || e.term > m.term) return false;
    if (e.kind > core::last_entry_kind) return false;
    if (e.kind == core::entry_kind::configuration &&
        !core::decode_configuration(e.payload.span())) {
      return false;
    }
    before = e.index;
    last = e.term;
  }
  return true;
}

}  // namespace

void server::receives(const core::envelope& e, const appearance& after) {
  begin_step();
  const bool from_peer = e.from && e.from != id;
  if (!from_peer || e.to != id || core::term_of(e.message).value() > largest_number) {
    because("core: what is misdirected, or of a term beyond all bounds, changes nothing");
    if (from_peer && is_request_kind(e.message.index())) owe(e).reason = rules_.role;
  } else {
    std::visit([&](const auto& m) { on(e, m, after); }, e.message);
  }
  end_step(after);
}

owed_answer& server::owe(const core::envelope& e) {
  owed.push_back({.from = e.from,
                  .call = e.call,
                  .kind = e.message.index(),
                  .asked = core::term_of(e.message),
                  .log_version = log_version});
  return owed.back();
}

// Paper §5.1: whoever learns of a higher term becomes a follower in it.
void server::obey_term(const core::message& m) {
  const term t = core::term_of(m);
  if (t <= state.current_term) {
    because("paper §5.1: a message of this kind, and of no higher term, changes nothing");
    return;
  }
  because("paper §5.1: a higher term in a message makes a follower of that term, without a vote");
  become_follower(t, {});
}

void server::become_follower(term t, node_id new_leader) {
  if (t > state.current_term) state = {t, {}};
  if (leading) {
    led = std::exchange(leading, std::nullopt);
    led->commit_index = commit_index;
    led->kept = last_index();
    alarm_rule_ = alarm_rule::moves;
  }
  role = core::role::follower;
  leader = new_leader;
  votes.clear();
}

bool server::heed_leader(const core::envelope& e, bool is_well_formed, owed_answer& answer) {
  const term t = core::term_of(e.message);
  const auto refuse = [&](const char* rule) {
    because(rule);
    answer.reason = rule;
    return false;
  };
  if (t < state.current_term) {
    return refuse("paper figures 2 and 13, rule 1: a leader of an old term is refused");
  }
  if (t == state.current_term && (leading || (leader && leader != e.from))) {
    return refuse("paper §5.2: a term has one leader, and another is refused");
  }
  if (!is_well_formed) return refuse("core: what no leader can have sent changes nothing");
  because("paper §5.2: the word of the term's leader makes a follower of it");
  become_follower(t, e.from);
  heard = now;
  bound_until = std::max(bound_until, now + settings.election_timeout_min);
  alarm_rule_ = alarm_rule::moves;
  return true;
}

// ---- Elections --------------------------------------------------------------------------------

void server::campaign() {
  alarm_rule_ = alarm_rule::moves;
  become_follower(state.current_term, {});
  if (!may_stand()) return;
  if (!settings.pre_vote) return become_candidate();

  role = core::role::pre_candidate;  // thesis §9.6
  votes = {id};
  candidacies.push_back({state.current_term.next(), true, last_index(), last_term()});
  if (wins()) become_candidate();
}

// Paper §5.2: increment currentTerm, vote for self, ask all others.
void server::become_candidate(bool was_told) {
  state = {state.current_term.next(), id};
  role = core::role::candidate;
  leader = {};
  votes.clear();  // its own counts when it is on disk: docs/divergence.md, own vote
  candidacies.push_back({state.current_term, false, last_index(), last_term(), was_told});
}

bool server::wins() const {
  const bool own = role == core::role::pre_candidate || disk.state == state;
  return members().has_quorum(
      [&](node_id other) { return other == id ? own : votes.contains(other); });
}

void server::become_leader(const appearance& after) {
  role = core::role::leader;
  leader = id;
  votes.clear();
  leading = leadership{
      .term = state.current_term, .first_index = last_index().next(), .members = members()};
  follow_members();
  for (auto& p : leading->peers) p.is_newcomer = false;
  if (is_changing() && configurations.size() > 1) {
    // Left out by a change of an earlier leader: they may be told.
    for (const auto& m : configurations[configurations.size() - 2].members.written.members()) {
      const bool known = m.id == id || std::ranges::count(leading->peers, m.id, &peer::id) != 0;
      if (known) continue;
      leading->peers.push_back(new_peer(m.id));
      leading->peers.back().has_left = true;
    }
  }
  rules_.log = "thesis §6.4: a new leader appends a no-op of its term at once";
  hold(after.role == role, rules_.role);
  hold(after.last_index == leading->first_index, rules_.log);
  append_own(after.entry_at(leading->first_index), core::entry_kind::no_op, {});
}

bool server::is_in_contact() const {
  return leading->members.has_quorum([&](node_id other) {
    const auto p = std::ranges::find(leading->peers, other, &peer::id);
    return other == id ||
           (p != leading->peers.end() && now - p->last_response <= settings.election_timeout_max);
  });
}

// Paper §5.4.1: the later last term is more up to date; with equal terms, the longer log.
bool server::is_up_to_date(log_index last, term last_of) const {
  return last_of > last_term() || (last_of == last_term() && last >= last_index());
}

void server::on(const core::envelope& e, const core::request_vote& m, const appearance& after) {
  owed_answer& answer = owe(e);
  const bool hears = leading || (leader && now - settings.election_timeout_min < heard);
  const bool promised = settings.lease_reads && now < bound_until;
  if ((settings.check_quorum || m.pre_vote) && !m.leadership_transfer && promised && !hears) {
    because("thesis §6.4.1: who has promised to elect nobody gives no vote before its time");
    answer.reason = rules_.vote;
    return;
  }
  if ((settings.check_quorum || m.pre_vote) && !m.leadership_transfer && hears) {
    because("thesis §4.2.3: who hears a leader gives no vote, and does not look at the term");
    answer.reason = rules_.vote;
    return;
  }
  const bool up_to_date = is_up_to_date(m.last_log_index, m.last_log_term);
  if (m.pre_vote) {
    because("thesis §9.6: to be asked for a pre-vote changes nothing");
    answer.may_grant = answer.must_grant = m.term > state.current_term && up_to_date;
    answer.reason = up_to_date ? "thesis §9.6: no pre-vote for a term that has begun already"
                               : "paper §5.4.1: no pre-vote for a log that is behind";
    return;
  }
  obey_term(e.message);
  const bool free = !state.voted_for || state.voted_for == e.from;
  answer.reason = m.term < state.current_term
                      ? "paper figure 2, RequestVote 1: no vote in an old term"
                  : !free ? "paper §5.2: one vote a term, first come, first served"
                          : "paper §5.4.1: no vote for a log that is behind";
  answer.may_grant = m.term == state.current_term && free && up_to_date;
  answer.must_grant = answer.may_grant && !leader;  // with a leader, nobody needs the vote
  if (!answer.may_grant) {
    rules_.vote = answer.reason;
  } else if (answer.must_grant || after.state.voted_for != state.voted_for) {
    because("paper figure 2, RequestVote 2: a free vote goes to whoever asks with a sound log");
    state.voted_for = e.from;
    if (role == core::role::pre_candidate) become_follower(state.current_term, leader);
    alarm_rule_ = alarm_rule::moves;
  } else {
    alarm_rule_ = alarm_rule::may_move;
  }
}

void server::on(const core::envelope& e, const core::request_vote_response& m,
                const appearance& after) {
  // A granted pre-vote names the term that was asked about, not the voter's.
  const bool granted_pre_vote = m.pre_vote && m.vote_granted;
  if (m.term > state.current_term && !granted_pre_vote) return obey_term(e.message);
  because("paper §5.2: votes of a majority of the voters, each counted once, elect");
  const bool of_pre_vote =
      role == core::role::pre_candidate && m.pre_vote && m.term == state.current_term.next();
  const bool of_vote = role == core::role::candidate && !m.pre_vote && m.term == state.current_term;
  // Nobody was asked before the term was on disk, so nobody can have answered.
  const bool counts = (of_pre_vote || of_vote) && m.vote_granted && disk.state == state &&
                      members().is_voter(e.from);
  if (!counts) return;
  votes.insert(e.from);
  if (!wins()) return;
  if (of_pre_vote) {
    become_candidate();
  } else {
    become_leader(after);
  }
}

// ---- Replication ------------------------------------------------------------------------------

void server::on(const core::envelope& e, const core::append_entries& m, const appearance& after) {
  owed_answer& answer = owe(e);
  answer.round = m.round;
  answer.previous = m.prev_log_index;
  if (!heed_leader(e, is_well_formed(m), answer)) return;
  answer.follows = true;

  const bool reaches = m.prev_log_index <= last_index();
  const bool is_behind = m.prev_log_index < compacted.first;  // committed, hence the same
  answer.mismatch = !reaches || (!is_behind && term_at(m.prev_log_index) != m.prev_log_term);
  if (answer.mismatch) {
    answer.reason = rules_.log =
        "paper figure 2, AppendEntries 2: entries that do not follow the log are refused";
    return;
  }
  for (const auto& entry : m.entries) {
    const bool here = entry.index >= base.first && entry.index <= last_index();
    if (!here || entry.index > commit_index || term_at(entry.index) == entry.term) continue;
    answer.reason = rules_.log = "paper figure 3: what is committed is never undone";
    return;
  }
  answer.matches = true;
  merge(m, after);
  answer.matched = m.entries.empty() ? m.prev_log_index : m.entries.back().index;
  answer.matched = std::max(answer.matched, compacted.first);
  answer.durable = std::min(answer.matched, durable_index);
  commit_index = std::max(commit_index, std::min(m.leader_commit, answer.matched));
  rules_.commit =
      "paper figure 2, AppendEntries 5: a follower commits as far as its leader did, "
      "and no further than it matches";
}

// Paper figure 2, AppendEntries 3 and 4.
void server::merge(const core::append_entries& m, const appearance& after) {
  rules_.log =
      "paper figure 2, AppendEntries 3 and 4: a conflict goes with all behind it, what "
      "matches stays, and what is new is appended";
  log_index first_new;
  for (const auto& entry : m.entries) {
    if (entry.index <= base.first) continue;
    if (entry.index <= last_index()) {
      if (term_at(entry.index) == entry.term) continue;
      truncate_from(entry.index);
    }
    append(entry);
    if (!first_new) first_new = entry.index;
  }
  if (!first_new) return;
  hold(after.last_index == last_index(), rules_.log);
  for (log_index i = first_new; i <= last_index(); i = i.next()) {
    hold(same(after.entry_at(i), entry_at(i)), rules_.log);
  }
}

void server::on(const core::envelope& e, const core::append_entries_response& m,
                const appearance& after) {
  obey_term(e.message);
  if (!leading || m.term != state.current_term) return;
  const auto p = std::ranges::find(leading->peers, e.from, &peer::id);
  if (p == leading->peers.end() || !p->counts(e.call)) return;
  p->last_response = now;
  p->acknowledged_round = std::max(p->acknowledged_round, std::min(m.round, newest_round));
  take_promise(*p, m);
  if (!m.success || m.match_index > last_index()) return;
  p->match_index = std::max(p->match_index, m.match_index);
  rules_.commit =
      "paper §5.3, §5.4.2: a leader commits what a majority has on disk, from the first "
      "entry of its own term on";
  advance_commit_index(after);
  promote_if_caught_up(e.from, after);
}

// Paper figure 2, leaders: the largest N that a majority has, if it is of the current term.
void server::advance_commit_index(const appearance& after) {
  const auto has_reached = [&](log_index n) {
    return leading->members.has_quorum([&](node_id other) {
      if (other == id) return durable_index >= n;
      const auto p = std::ranges::find(leading->peers, other, &peer::id);
      return p != leading->peers.end() && p->match_index >= n;
    });
  };
  log_index largest = has_reached(durable_index) ? durable_index : log_index{};
  for (const auto& p : leading->peers) {
    if (p.match_index > largest && has_reached(p.match_index)) largest = p.match_index;
  }
  if (largest <= commit_index || term_at(largest) != state.current_term) return;
  for (log_index i = std::max(commit_index.next(), leading->first_index); i <= largest;
       i = i.next()) {
    leading->uncommitted_bytes -= core::size_of(entry_at(i));
  }
  commit_index = largest;
  go_on_with_change(after);
}

// ---- Reads and the rest -----------------------------------------------------------------------

void server::on(const core::envelope& e, const core::read_index&, const appearance&) {
  obey_term(e.message);
  if (!leading) {
    owe(e).reason = "thesis §6.4: only the leader gives read indexes";
    return;
  }
  reads.push_back({.number = ++reads_seen,
                   .context = e.call,
                   .from = e.from,
                   .led = leading->term,
                   .round_before = newest_round,
                   .least = commit_index});
}

void server::on(const core::envelope& e, const core::read_index_response& m, const appearance&) {
  obey_term(e.message);
  const auto question = std::ranges::find_if(
      asked, [&](const asked_leader& a) { return a.call == e.call && a.to == e.from; });
  if (question == asked.end()) return;
  question->answer = m.index;
  if (m.success) answered.push_back(*question);
  asked.erase(question);
}

}  // namespace mainstay::simulation::specification
