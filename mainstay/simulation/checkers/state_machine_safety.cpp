#include "mainstay/simulation/checkers/state_machine_safety.hpp"

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

void state_machine_safety::took_ready(const core::raft& core, const core::ready& ready) {
  for (const auto& e : ready.committed) {
    const bool is_committed = e.index <= ghost_.last_committed() &&
                              ghost_.logs().may_end_with(ghost_.committed(e.index), e);
    if (is_committed) continue;
    throw violation(property::state_machine_safety, core.id(),
                    sentence("node ", core.id(), " is to apply at index ", e.index,
                             " an entry of term ", e.term, " that is not the committed one"));
  }
}

void state_machine_safety::machine_started(node_id node) { last_[node] = log_index{}; }

void state_machine_safety::machine_applied(const machine_step& step) {
  check_command(step);
  compare(step);
  last_[step.node] = step.index;
}

void state_machine_safety::machine_restored(const machine_step& step) {
  compare(step);
  last_[step.node] = step.index;
}

/// The machine must be told each committed command, in order, and nothing else.
void state_machine_safety::check_command(const machine_step& step) const {
  const auto refuse = [&](const std::string& what) {
    throw violation(property::state_machine_safety, step.node,
                    sentence("node ", step.node, " applies index ", step.index, ", ", what));
  };
  const auto found = last_.find(step.node);
  const log_index last = found == last_.end() ? log_index{} : found->second;
  if (step.index <= last) refuse(sentence("after it has applied ", last));
  if (step.index > ghost_.last_committed()) {
    refuse(sentence("but only ", ghost_.last_committed(), " is committed"));
  }
  for (log_index i = last.next(); i < step.index; i = i.next()) {
    const known_entry& skipped = ghost_.logs().at(ghost_.committed(i));
    if (!skipped.is_seen || skipped.kind != core::entry_kind::command) continue;
    refuse(sentence("but not the command at index ", i));
  }
  const known_entry& e = ghost_.logs().at(ghost_.committed(step.index));
  const bool is_it =
      !e.is_seen || (e.kind == core::entry_kind::command && e.payload == step.command);
  if (!is_it) refuse("but not the command that is committed there");
}

void state_machine_safety::compare(const machine_step& step) {
  const auto index = step.index.value();
  if (index >= first_.size()) first_.resize(index + 1 + index / 2);
  first_step& first = first_[index];
  if (!first.by) first = {step.node, step.answers, step.state};
  if (!first.state) first.state = step.state;
  const bool same_state = !step.state || *step.state == *first.state;
  if (same_state && first.answers == step.answers) return;
  throw violation(
      property::state_machine_safety, step.node,
      sentence("node ", step.node, " has ",
               same_state ? "given other answers" : "come to another state", " up to index ",
               step.index, " than node ", first.by, " from the same commands"));
}

}  // namespace mainstay::simulation
