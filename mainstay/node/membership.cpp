#include "mainstay/node/membership.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace mainstay {

namespace {

std::vector<core::member>::iterator find(std::vector<core::member>& list, node_id id) {
  return std::ranges::find(list, id, &core::member::id);
}

std::string name_of(node_id id) { return "node " + std::to_string(id.value()); }

void add(core::configuration_change& change, const core::member& wanted) {
  for (auto* list : {&change.voters, &change.learners}) {
    const auto known = find(*list, wanted.id);
    if (known == list->end()) continue;
    const bool waits = list == &change.learners && (wanted.promote || known->promote);
    *known = wanted;
    known->promote = waits;
    return;
  }
  change.learners.push_back(wanted);
}

membership_step step_of(core::configuration members) {
  membership_step step{.members = std::move(members)};
  const auto& c = step.members;
  step.quorum = c.voters.size() / 2 + 1;
  step.tolerated_failures = c.voters.size() - step.quorum;
  if (c.is_joint()) {
    step.outgoing_quorum = c.outgoing_voters.size() / 2 + 1;
    step.tolerated_failures =
        std::min(step.tolerated_failures, c.outgoing_voters.size() - step.outgoing_quorum);
  }
  return step;
}

}  // namespace

result<core::configuration_change> target_of(const core::configuration& now,
                                             const membership_request& request) {
  core::configuration_change change{.change_id = request.change_id,
                                    .based_on = {},
                                    .voters = now.voters,
                                    .learners = now.learners};
  for (const auto& m : request.add) {
    if (!m.id) return fail(error_code::invalid_argument, "a member's id must not be 0");
    add(change, m);
  }
  for (const auto id : request.promote) {
    const auto learner = find(change.learners, id);
    if (learner == change.learners.end()) {
      return fail(error_code::invalid_argument, name_of(id) + " is no learner");
    }
    learner->promote = false;
    change.voters.push_back(*learner);
    change.learners.erase(learner);
  }
  for (const auto id : request.remove) {
    const auto is_it = [&](const core::member& m) { return m.id == id; };
    if (std::erase_if(change.voters, is_it) + std::erase_if(change.learners, is_it) == 0) {
      return fail(error_code::invalid_argument, name_of(id) + " is no member");
    }
  }
  std::ranges::sort(change.voters, {}, &core::member::id);
  std::ranges::sort(change.learners, {}, &core::member::id);
  if (auto ok = core::check(core::first_step(now, change, {})); !ok) {
    return std::unexpected(ok.error());
  }
  return change;
}

result<bool> judge_newcomer(const core::configuration& now, const core::member& newcomer,
                            bool is_met) {
  if (!now.contains(newcomer.id)) return true;
  const auto learner = std::ranges::find(now.learners, newcomer.id, &core::member::id);
  const bool is_expected = learner != now.learners.end() && !now.is_voter(newcomer.id) && !is_met;
  if (is_expected && learner->address == newcomer.address) return false;
  const std::string id = std::to_string(newcomer.id.value());
  return fail(error_code::wrong_identity,
              name_of(newcomer.id) +
                  " is a member already, and this one has an empty disk. If it "
                  "is the same node and lost its disk: \"mainstayctl member remove " +
                  id + "\", then start it again. If not, give it another id");
}

std::vector<membership_step> plan_change(const core::configuration& now,
                                         const core::configuration_change& change) {
  core::configuration next = core::first_step(now, change, {});
  if (!next.is_joint() && next.voters == now.voters && next.learners == now.learners) return {};
  std::vector<membership_step> steps{step_of(next)};
  const auto then = [&](core::configuration c) { steps.push_back(step_of(std::move(c))); };
  if (next.is_joint()) {
    next.outgoing_voters.clear();
    then(next);
  }
  // Whoever waits for promotion comes one after the other, in any order; here in that of the ids.
  for (const auto& learner : change.learners) {
    if (!learner.promote) continue;
    next = core::promotion_of(next, learner);
    then(next);
    next.outgoing_voters.clear();
    then(next);
  }
  return steps;
}

std::string describe(const core::configuration& members) {
  const auto ids = [](const std::vector<core::member>& list, const auto& is_told) {
    std::string text;
    for (const auto& m : list) {
      if (!is_told(m)) continue;
      if (!text.empty()) text += ',';
      text += std::to_string(m.id.value());
      if (m.promote) text += '+';
    }
    return text;
  };
  std::string text = ids(members.voters, [](const auto&) { return true; });
  const auto leaving = ids(members.outgoing_voters, [&](const core::member& m) {
    return std::ranges::find(members.voters, m.id, &core::member::id) == members.voters.end();
  });
  const auto learners = ids(members.learners, [](const auto&) { return true; });
  if (!leaving.empty()) text += "; leaving " + leaving;
  if (!learners.empty()) text += "; learning " + learners;
  return text;
}

result<void> allow_distinct_addresses(const core::configuration&, const core::configuration& wanted,
                                      const std::string&) {
  std::set<std::string> addresses;
  for (const auto* list : {&wanted.voters, &wanted.learners}) {
    for (const auto& m : *list) {
      if (addresses.insert(m.address).second) continue;
      return fail(error_code::invalid_argument,
                  "the address " + m.address + " of " + name_of(m.id) + " is in use");
    }
  }
  return {};
}

membership_manager require_token(std::string token) {
  return
      [token = std::move(token)](const core::configuration& now, const core::configuration& wanted,
                                 const std::string& credential) -> result<void> {
        const bool newcomers = std::ranges::any_of(
            wanted.members(), [&](const core::member& m) { return !now.contains(m.id); });
        if (newcomers && credential != token) {
          return fail(error_code::wrong_identity, "the token for new members is wrong or missing");
        }
        return allow_distinct_addresses(now, wanted, credential);
      };
}

}  // namespace mainstay
