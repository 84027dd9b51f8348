#include "mainstay/simulation/checkers/state_machine_safety.hpp"

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

void state_machine_safety::after(const core::raft& core, const core_input& input) {
  const bool is_new = std::holds_alternative<own_snapshot_saved>(input) ||
                      std::holds_alternative<image_installed>(input);
  if (is_new) check_image(core);
}

/// Images of equal states, sessions included, have equal bytes; so their digests must agree.
void state_machine_safety::check_image(const core::raft& core) {
  if (!core.snapshot()) return;
  const core::snapshot_id& id = core.snapshot()->id;
  std::string members(core::encode(core.snapshot()->configuration).text());
  const auto [known, is_new] =
      images_.try_emplace({id.last_included_index, std::move(members)}, first_image{core.id(), id});
  if (known->second.id == id) return;
  throw violation(property::state_machine_safety, core.id(),
                  sentence("node ", core.id(), " has another snapshot up to index ",
                           id.last_included_index, " than node ", known->second.by, " made"));
}

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
  check_session(step);
  compare(step);
  last_[step.node] = step.index;
}

void state_machine_safety::machine_restored(const machine_step& step) {
  compare(step);
  last_[step.node] = step.index;
}

/// The machine must be told each committed command, in order, and nothing else; of the commands of
/// sessions, only those that are not applied yet.
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
  const bool is_command =
      e.kind == core::entry_kind::command || e.kind == core::entry_kind::session;
  const bool is_it = !e.is_seen || (is_command && e.payload == step.command);
  if (!is_it) refuse("but not the command that is committed there");
}

/// Thesis §6.3: however often a command of a session is committed, one entry applies it.
void state_machine_safety::check_session(const machine_step& step) {
  const auto* request = ghost_.logs().session_request_at(ghost_.committed(step.index));
  if (request == nullptr) return;
  const auto [known, is_new] =
      session_uses_.try_emplace({request->session, request->serial}, step.index);
  if (known->second == step.index) return;
  throw violation(property::exactly_once, step.node,
                  sentence("node ", step.node, " applies serial ", request->serial, " of session ",
                           request->session, " at index ", step.index, ", which was applied at ",
                           known->second));
}

void state_machine_safety::compare(const machine_step& step) {
  const auto index = step.index.value();
  if (index >= first_.size()) first_.resize(index + 1 + index / 2);
  first_step& first = first_[index];
  if (!first.by) first = {step.node, step.answers};
  const auto refuse = [&](const char* what, node_id other) {
    throw violation(property::state_machine_safety, step.node,
                    sentence("node ", step.node, what, " up to index ", step.index, " than node ",
                             other, " from the same commands"));
  };
  if (first.answers != step.answers) refuse(" has given other answers", first.by);
  if (!step.state) return;
  const auto [known, is_new] = states_.try_emplace({step.index, step.time.microseconds},
                                                   first_state{step.node, *step.state});
  if (known->second.digest != *step.state) refuse(" has come to another state", known->second.by);
}

}  // namespace mainstay::simulation
