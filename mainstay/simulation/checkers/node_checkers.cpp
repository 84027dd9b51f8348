#include "mainstay/simulation/checkers/node_checkers.hpp"

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

void ordering::started(const core::raft& core) {
  handed_out_[core.id()] = core.last_applied();
  check(core.id());
}

void ordering::after(const core::raft& core, const core_input&) { check(core.id()); }

void ordering::check(node_id id) const {
  const core_position& was = ghost_.change().before;
  const core_position& is = ghost_.of(id).position;
  const auto refuse = [id](const std::string& what) {
    throw violation(property::ordering, id, sentence("node ", id, ": ", what));
  };
  if (is.term < was.term) refuse(sentence("its term went from ", was.term, " back to ", is.term));
  if (is.term == was.term && was.voted_for && is.voted_for != was.voted_for) {
    refuse(
        sentence("its vote in term ", is.term, " went from ", was.voted_for, " to ", is.voted_for));
  }
  if (is.commit_index < was.commit_index) {
    refuse(sentence("its commit index went from ", was.commit_index, " back to ", is.commit_index));
  }
  if (is.last_applied < was.last_applied) {
    refuse(
        sentence("what it has applied went from ", was.last_applied, " back to ", is.last_applied));
  }
  const bool in_order = is.last_applied <= is.commit_index && is.commit_index <= is.last_index &&
                        is.stable_index <= is.last_index;
  if (in_order) return;
  refuse(sentence("applied ", is.last_applied, " <= commit ", is.commit_index, " <= last ",
                  is.last_index, " >= stable ", is.stable_index, " does not hold"));
}

void ordering::took_ready(const core::raft& core, const core::ready& ready) {
  check(core.id());
  log_index& handed_out = handed_out_[core.id()];
  if (ready.restore) handed_out = ready.restore->id.last_included_index;
  for (const auto& e : ready.committed) {
    if (e.index != handed_out.next()) {
      throw violation(
          property::ordering, core.id(),
          sentence("node ", core.id(), " is to apply index ", e.index, " after ", handed_out));
    }
    handed_out = e.index;
  }
  const ghost_node& node = ghost_.of(core.id());
  if (handed_out <= core.commit_index() && handed_out <= node.durable.last()) return;
  throw violation(
      property::ordering, core.id(),
      sentence("node ", core.id(), " is to apply index ", handed_out, ", but has committed ",
               core.commit_index(), " and has on its disk ", node.durable.last()));
}

// ---- Memory -----------------------------------------------------------------------------------

void memory_bounds::add_gauge(std::string name, std::uint64_t limit,
                              std::function<std::uint64_t()> bytes) {
  gauges_.push_back({std::move(name), limit, std::move(bytes)});
}

void memory_bounds::remove_gauges(const std::string& name) {
  std::erase_if(gauges_, [&](const gauge& g) { return g.name == name; });
}

void memory_bounds::started(const core::raft& core) { loads_[core.id()] = {}; }

void memory_bounds::before(const core::raft& core, const core_input& input) {
  load& l = loads_[core.id()];
  if (std::holds_alternative<read_asked>(input)) ++l.reads;
  if (const auto* applied = std::get_if<entries_applied>(&input)) {
    while (!l.applying.empty() && l.applying.front().first <= applied->index) {
      l.applying_bytes -= l.applying.front().second;
      l.applying.pop_front();
    }
  }
}

void memory_bounds::after(const core::raft& core, const core_input&) {
  check_core(core);
  check_gauges();
}

void memory_bounds::took_ready(const core::raft& core, const core::ready& ready) {
  load& l = loads_[core.id()];
  l.reads -= ready.granted_reads.size() + ready.failed_reads.size();
  // Those that wait, and those that share a round or a question which is under way.
  const std::uint64_t rounds = settings_.max_read_rounds + 1;
  if (l.reads / rounds >= settings_.max_waiting_reads && l.reads % rounds > 0) {
    require_at_most(core.id(), settings_.max_waiting_reads * rounds, l.reads, "reads wait");
  }
  check_core(core);
  check_window(core);
  check_appends(core, ready);
  check_applying(core, ready);
  check_gauges();
}

void memory_bounds::check_gauges() const {
  for (const auto& g : gauges_) {
    const std::uint64_t bytes = g.bytes();
    if (bytes <= g.limit) continue;
    throw violation(property::memory, ghost_.change().node,
                    sentence(g.name, " has ", bytes, " bytes, more than its limit of ", g.limit));
  }
}

void memory_bounds::check_core(const core::raft& core) const {
  // Members can be changed under any load: the entry of a change may exceed the limit.
  std::uint64_t most = settings_.max_uncommitted_bytes;
  if (core.is_changing()) {
    most += core::encode(core.configuration()).size() + core::entry_allowance;
  }
  require_at_most(core.id(), most, core.uncommitted_bytes(),
                  "bytes are accepted and not committed");
}

/// What is neither committed nor durable stays in memory whatever the limit.
void memory_bounds::check_window(const core::raft& core) const {
  const log_index needed = std::min(core.stable_index(), core.commit_index());
  if (core.entries().window_first() > needed) return;
  require_at_most(core.id(), settings_.log_window_bytes, core.entries().window_bytes(),
                  "bytes of the log are in memory");
}

/// Any limit lets one entry pass, however large.
void memory_bounds::check_appends(const core::raft& core, const core::ready& ready) const {
  for (const auto& e : ready.messages) {
    const auto* append = std::get_if<core::append_entries>(&e.message);
    if (append == nullptr || append->entries.size() < 2) continue;
    std::uint64_t bytes = 0;
    for (const auto& sent : append->entries) bytes += core::size_of(sent);
    require_at_most(core.id(), settings_.max_append_bytes, bytes, "bytes go in one append_entries");
  }
}

void memory_bounds::check_applying(const core::raft& core, const core::ready& ready) {
  if (ready.committed.empty()) return;
  load& l = loads_[core.id()];
  std::uint64_t bytes = 0;
  for (const auto& e : ready.committed) bytes += core::size_of(e);
  l.applying.emplace_back(ready.committed.back().index, bytes);
  l.applying_bytes += bytes;
  const std::uint64_t over = ready.committed.size() == 1 ? bytes : 0;
  require_at_most(core.id(), settings_.max_applying_bytes, l.applying_bytes - over,
                  "bytes are handed out for applying");
}

void memory_bounds::require_at_most(node_id id, std::uint64_t limit, std::uint64_t found,
                                    const char* what) const {
  if (found <= limit) return;
  throw violation(
      property::memory, id,
      sentence("node ", id, ": ", found, " ", what, ", more than the limit of ", limit));
}

}  // namespace mainstay::simulation
