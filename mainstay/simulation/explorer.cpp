#include "mainstay/simulation/explorer.hpp"

#include <stdexcept>
#include <utility>

namespace mainstay::simulation::exploration {

explorer::explorer(scope s)
    : scope_(std::move(s)), runner_(scope_), unchecked_(unchecked_bits(scope_)) {
  check_bounds();
  first_ = first_world();
  meet(first_, sums_of(first_), {});
}

void explorer::check_bounds() const {
  const auto refuse = [this](const char* why) {
    throw std::invalid_argument("scope " + scope_.name + ": " + why);
  };
  // What lies just beyond a bound has to fit into the tables too.
  if (scope_.max_term >= largest_term) refuse("max_term is too high");
  if (scope_.max_log >= longest_log) refuse("max_log is too high");
  if (scope_.max_messages > largest_network) refuse("max_messages is too high");
  if (scope_[allowance::read] > most_reads) refuse("it has too many reads");
  if (scope_[allowance::proposal] == unlimited) refuse("proposals must be limited");
}

void explorer::run(std::uint64_t max_states,
                   const std::function<bool(const exploration_counts&)>& watch) {
  while (!found_ && !counts_.complete) {
    if (!explore_level(max_states, watch)) return;
    if (found_) return;
    first_of_frontier_ += static_cast<std::uint32_t>(frontier_.size());
    std::swap(frontier_, next_frontier_);
    next_frontier_.clear();
    expanded_ = 0;
    if (frontier_.empty()) {
      counts_.complete = true;
    } else {
      ++counts_.depth;
    }
  }
}

/// False when it was told to stop before the end of the level.
bool explorer::explore_level(std::uint64_t max_states,
                             const std::function<bool(const exploration_counts&)>& watch) {
  constexpr std::size_t between_looks = 1 << 12;
  while (expanded_ < frontier_.size() && !found_) {
    if (visited_.size() >= max_states) return false;
    if (expanded_ % between_looks == 0 && watch && !watch(counts())) return false;
    const std::size_t place = expanded_++;
    const world w = frontier_[place];
    expand(w, first_of_frontier_ + static_cast<std::uint32_t>(place));
  }
  return true;
}

void explorer::expand(const world& w, std::uint32_t number) {
  const renamed_hashes sums = sums_of(w);
  list_happenings(w, happenings_);
  for (const happening& h : happenings_) {
    current_ = {number, h.packed()};
    world next;
    renamed_hashes next_sums = sums;
    switch (take(w, h, next, next_sums)) {
      case verdict::nothing:
        break;
      case verdict::beyond_bounds:
        ++counts_.beyond_bounds;
        break;
      case verdict::wrong:
        return conclude(current_);
      case verdict::taken:
        ++counts_.transitions;
        meet(next, next_sums, current_);
        if (found_) return;
    }
  }
}

void explorer::meet(const world& w, const renamed_hashes& sums, parent_link link) {
  if (!visited_.insert(fingerprint(w, sums))) return;
  const bool is_first = links_.empty();
  links_.push_back(link);
  if (!judge(w)) {
    found_ = finding{*wrong_, is_first ? std::vector<trace_step>{} : trace_to(link)};
    return;
  }
  (is_first ? frontier_ : next_frontier_).push_back(w);
}

bool explorer::judge(const world& w) {
  cluster_view c{.committed = w.committed};
  for (std::size_t i = 0; i < node_count; ++i) c.nodes[i] = &views_[w.replicas[i]];
  auto wrong = judge_cluster(c, unchecked_);
  if (!wrong) return true;
  wrong_ = std::move(wrong);
  return false;
}

void explorer::conclude(parent_link last) { found_ = finding{*wrong_, trace_to(last)}; }

renamed_hashes explorer::sums_of(const world& w) const {
  renamed_hashes sums{};
  const auto add = [&sums](const renamed_hashes& hashes) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += hashes[i];
  };
  for (const auto number : w.replicas) add(replicas_.hashes(number));
  for (std::size_t i = 0; i < w.message_count; ++i) add(messages_.hashes(w.messages[i]));
  return sums;
}

/// The least of the fingerprints under all renamings, so that it is the same for states that differ
/// only in the names of their nodes. A sum does not depend on the order of what it adds up, and a
/// replica's own name is part of its hash.
std::uint64_t explorer::fingerprint(const world& w, const renamed_hashes& sums) const {
  std::uint64_t rest = mix(w.committed.entries.bits(), w.committed.in_terms.bits());
  std::uint64_t packed = 0;
  for (const auto left : w.left) packed = packed << 8 | left;
  rest = mix(rest, packed);
  packed = 0;
  for (const auto floor : w.read_floors) packed = packed << 8 | floor;
  rest = mix(rest, packed);
  std::uint64_t least = ~std::uint64_t{0};
  for (const std::uint64_t sum : sums) least = std::min(least, mix(sum, rest));
  return least;
}

exploration_counts explorer::counts() const {
  exploration_counts now = counts_;
  now.states = visited_.size();
  now.frontier = frontier_.size() - expanded_ + next_frontier_.size();
  now.replicas = replicas_.size();
  now.messages = messages_.size();
  now.inputs = outcomes_.size();
  return now;
}

}  // namespace mainstay::simulation::exploration
