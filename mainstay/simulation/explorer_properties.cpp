#include "mainstay/simulation/explorer_properties.hpp"

#include <sstream>

namespace mainstay::simulation::exploration {

namespace {

using found = std::optional<violation>;

constexpr std::uint64_t quorum = node_count / 2 + 1;

std::string node(std::uint64_t id) { return "node " + std::to_string(id); }

/// The payload that an entry at this place must have.
bool is_as_its_place_says(const core::entry& e) {
  switch (e.kind) {
    case core::entry_kind::no_op:
      return e.payload.empty();
    case core::entry_kind::command:
      return e.payload.text() == command_text(e.term, e.index);
    case core::entry_kind::configuration:
    case core::entry_kind::session:
      return false;  // these scopes change no membership and open no sessions
  }
  return false;
}

bool pack(const core::entry& e, packed_log& into) {
  const bool fits = e.index.value() == into.size() + 1 && e.index.value() <= longest_log &&
                    e.term && e.term.value() <= largest_term && is_as_its_place_says(e);
  if (fits) into.append(e.term.value(), e.kind == core::entry_kind::command);
  return fits;
}

std::uint8_t small(std::uint64_t value) {
  return static_cast<std::uint8_t>(std::min<std::uint64_t>(value, 255));
}

}  // namespace

std::string packed_log::text() const {
  std::string line;
  for (std::uint64_t i = 1; i <= size(); ++i) {
    line += (line.empty() ? "" : " ") + std::to_string(term_at(i)) + (is_command_at(i) ? "c" : "");
  }
  return line.empty() ? "empty" : line;
}

replica_view view_of(const replica& r) {
  replica_view v;
  const core::log& log = r.core.entries();
  if (log.base_index()) {
    v.log = packed_log::of_bits(r.core.snapshot()->id.digest).prefix(log.base_index().value());
  }
  for (log_index i = log.base_index().next(); i <= log.last_index(); i = i.next()) {
    v.is_sound = v.is_sound && i >= log.window_first() && log.at(i).term == log.term_at(i) &&
                 pack(log.at(i), v.log);
  }
  for (const auto& e : r.disk.found_entries()) v.is_sound = v.is_sound && pack(e, v.disk_log);
  v.role = r.core.role();
  v.id = small(r.core.id().value());
  v.term = small(r.core.current_term().value());
  v.vote = small(r.core.voted_for().value());
  v.leader = small(r.core.leader().value());
  v.commit = small(r.core.commit_index().value());
  v.stable = small(r.core.stable_index().value());
  v.disk_term = small(r.disk.hard_state.current_term.value());
  v.disk_vote = small(r.disk.hard_state.voted_for.value());
  v.batch_steps = small(r.disk.steps());
  r.core.visit_state([&v](std::string_view name, const auto& member) {
    if constexpr (requires { member.size(); }) {
      if (name == "withheld") v.withheld = small(member.size());
    }
  });
  const auto& snapshot = r.core.snapshot();
  const log_index covered = snapshot ? snapshot->id.last_included_index : log_index{};
  v.can_save = r.core.last_applied() > covered && !r.core.is_installing();
  v.is_installing = r.disk.installing.has_value();
  v.has_alarm = r.core.next_deadline() != core::no_deadline;
  v.in_order = r.core.last_applied() <= r.core.commit_index() &&
               r.core.commit_index() <= log.last_index() &&
               log.last_term() <= r.core.current_term();
  if (!v.leads()) return v;
  for (const auto& peer : r.core.peers()) {
    if (peer.id.value() <= node_count) v.match[peer.id.value()] = small(peer.match_index.value());
  }
  return v;
}

std::string describe(const replica_view& v) {
  std::ostringstream line;
  line << core::name_of(v.role) << " term " << int{v.term};
  if (v.vote != 0) line << ", voted for " << int{v.vote};
  if (v.leader != 0 && !v.leads()) line << ", leader " << int{v.leader};
  line << ", log " << v.log.text() << ", commit " << int{v.commit} << "; on disk term "
       << int{v.disk_term};
  if (v.disk_vote != 0) line << ", voted for " << int{v.disk_vote};
  line << ", log " << v.disk_log.text();
  if (v.batch_steps != 0) line << ", writing";
  return line.str();
}

// ---- One replica's step -------------------------------------------------------------------------

namespace {

/// Terms never fall, and within a term a vote once given stays (paper §5.1, figure 2).
found judge_vote(std::uint8_t term_before, std::uint8_t vote_before, std::uint8_t term_after,
                 std::uint8_t vote_after, const std::string& where) {
  if (term_after < term_before) {
    return violation{property::nothing_goes_back, where + " goes back to an earlier term"};
  }
  if (term_after == term_before && vote_before != 0 && vote_after != vote_before) {
    return violation{property::vote_once,
                     where + " changes its vote of term " + std::to_string(term_after) + " from " +
                         std::to_string(vote_before) + " to " + std::to_string(vote_after)};
  }
  return {};
}

}  // namespace

found judge_step(const replica_view& before, input_kind kind, const replica_view& after) {
  const std::string name = node(after.id);
  if (!after.is_sound) return violation{property::log_matching, name + " holds a misplaced entry"};
  if (!after.in_order) return violation{property::core_in_order, name + " is out of order"};
  if (auto wrong = judge_vote(before.disk_term, before.disk_vote, after.disk_term, after.disk_vote,
                              name + "'s disk")) {
    return wrong;
  }
  if (is_crash(kind)) return {};
  if (auto wrong = judge_vote(before.term, before.vote, after.term, after.vote, name)) return wrong;
  if (after.commit < before.commit) {
    return violation{property::nothing_goes_back, name + " lowers its commit index"};
  }
  const bool led_on = before.leads() && after.leads() && before.term == after.term;
  if (led_on && !after.log.starts_with(before.log)) {
    return violation{property::leader_append_only, name + " changes its log while it leads"};
  }
  return {};
}

// ---- Messages and applied entries ---------------------------------------------------------------

namespace {

/// Judges one message by what is on the sender's disk (paper, figure 2: persistent state is updated
/// on stable storage before responding).
struct promise_judge {
  const replica& sender;
  const core::envelope& e;

