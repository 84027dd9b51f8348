#include "mainstay/simulation/checkers/disk_checkers.hpp"

#include <algorithm>

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

namespace {

/// A disk after a crash: its last prefix stands for the whole log.
struct disk_image {
  core::hard_state state;
  log_prefix log;
};

bool operator==(const disk_image& a, const disk_image& b) {
  return a.state == b.state && a.log == b.log;
}

/// True when `found` is what a crash can leave of `node`: its durable part, and then the first so
/// many steps of its batches (hard state, truncation, each entry).
bool can_be_left(const ghost_node& node, const disk_image& found) {
  disk_image image{node.durable_state, node.durable.whole()};
  if (image == found) return true;
  ghost_node rest = node;
  while (!rest.batches.empty()) {
    const written_batch batch = std::move(rest.batches.front());
    rest.batches.pop_front();
    if (batch.state) image.state = *batch.state;
    if (image == found) return true;
    if (batch.reset_to) rest.durable.truncate_from(batch.reset_to.next());
    if (batch.truncate_from) rest.durable.truncate_from(batch.truncate_from);
    image.log = rest.durable.whole();
    if (image == found) return true;
    for (const auto prefix : batch.prefixes) {
      rest.durable.append(prefix);
      image.log = prefix;
      if (image == found) return true;
    }
  }
  return false;
}

}  // namespace

void durability::started(const core::raft& core) {
  const ghost_node* last_life = ghost_.last_life();
  if (last_life != nullptr) check_recovery(ghost_.of(core.id()), *last_life, core.id());
}

void durability::check_recovery(const ghost_node& node, const ghost_node& last_life,
                                node_id id) const {
  const disk_image found{node.durable_state, node.durable.whole()};
  if (can_be_left(last_life, found)) return;
  for (const log_index index : {last_life.installing, last_life.snapshot}) {
    if (!index || node.durable.last() != index) continue;
    // The image is durable, and the log on the disk had not got there.
    ghost_node installed = last_life;
    installed.durable = node.durable;
    for (auto& batch : installed.batches) batch = {.sequence = 0, .state = batch.state};
    if (found.log == ghost_.committed(index) && can_be_left(installed, found)) return;
  }
  const core::hard_state& state = last_life.durable_state;
  throw violation(property::durability, id,
                  sentence("node ", id, " starts with term ", found.state.current_term,
                           ", a vote for ", found.state.voted_for, " and a log up to ",
                           node.durable.last(), " of term ", ghost_.logs().at(found.log).term,
                           "; its disk had reported term ", state.current_term, ", a vote for ",
                           state.voted_for, " and a log up to ", last_life.durable.last(),
                           " of term ", ghost_.logs().at(last_life.durable.whole()).term, ", with ",
                           last_life.batches.size(), " batches still to be reported"));
}

void durability::took_ready(const core::raft& core, const core::ready& ready) {
  if (ready.persist.empty()) return;
  const ghost_node& node = ghost_.of(core.id());
  if (const log_index misplaced = ghost_.change().misplaced) {
    throw violation(property::durability, core.id(),
                    sentence("node ", core.id(), " writes index ", misplaced,
                             ", which does not follow what is on its disk"));
  }
  if (!ready.persist.entries.empty()) {
    const log_index last = ready.persist.entries.back().index;
    if (node.batches.back().prefixes.back() != node.log.at(last)) {
      throw violation(property::durability, core.id(),
                      sentence("node ", core.id(), " writes entries up to index ", last,
                               " that are not those of its log"));
    }
  }
  const log_index from = ready.persist.truncate_from;
  if (!from || from > ghost_.last_committed()) return;
  if (node.durable.at(from) != ghost_.committed(from)) return;
  throw violation(
      property::durability, core.id(),
      sentence("node ", core.id(), " removes index ", from,
               " from its disk, which was committed in term ", ghost_.committed_by(from)));
}

void durability::acknowledged(std::string_view payload) {
  const log_index index = ghost_.committed_command(hash_of_payload(payload));
  if (index) {
    acknowledged_ = std::max(acknowledged_, index);
    return;
  }
  throw violation(property::durability, node_id{},
                  sentence("a command was acknowledged that nobody has committed: \"",
                           payload.substr(0, 40), "\""));
}

void durability::at_end(const core::raft& core) const {
  const ghost_node& node = ghost_.of(core.id());
  const bool has_all = core.commit_index() >= acknowledged_ &&
                       node.log.at(acknowledged_) == ghost_.committed(acknowledged_);
  if (has_all) return;
  throw violation(property::durability, core.id(),
                  sentence("node ", core.id(), " has committed up to index ", core.commit_index(),
                           " at the end; index ", acknowledged_, " was acknowledged"));
}

// ---- Persistence before response --------------------------------------------------------------

void persistence_before_response::took_ready(const core::raft& core, const core::ready& ready) {
  const ghost_node& node = ghost_.of(core.id());
  for (const auto& e : ready.messages) {
    check_term(core.id(), e.message, node);
    if (const auto* request = std::get_if<core::request_vote>(&e.message)) {
      if (!request->pre_vote) check_vote(core.id(), request->term, core.id(), node);
    } else if (const auto* vote = std::get_if<core::request_vote_response>(&e.message)) {
      if (vote->vote_granted && !vote->pre_vote) check_vote(core.id(), vote->term, e.to, node);
    } else if (const auto* append = std::get_if<core::append_entries_response>(&e.message)) {
      if (append->success) check_append(core.id(), append->match_index, node);
    } else if (const auto* installed = std::get_if<core::install_snapshot_response>(&e.message)) {
      if (installed->success) check_append(core.id(), installed->match_index, node);
    }
  }
}

void persistence_before_response::check_term(node_id id, const core::message& m,
                                             const ghost_node& node) const {
  // Questions about a term that may never begin promise nothing.
  if (const auto* request = std::get_if<core::request_vote>(&m); request && request->pre_vote) {
    return;
  }
  const auto* vote = std::get_if<core::request_vote_response>(&m);
  if (vote != nullptr && vote->pre_vote && vote->vote_granted) return;
  const term t = core::term_of(m);
  if (t <= node.durable_state.current_term) return;
  throw violation(property::persistence_before_response, id,
                  sentence("node ", id, " speaks of term ", t, " with only ",
                           node.durable_state.current_term, " on its disk"));
}

void persistence_before_response::check_vote(node_id id, term t, node_id candidate,
                                             const ghost_node& node) const {
  const core::hard_state& on_disk = node.durable_state;
  if (on_disk.current_term > t) return;
  if (on_disk.current_term == t && on_disk.voted_for == candidate) return;
  throw violation(
      property::persistence_before_response, id,
      sentence("node ", id, " votes for ", candidate, " in term ", t, ", and has on its disk term ",
               on_disk.current_term, " and a vote for ", on_disk.voted_for));
}

void persistence_before_response::check_append(node_id id, log_index match,
                                               const ghost_node& node) const {
  const log_prefix on_disk = node.durable.at(match);
  if (!match || (on_disk && on_disk == node.log.at(match))) return;
  throw violation(
      property::persistence_before_response, id,
      sentence("node ", id, " acknowledges index ", match, " of term ",
               ghost_.logs().at(node.log.at(match)).term, ", which is not on its disk"));
}

}  // namespace mainstay::simulation
