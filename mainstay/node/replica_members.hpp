/// Who takes part: changes that callers ask for, and whom the network has to know. Included by
/// replica.hpp only.
#pragma once

#include "mainstay/node/replica.hpp"

namespace mainstay::detail {

template <raft_types Types>
void replica<Types>::change_members(membership_request request, instant deadline,
                                    completion_handler<membership_outcome> done) {
  if (is_stopped()) return done(fail(error_code::shutting_down, "the node is stopping"));
  if (core_.role() != core::role::leader) {
    return done(fail(error_code::not_leader, "only the leader changes members", core_.leader()));
  }
  advance();
  const core::configuration now = core_.configuration();
  const bool is_again = request.change_id != 0 && request.change_id == now.change_id;
  if (request.change_id == 0) request.change_id = parts_.runtime.random_seed() | 1;
  core::configuration_change change{.change_id = request.change_id,
                                    .based_on = {},
                                    .voters = now.voters,
                                    .learners = now.learners};
  std::vector<membership_step> steps;
  if (!is_again) {
    auto target = target_of(now, request);
    if (!target) return done(std::unexpected(target.error()));
    change = *std::move(target);
    const core::configuration wanted{.voters = change.voters,
                                     .outgoing_voters = {},
                                     .learners = change.learners,
                                     .change_id = change.change_id};
    const auto allowed = listener_.manages_members(now, wanted, request.credential);
    if (!allowed) return done(std::unexpected(allowed.error()));
    steps = plan_change(now, change);
    if (request.dry_run || steps.empty()) {
      return done(membership_result{now, core_.configuration_index(), std::move(steps)});
    }
  }
  const auto index = core_.change_configuration(change);
  if (!index) return done(std::unexpected(index.error()));
  changes_.watch(request.change_id, {*index, core_.entries().term_at(*index)}, std::move(steps),
                 deadline, std::move(done));
  schedule_turn();
}

/// Tells the log and the listener who belongs here, and the network whom to reach.
template <raft_types Types>
void replica<Types>::follow_members() {
  const std::pair standing{core_.configuration_index(), !core_.is_changing()};
  const bool is_news = followed_members_ != standing;
  if (!is_news && !someone_leaves_) return;
  followed_members_ = standing;
  if (is_news) report_members();
  if (is_stopped()) return;
  auto wanted = wanted_peers();
  for (const auto& [id, address] : known_peers_) {
    if (!wanted.contains(id)) parts_.client.remove_peer(id);
  }
  for (const auto& [id, address] : wanted) {
    if (is_news) parts_.client.add_peer(id, address);
  }
  known_peers_ = std::move(wanted);
}

/// The members beside this node. Whoever has left stays known while the core still tells it so.
template <raft_types Types>
std::map<node_id, std::string> replica<Types>::wanted_peers() {
  std::map<node_id, std::string> wanted;
  for (const auto& m : core_.configuration().members()) {
    if (m.id != options_.id) wanted.emplace(m.id, m.address);
  }
  someone_leaves_ = false;
  for (const auto& p : core_.peers()) {
    const auto known = known_peers_.find(p.id);
    if (!p.is_leaving || wanted.contains(p.id) || known == known_peers_.end()) continue;
    someone_leaves_ = true;
    wanted.insert(*known);
  }
  return wanted;
}

template <raft_types Types>
void replica<Types>::report_members() {
  const core::configuration& members = core_.configuration();
  const bool is_settled = !core_.is_changing();
  const std::string text = describe(members);
  log_.log(log_level::info, "node", is_settled ? "members are settled" : "members change",
           {{"node", options_.id.value()},
            {"index", core_.configuration_index().value()},
            {"members", std::string_view(text)}});
  const bool has_left = is_settled && was_member_ && !members.contains(options_.id);
  if (has_left) {
    log_.log(log_level::warning, "node", "this node has left the cluster, and can be stopped",
             {{"node", options_.id.value()}, {"index", core_.configuration_index().value()}});
  }
  // The list that a newcomer starts with is ahead of the log that it gets.
  const bool is_first = !core_.configuration_index();
  if (is_settled && is_first) was_member_ = members.is_voter(options_.id);
  if (is_settled && !is_first) was_member_ = members.contains(options_.id);
  if (listener_.members_changed) {
    listener_.members_changed({members, core_.configuration_index(), is_settled});
  }
}

}  // namespace mainstay::detail