  bool disk_remembers(term t, node_id vote) const {
    const auto& state = sender.disk.hard_state;
    return state.current_term > t || (state.current_term == t && state.voted_for == vote);
  }
  found unless(bool kept, const char* what) const {
    if (kept) return {};
    return violation{property::promise_after_durability,
                     node(e.from.value()) + " says it " + what + " before its disk does"};
  }

  found operator()(const core::request_vote& m) const {
    // A pre-vote names the term that it would start, and promises nothing.
    if (m.pre_vote) return {};
    return unless(disk_remembers(m.term, e.from), "votes for itself");
  }
  found operator()(const core::request_vote_response& m) const {
    if (m.pre_vote && m.vote_granted) return {};
    if (m.vote_granted) return unless(disk_remembers(m.term, e.to), "has given its vote");
    return knows_term(m.term);
  }
  found operator()(const core::append_entries& m) const {
    if (m.leader_commit > sender.core.commit_index()) {
      return violation{property::durable_quorum, "a leader claims more than it has committed"};
    }
    return unless(disk_remembers(m.term, e.from), "leads by its own vote");
  }
  found operator()(const core::append_entries_response& m) const {
    if (auto wrong = knows_term(m.term)) return wrong;
    if (!m.success || !m.match_index) return {};
    const replica_view v = view_of(sender);
    const std::uint64_t match = m.match_index.value();
    const bool kept = v.disk_log.size() >= match &&
                      (m.term.value() != v.term || v.disk_log.prefix(match) == v.log.prefix(match));
    return unless(kept, "holds what it acknowledges");
  }
  found operator()(const core::install_snapshot_response& m) const {
    if (auto wrong = knows_term(m.term)) return wrong;
    const bool kept = view_of(sender).disk_log.size() >= m.match_index.value();
    return unless(kept, "holds the snapshot");
  }
  template <class Message>
  found operator()(const Message& m) const {
    return knows_term(m.term);
  }
  found knows_term(term t) const {
    return unless(t <= sender.disk.hard_state.current_term, "knows the term");
  }
};

}  // namespace

found judge_message(const replica& sender, const core::envelope& e) {
  return std::visit(promise_judge{sender, e}, e.message);
}

found judge_applied(const replica& r, std::span<const core::entry> entries) {
  log_index expected = r.core.last_applied().next();
  for (const auto& e : entries) {
    if (e.index != expected) {
      return violation{property::state_machine_safety, "entries are applied out of order"};
    }
    if (e.index > r.core.commit_index()) {
      return violation{property::state_machine_safety, "an entry is applied and not committed"};
    }
    if (e.index.value() > r.disk.entries.size() || r.disk.entries[e.index.value() - 1] != e) {
      return violation{property::stable_is_durable, "an entry is applied and not on the own disk"};
    }
    expected = expected.next();
  }
  return {};
}

// ---- The cluster --------------------------------------------------------------------------------

namespace {

/// At most one leader in a term, by durable votes of a quorum (paper §5.2, figure 3).
found judge_elections(const cluster_view& c) {
  for (const auto* leader : c.nodes) {
    if (!leader->leads()) continue;
    std::uint64_t votes = 0;
    for (const auto* other : c.nodes) {
      // Who has gone on to a later term may have voted for it before.
      const bool voted = other->disk_term == leader->term && other->disk_vote == leader->id;
      if (voted || other->disk_term > leader->term) ++votes;
      const bool follows_another =
          other->term == leader->term && other->leader != 0 && other->leader != leader->id;
      if (follows_another) {
        return violation{property::election_safety, node(leader->id) + " and " +
                                                        node(other->leader) + " both lead term " +
                                                        std::to_string(leader->term)};
      }
    }
    if (votes < quorum) {
      return violation{property::election_safety, node(leader->id) + " leads term " +
                                                      std::to_string(leader->term) +
                                                      " without the durable votes of a quorum"};
    }
  }
  return {};
}

/// Logs with an entry of the same index and term are equal up to there (paper §5.3, figure 3).
bool logs_match(packed_log a, packed_log b) {
  for (std::uint64_t i = std::min(a.size(), b.size()); i > 0; --i) {
    if (a.term_at(i) == b.term_at(i)) return a.prefix(i) == b.prefix(i);
  }
  return true;
}

found judge_logs(const cluster_view& c) {
  std::array<packed_log, 2 * node_count> logs;
  for (std::size_t i = 0; i < node_count; ++i) {
    logs[2 * i] = c.nodes[i]->log;
    logs[2 * i + 1] = c.nodes[i]->disk_log;
  }
  for (std::size_t i = 0; i < logs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (logs[i] == logs[j] || logs_match(logs[i], logs[j])) continue;
      return violation{property::log_matching, "the logs of " + node(c.nodes[j / 2]->id) + " and " +
                                                   node(c.nodes[i / 2]->id) +
                                                   " agree on an entry and differ before it"};
    }
  }
  return {};
}

/// A leader has everything that was committed in earlier terms, or in its own (paper §5.4, figure
/// 3). The leader of an old term may come late, and lack what was committed after it was elected.
found judge_completeness(const cluster_view& c) {
  for (const auto* leader : c.nodes) {
    if (!leader->leads()) continue;
    std::uint64_t must_have = c.committed.entries.size();
    while (must_have > 0 && c.committed.in_terms.term_at(must_have) > leader->term) --must_have;
    if (leader->log.starts_with(c.committed.entries.prefix(must_have))) continue;
    return violation{property::leader_completeness,
                     node(leader->id) + " leads term " + std::to_string(leader->term) +
                         " without what was committed: " + c.committed.entries.text()};
  }
  return {};
}

/// No two replicas disagree on what is committed (paper §5.4.3, figure 3).
found judge_committed(const cluster_view& c) {
  for (const auto* one : c.nodes) {
    if (extend_committed(c.committed, *one)) continue;
    return violation{property::state_machine_safety,
                     node(one->id) + " takes " + one->log.prefix(one->commit).text() +
                         " for committed, but committed was " + c.committed.entries.text()};
  }
  return {};
}

/// What is committed is on the disks of a quorum, and stays there (paper §5.3; thesis §10.2.1).
found judge_durability(const cluster_view& c) {
  const auto holders = std::ranges::count_if(c.nodes, [&c](const replica_view* one) {
    return one->disk_log.starts_with(c.committed.entries);
  });
  if (static_cast<std::uint64_t>(holders) >= quorum) return {};
  return violation{property::durable_quorum, "what is committed, " + c.committed.entries.text() +
                                                 ", is on the disks of " + std::to_string(holders)};
}

/// What a replica takes for durable on its own disk is.
found judge_stable(const cluster_view& c) {
  for (const auto* one : c.nodes) {
    if (one->disk_log.prefix(one->stable) == one->log.prefix(one->stable)) continue;
    return violation{property::stable_is_durable,
                     node(one->id) + " takes for durable what its disk does not have"};
  }
  return {};
}

/// What a leader takes for durable on a peer is, until the peer has gone on to a later term.
found judge_matches(const cluster_view& c) {
  for (const auto* leader : c.nodes) {
    if (!leader->leads()) continue;
    for (const auto* peer : c.nodes) {
      const std::uint64_t match = leader->match[peer->id];
      if (peer == leader || match == 0 || peer->disk_term > leader->term) continue;
      if (match <= leader->log.size() &&
          peer->disk_log.prefix(match) == leader->log.prefix(match)) {
        continue;
      }
      return violation{property::match_is_durable, node(leader->id) + " counts " + node(peer->id) +
                                                       " as having index " + std::to_string(match) +
                                                       ", and its disk does not"};
    }
  }
  return {};
}

struct cluster_rule {
  property what;
  found (*judge)(const cluster_view&);
};

constexpr cluster_rule cluster_rules[] = {
    {property::election_safety, judge_elections},
    {property::log_matching, judge_logs},
    {property::leader_completeness, judge_completeness},
    {property::state_machine_safety, judge_committed},
    {property::durable_quorum, judge_durability},
    {property::stable_is_durable, judge_stable},
    {property::match_is_durable, judge_matches},
};

}  // namespace

std::optional<committed_prefix> extend_committed(committed_prefix committed,
                                                 const replica_view& one) {
  const packed_log own = one.log.prefix(one.commit);
  if (own.size() <= committed.entries.size()) {
    return committed.entries.starts_with(own) ? std::optional(committed) : std::nullopt;
  }
  if (!own.starts_with(committed.entries)) return std::nullopt;
  while (committed.in_terms.size() < own.size()) committed.in_terms.append(one.term, false);
  committed.entries = own;
  return committed;
}

found judge_cluster(const cluster_view& c, std::uint32_t unchecked) {
  for (const auto& rule : cluster_rules) {
    if ((unchecked >> static_cast<unsigned>(rule.what) & 1U) != 0) continue;
    if (auto wrong = rule.judge(c)) return wrong;
  }
  return {};
}

}  // namespace mainstay::simulation::exploration
