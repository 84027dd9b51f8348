#include "sim/cluster_operator.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace mainstay::sim {

cluster_operator::cluster_operator(const simulation::schedule& plan, operated_cluster cluster)
    : plan_(plan),
      cluster_(std::move(cluster)),
      random_(plan.seed ^ 0x6f70657261746f72ULL),
      doomed_(simulation::doomed_nodes(plan)) {
  for (auto i = simulation::first_voters(plan); i < plan.nodes; ++i) spares_.insert(node_id(i + 1));
}

void cluster_operator::start() {
  const auto begin = [this](duration mean, action act) {
    if (mean > duration{}) after(mean, act);
  };
  begin(plan_.snapshots.on_command, &cluster_operator::save_snapshot);
  begin(plan_.churn.changes, &cluster_operator::change_members);
  begin(plan_.churn.transfers, &cluster_operator::transfer);
}

void cluster_operator::after(duration mean, action act) {
  const auto most = 2 * static_cast<std::uint64_t>(mean.count()) + 1;
  const auto pause = duration(static_cast<std::int64_t>(random_.below(most)));
  cluster_.at(cluster_.now() + pause, [this, act] {
    if (!stopped_) (this->*act)();
  });
}

node_id cluster_operator::whom_to_ask() {
  const node_id leader = cluster_.leader();
  return leader && percent(90) ? leader : draw_node();
}

/// One after the other, so that a node which cannot answer is not asked for ever more.
void cluster_operator::save_snapshot() {
  ++under_way_;
  cluster_.save_snapshot(draw_node(), [this](const command_outcome&) {
    --under_way_;
    after(plan_.snapshots.on_command, &cluster_operator::save_snapshot);
  });
}

void cluster_operator::transfer() {
  ++under_way_;
  const node_id to = percent(40) ? node_id{} : draw_node();
  cluster_.transfer(
      whom_to_ask(), to,
      [this](const result<node_id>& outcome) {
        --under_way_;
        if (outcome) ++counters_.transfers;
        after(plan_.churn.transfers, &cluster_operator::transfer);
      },
      plan_.core.election_timeout_max * static_cast<int>(1 + random_.below(4)));
}

// ---- Members ----------------------------------------------------------------------------------

result<void> cluster_operator::allows(const core::configuration& wanted) const {
  std::size_t at_risk = 0;
  for (const auto& m : wanted.voters) at_risk += doomed_.count(m.id);
  for (const auto& m : wanted.learners) at_risk += m.promote ? doomed_.count(m.id) : 0;
  if (2 * at_risk < wanted.voters.size()) return {};
  return fail(error_code::invalid_argument, "too few of these voters would be left");
}

void cluster_operator::change_members() {
  const node_id leader = cluster_.leader();
  if (!leader) return after(plan_.churn.changes, &cluster_operator::change_members);
  membership_request request = draw_request(cluster_.members(leader));
  for (const auto& m : request.add) spares_.erase(m.id);
  const auto id = request.change_id = ++changes_asked_;
  ++under_way_;
  cluster_.change(
      whom_to_ask(), std::move(request),
      [this, id](const membership_outcome& outcome) { on_changed(id, outcome); },
      plan_.core.election_timeout_max * static_cast<int>(2 + random_.below(8)));
}

/// Requests may make no sense: they are refused then.
membership_request cluster_operator::draw_request(const core::configuration& now) {
  membership_request request;
  const auto members = now.members();
  const auto lost =
      std::ranges::find_if(members, [this](const auto& m) { return cluster_.is_lost(m.id); });
  const auto what = random_.below(100);
  if (lost != members.end() && percent(60)) {
    request.remove = {lost->id};
    if (percent(50)) add_newcomer(request);
  } else if (what < 35 || now.voters.size() < 2) {
    add_newcomer(request);
    if (percent(20)) add_newcomer(request);
  } else if (what < 60) {
    request.remove = {draw_from(members).id};
  } else if (what < 75) {
    request.remove = {draw_from(members).id};
    if (percent(30)) request.remove.push_back(draw_from(members).id);
    add_newcomer(request);
  } else if (what < 85 && !now.learners.empty()) {
    request.promote = {draw_from(now.learners).id};
  } else {
    auto moved = draw_from(members);
    const auto at = moved.address.find('#');  // what it is known by (simulated_transport.hpp) stays
    const auto name = at == std::string::npos ? "" : moved.address.substr(at);
    moved.address = "moved-" + std::to_string(++moves_) + name;
    moved.priority = static_cast<std::uint8_t>(1 + random_.below(3));
    request.add = {moved};
  }
  return request;
}

void cluster_operator::add_newcomer(membership_request& request) {
  std::vector<node_id> there(spares_.begin(), spares_.end());
  std::erase_if(there, [&](node_id id) {
    return cluster_.is_lost(id) ||
           std::ranges::find(request.add, id, &core::member::id) != request.add.end();
  });
  if (there.empty()) return;
  const auto id = draw_from(there);
  request.add.push_back(
      {.id = id,
       .address = "node-" + std::to_string(id.value()) + "#" + std::to_string(++moves_),
       .promote = percent(85)});
}

void cluster_operator::on_changed(std::uint64_t id, const membership_outcome& outcome) {
  --under_way_;
  if (!outcome && outcome_of(outcome.error().code) == outcome::refused) refused_.insert(id);
  // Without a step it was no change, and says nothing of what is committed.
  if (outcome && !outcome->steps.empty()) {
    ++counters_.changes;
    cluster_.at(cluster_.now(), [this, members = outcome->members, since = outcome->index] {
      give_new_disks(members, since);
    });
  }
  after(plan_.churn.changes, &cluster_operator::change_members);
}

/// Whoever is out may be wiped; and only so a lost one comes back.
void cluster_operator::give_new_disks(const core::configuration& members, log_index since) {
  if (stopped_) return;
  for (std::uint64_t i = 1; i <= plan_.nodes; ++i) {
    const node_id id(i);
    if (members.contains(id) || !spares_.insert(id).second) continue;
    if (!cluster_.is_lost(id) && !percent(30)) continue;  // it goes on, and talks
    ++counters_.rejoined;
    cluster_.replace_disk(id, members, since.next());
  }
}

}  // namespace mainstay::sim
