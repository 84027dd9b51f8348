#include "mainstay/simulation/checkers/ghost.hpp"

#include <algorithm>
#include <utility>

namespace mainstay::simulation {

namespace {

core_position position_of(const core::raft& core) {
  return {.role = core.role(),
          .term = core.current_term(),
          .voted_for = core.voted_for(),
          .commit_index = core.commit_index(),
          .last_applied = core.last_applied(),
          .last_index = core.last_index(),
          .stable_index = core.stable_index()};
}

/// What a disk holds once this much of a batch is written.
void write(const written_batch& batch, ghost_node& node) {
  if (batch.state) node.durable_state = *batch.state;
  if (batch.reset_to) node.durable.truncate_from(batch.reset_to.next());
  if (batch.truncate_from) node.durable.truncate_from(batch.truncate_from);
  for (const auto prefix : batch.prefixes) node.durable.append(prefix);
}

}  // namespace

log_prefix ghost_node::written_at(log_index index) const {
  for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
    if (batch->first_index && index >= batch->first_index) {
      const auto place = index - batch->first_index;
      return place < batch->prefixes.size() ? batch->prefixes[place] : log_prefix{};
    }
    if (batch->truncate_from && index >= batch->truncate_from) return {};
    if (batch->reset_to && index > batch->reset_to) return {};
  }
  return durable.at(index);
}

log_index ghost_node::written_last() const {
  log_index last = durable.last();
  for (const auto& batch : batches) {
    if (batch.reset_to) last = batch.reset_to;
    if (batch.truncate_from) last = std::min(last, batch.truncate_from.previous());
    if (batch.first_index) last = (batch.first_index + batch.prefixes.size()).previous();
  }
  return last;
}

log_index ghost::committed_command(std::uint64_t payload) const {
  const auto found = commands_.find(payload);
  return found == commands_.end() ? log_index{} : found->second;
}

void ghost::wiped(node_id id) {
  const auto found = nodes_.find(id);
  if (found == nodes_.end()) return;
  lost_disks_[id] = std::move(found->second.durable);
  nodes_.erase(found);
}

log_prefix ghost::durable_at(node_id id, log_index index) const {
  if (const auto found = nodes_.find(id); found != nodes_.end()) {
    return found->second.durable.at(index);
  }
  const auto lost = lost_disks_.find(id);
  return lost == lost_disks_.end() ? log_prefix{} : lost->second.at(index);
}

void ghost::started(const core::raft& core) {
  last_life_.reset();
  lost_disks_.erase(core.id());
  const auto [found, is_new] = nodes_.try_emplace(core.id());
  auto& node = found->second;
  if (!is_new) last_life_ = std::exchange(node, {});
  change_ = {.node = core.id(), .before = position_of(core), .committed_before = last_committed()};
  node.position = change_.before;
  follow_snapshot(core, node);
  grow(core, node);
  node.durable = node.log;
  node.durable_state = {core.current_term(), core.voted_for()};
}

void ghost::before(const core::raft& core, const core_input& input) {
  auto& node = nodes_.at(core.id());
  if (const auto* persisted = std::get_if<batch_persisted>(&input)) {
    while (!node.batches.empty() && node.batches.front().sequence <= persisted->sequence) {
      write(node.batches.front(), node);
      node.batches.pop_front();
    }
  } else if (const auto* refused = std::get_if<batch_refused>(&input)) {
    std::erase_if(node.batches,
                  [&](const written_batch& b) { return b.sequence == refused->sequence; });
  }
}

void ghost::after(const core::raft& core, const core_input& input) {
  auto& node = nodes_.at(core.id());
  change_ = {.node = core.id(), .before = node.position, .committed_before = last_committed()};
  if (const auto* arrived = std::get_if<message_arrived>(&input)) {
    const auto* append = std::get_if<core::append_entries>(&arrived->envelope->message);
    if (append != nullptr && !append->entries.empty()) look_again(core, *append, node);
  }
  const bool is_over = std::holds_alternative<image_installed>(input) ||
                       std::holds_alternative<image_not_installed>(input);
  if (is_over) node.installing = {};
  observe(core, node);
}

void ghost::took_ready(const core::raft& core, const core::ready& ready) {
  auto& node = nodes_.at(core.id());
  change_ = {.node = core.id(), .before = node.position, .committed_before = last_committed()};
  observe(core, node);
  if (ready.install) node.installing = ready.install->last_included_index;
  if (!ready.persist.empty()) handed_to_storage(ready.persist, node);
}

void ghost::observe(const core::raft& core, ghost_node& node) {
  node.position = position_of(core);
  if (core.snapshot()) node.snapshot = core.snapshot()->id.last_included_index;
  const bool is_new =
      change_.before.role != core::role::leader || change_.before.term != node.position.term;
  change_.begins_to_lead = node.position.role == core::role::leader && is_new;
  follow_snapshot(core, node);
  follow_log(core, node);
  if (node.position.commit_index > change_.before.commit_index) follow_commit(node);
}

