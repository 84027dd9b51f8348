#include "tests/core/invariants.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace mainstay::core_test {

namespace {

template <class... Arguments>
void require(bool holds, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  if (holds) return;
  throw violation(fmt::format(text, std::forward<Arguments>(arguments)...));
}

}  // namespace

void invariants::started(const core::raft& core) {
  const simulated_disk& disk = disk_of(core.id());
  life& l = of(core.id());
  l = life{};
  for (log_index i{1}; i <= disk.last_index(); i = i.next()) {
    l.log.append(disk.at(i));
    l.terms.push_back(disk.at(i).term);
    entries_.try_emplace({i, disk.at(i).term}, l.log.at(i));
  }
  l.current_term = core.current_term();
  l.commit_index = core.commit_index();
  if (disk.state().voted_for) {
    check_vote(core.id(), disk.state().current_term, disk.state().voted_for);
  }
}

void invariants::before(const core::raft&, const simulation::core_input& input) {
  const auto* read = std::get_if<simulation::read_asked>(&input);
  if (read != nullptr) reads_[read->context] = last_committed();
}

void invariants::after(const core::raft& core, const simulation::core_input&) { observe(core); }

void invariants::observe(const core::raft& core) {
  life& l = of(core.id());
  check_order(core, l);
  follow_log(core, l);
  check_leader(core, l);
  l.role = core.role();
  l.current_term = core.current_term();
  if (core.commit_index() > l.commit_index) check_commit(core, l);
  l.commit_index = core.commit_index();
  l.last_applied = core.last_applied();
}

void invariants::check_order(const core::raft& core, const life& l) const {
  const auto id = core.id().value();
  require(core.current_term() >= l.current_term, "node {}: its term went back to {}", id,
          core.current_term().value());
  require(core.commit_index() >= l.commit_index, "node {}: its commit index went back to {}", id,
          core.commit_index().value());
  require(core.last_applied() >= l.last_applied, "node {}: its applied index went back to {}", id,
          core.last_applied().value());
  require(core.last_applied() <= core.commit_index() && core.commit_index() <= core.last_index() &&
              core.stable_index() <= core.last_index(),
          "node {}: applied {} <= commit {} <= last {} >= stable {} does not hold", id,
          core.last_applied().value(), core.commit_index().value(), core.last_index().value(),
          core.stable_index().value());
}

/// Log Matching: index and term together name one entry, and everything before it, for ever.
void invariants::follow_log(const core::raft& core, life& l) {
  const core::log& log = core.entries();
  log_index same = std::min(l.log.last(), core.last_index());
  while (same && l.terms[same.value()] != log.term_at(same)) same = same.previous();

  if (same < l.log.last()) {
    const bool still_leads = l.role == core::role::leader && core.role() == core::role::leader &&
                             l.current_term == core.current_term();
    require(!still_leads, "Leader Append-Only: node {} lost its entries from {} on in term {}",
            core.id().value(), same.value() + 1, core.current_term().value());
    l.log.truncate_from(same.next());
    l.terms.resize(same.value() + 1);
  }
  for (log_index i = same.next(); i <= core.last_index(); i = i.next()) {
    const core::entry& e = log.at(i);
    l.log.append(e);
    l.terms.push_back(e.term);
    require(e.index == i && log.term_at(i) == e.term,
            "node {}: its log says another index or term for {}", core.id().value(), i.value());
    const auto [known, is_new] = entries_.try_emplace({i, e.term}, l.log.at(i));
    require(is_new || known->second == l.log.at(i),
            "Log Matching: node {} has another prefix at index {} of term {}", core.id().value(),
            i.value(), e.term.value());
  }
}

/// Election Safety and Leader Completeness, when a node begins to lead.
void invariants::check_leader(const core::raft& core, const life& l) {
  if (core.role() != core::role::leader) return;
  if (l.role == core::role::leader && l.current_term == core.current_term()) return;
  const term t = core.current_term();
  const auto [leader, is_new] = leaders_.try_emplace(t, core.id());
  require(is_new, "Election Safety: nodes {} and {} both lead in term {}", leader->second.value(),
          core.id().value(), t.value());

  const auto later =
      std::ranges::partition_point(committed_, [t](const committed_entry& c) { return c.by < t; });
  if (later == committed_.begin()) return;
  const log_index needed(static_cast<std::uint64_t>(later - committed_.begin()));
  require(l.log.last() >= needed && l.log.at(needed) == std::prev(later)->prefix,
          "Leader Completeness: node {} leads in term {} without committed index {}",
          core.id().value(), t.value(), needed.value());
}