/// A log that gave way to a snapshot is the committed one up to there, in memory and, because the
/// image is durable by then, on the disk: what storage has under way of the old one counts no more.
void ghost::follow_snapshot(const core::raft& core, ghost_node& node) {
  const core::log& log = core.entries();
  const log_index base = log.base_index();
  const bool is_known =
      node.log.last() >= base && (!base || logs_.at(node.log.at(base)).term == log.base_term());
  if (is_known) return;
  change_.removed_from = node.log.last() < base ? node.log.last().next() : base;
  const log_index last = std::min(base, last_committed());
  node.log.become(last, [this](log_index i) { return committed(i); });
  node.durable = node.log;
  note_configurations(node);
  for (auto& batch : node.batches) batch = {.sequence = batch.sequence, .state = batch.state};
  node.installing = {};
}

void ghost::follow_log(const core::raft& core, ghost_node& node) {
  const core::log& log = core.entries();
  log_index same = std::min(node.log.last(), log.last_index());
  while (same > log.base_index() && logs_.at(node.log.at(same)).term != log.term_at(same)) {
    same = same.previous();
  }
  if (same < node.log.last()) cut(node, same.next());
  if (same < log.last_index()) grow(core, node);
}

/// Entries that the log had already may have been replaced by others of the same terms: only their
/// content tells.
void ghost::look_again(const core::raft& core, const core::append_entries& m, ghost_node& node) {
  const log_index last = std::min(node.log.last(), core.last_index());
  for (const auto& sent : m.entries) {
    const log_index i = sent.index;
    if (!i || i > last || i < core.entries().window_first()) continue;
    const core::entry& held = core.entries().at(i);
    if (logs_.extend(node.log.at(i.previous()), held).prefix == node.log.at(i)) continue;
    return cut(node, i);
  }
}

/// Of the log as it is: those that a snapshot's state includes.
void ghost::note_configurations(ghost_node& node) {
  node.configurations.clear();
  for (log_index i{1}; i <= node.log.last(); i = i.next()) {
    if (logs_.at(node.log.at(i)).kind == core::entry_kind::configuration) {
      node.configurations.push_back(i);
    }
  }
}

void ghost::cut(ghost_node& node, log_index from) {
  change_.removed_from = change_.removed_from ? std::min(change_.removed_from, from) : from;
  node.log.truncate_from(from);
  while (!node.configurations.empty() && node.configurations.back() >= from) {
    node.configurations.pop_back();
  }
}

void ghost::grow(const core::raft& core, ghost_node& node) {
  const core::log& log = core.entries();
  const log_index first = node.log.last().next();
  if (first <= log.last_index()) change_.appended_from = first;
  for (log_index i = first; i <= log.last_index(); i = i.next()) {
    const log_prefix prefix = i >= log.window_first()
                                  ? place_of(logs_.extend(node.log.whole(), log.at(i)))
                                  : place_of(logs_.extend(node.log.whole(), i, log.term_at(i)));
    node.log.append(prefix);
    if (logs_.at(prefix).kind == core::entry_kind::configuration) node.configurations.push_back(i);
  }
}

log_prefix ghost::place_of(known_logs::place place) {
  if (place.rival && !change_.rival) {
    change_.prefix = place.prefix;
    change_.rival = place.rival;
  }
  return place.prefix;
}

void ghost::follow_commit(const ghost_node& node) {
  const log_index last = std::min(node.position.commit_index, node.log.last());
  for (log_index i = last_committed().next(); i <= last; i = i.next()) {
    committed_.push_back({node.log.at(i), node.position.term});
    note_command(i, node.log.at(i));
  }
  for (auto i = last.value(); i > 0 && committed_[i].by > node.position.term; --i) {
    committed_[i].by = node.position.term;
  }
}

void ghost::note_command(log_index index, log_prefix prefix) {
  const known_entry& e = logs_.at(prefix);
  const bool is_of_session = e.kind == core::entry_kind::session;
  if (!e.is_seen || (e.kind != core::entry_kind::command && !is_of_session)) return;
  const auto [known, is_new] = commands_.try_emplace(e.payload, index);
  // A session's command may be committed again; that it is applied once is for others to see.
  if (is_new || is_of_session || change_.repeated_at) return;
  change_.repeated_at = index;
  change_.repeats = known->second;
}

void ghost::handed_to_storage(const core::persist_batch& batch, ghost_node& node) {
  written_batch written{.sequence = batch.sequence, .truncate_from = batch.truncate_from};
  if (batch.reset_to) written.reset_to = batch.reset_to->first;
  if (batch.has_hard_state) written.state = batch.state;
  node.batches.push_back(std::move(written));
  if (batch.entries.empty()) return;

  const log_index expected = node.written_last().next();
  if (batch.entries.front().index != expected) change_.misplaced = batch.entries.front().index;
  std::vector<log_prefix> prefixes;
  prefixes.reserve(batch.entries.size());
  log_prefix prefix = node.written_at(expected.previous());
  for (const auto& e : batch.entries) {
    if (e.index != expected + prefixes.size()) change_.misplaced = e.index;
    prefix = place_of(logs_.extend(prefix, e));
    prefixes.push_back(prefix);
  }
  node.batches.back().first_index = expected;
  node.batches.back().prefixes = std::move(prefixes);
}

}  // namespace mainstay::simulation