/// State-Machine Safety on the level of commits; and a leader commits only what a quorum has on
/// disk, by counting an entry of its own term (paper §5.4.2).
void invariants::check_commit(const core::raft& core, const life& l) {
  const log_index index = core.commit_index();
  if (core.role() == core::role::leader) check_quorum_holds(core, l);
  const log_index known = std::min(index, last_committed());
  require(!known || committed_[known.value() - 1].prefix == l.log.at(known),
          "State-Machine Safety: node {} commits another log up to {}", core.id().value(),
          known.value());
  for (log_index i = known.next(); i <= index; i = i.next()) {
    const std::uint64_t entry =
        i >= core.entries().window_first() ? chain(0, core.entries().at(i)) : std::uint64_t{0};
    committed_.push_back({l.log.at(i), entry, core.current_term()});
  }
  for (auto i = index.value(); i > 0 && committed_[i - 1].by > core.current_term(); --i) {
    committed_[i - 1].by = core.current_term();
  }
}

void invariants::check_quorum_holds(const core::raft& core, const life& l) const {
  const log_index index = core.commit_index();
  require(l.terms[index.value()] == core.current_term(),
          "paper §5.4.2: node {} commits index {} of term {} by counting in term {}",
          core.id().value(), index.value(), l.terms[index.value()].value(),
          core.current_term().value());
  const auto holders = [&](const std::vector<core::member>& voters) {
    return std::ranges::count_if(voters, [&](const core::member& m) {
      if (m.id.value() > disks_.size()) return false;
      const prefix_hashes& durable = disk_of(m.id).hashes();
      return durable.last() >= index && durable.at(index) == l.log.at(index);
    });
  };
  const core::configuration& c = core.configuration();
  for (const auto* voters : {&c.voters, &c.outgoing_voters}) {
    const auto count = static_cast<std::size_t>(holders(*voters));
    require(voters->empty() || count > voters->size() / 2,
            "durability: node {} commits index {} that only {} of {} voters have on disk",
            core.id().value(), index.value(), count, voters->size());
  }
}

void invariants::took_ready(const core::raft& core, const core::ready& ready) {
  observe(core);
  const simulated_disk& disk = disk_of(core.id());
  life& l = of(core.id());
  for (const auto& e : ready.messages) check_message(core, e);
  for (const auto& grant : ready.granted_reads) check_read(grant.context, grant.index);
  for (const auto& e : ready.committed) {
    require(e.index == l.applied.next(), "node {} is to apply index {} after {}", core.id().value(),
            e.index.value(), l.applied.value());
    l.applied = e.index;
    require(e.index <= core.commit_index() && e.index <= disk.last_index(),
            "node {} is to apply index {}, which is not both committed and on its disk",
            core.id().value(), e.index.value());
    std::uint64_t& first = committed_[e.index.value() - 1].entry;
    if (first == 0) first = chain(0, e);
    require(first == chain(0, e), "State-Machine Safety: node {} is to apply another entry at {}",
            core.id().value(), e.index.value());
  }
  if (const log_index from = ready.persist.truncate_from) {
    const log_index last = std::min(disk.last_index(), last_committed());
    require(from > last || disk.hashes().at(from) != committed_[from.value() - 1].prefix,
            "durability: node {} removes committed index {} from its disk", core.id().value(),
            from.value());
  }
}

/// Paper, figure 2: what a message promises is on disk before it leaves.
void invariants::check_message(const core::raft& core, const core::envelope& e) {
  const simulated_disk& disk = disk_of(core.id());
  const auto id = core.id().value();
  const auto* request = std::get_if<core::request_vote>(&e.message);
  const auto* vote = std::get_if<core::request_vote_response>(&e.message);
  const auto* append = std::get_if<core::append_entries_response>(&e.message);
  const bool is_question = (request != nullptr && request->pre_vote) ||
                           (vote != nullptr && vote->pre_vote && vote->vote_granted);
  const term t = core::term_of(e.message);
  require(is_question || t <= disk.state().current_term,
          "node {} speaks of term {} with only {} on its disk", id, t.value(),
          disk.state().current_term.value());
  if (request != nullptr && !request->pre_vote) check_vote(core.id(), t, core.id());
  if (vote != nullptr && vote->vote_granted && !vote->pre_vote) {
    const bool on_disk = disk.state().current_term > t ||
                         (disk.state().current_term == t && disk.state().voted_for == e.to);
    require(on_disk, "node {} grants a vote in term {} that is not on its disk", id, t.value());
    check_vote(core.id(), t, e.to);
  }
  if (append != nullptr && append->success) {
    const log_index match = append->match_index;
    const life& l = of(core.id());
    require(match <= disk.last_index() && disk.hashes().at(match) == l.log.at(match),
            "node {} acknowledges index {}, which is not on its disk", id, match.value());
  }
}

void invariants::check_vote(node_id voter, term t, node_id candidate) {
  const auto [vote, is_new] = votes_.try_emplace({voter, t}, candidate);
  require(is_new || vote->second == candidate, "node {} votes for {} and for {} in term {}",
          voter.value(), vote->second.value(), candidate.value(), t.value());
}

void invariants::check_read(std::uint64_t context, log_index index) const {
  const auto begun = reads_.find(context);
  require(begun != reads_.end(), "a read {} was granted that nobody asked for", context);
  require(index >= begun->second,
          "linearizability: a read is granted from {} on, but {} was "
          "committed before it began",
          index.value(), begun->second.value());
}

}  // namespace mainstay::core_test
