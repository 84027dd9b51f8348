/// What the search for a linearization knows of values before it begins: which operation can only
/// have found one certain state, and which operations can have made that state. From this follow
/// proofs that no order exists (zones: Gibbons and Korach, "Testing shared memories", 1997) and
/// choices that cannot lead anywhere. It searches nothing itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "mainstay/simulation/history.hpp"

namespace mainstay::simulation {

/// What an operation can do to the state, by its name and, when it is done, its result.
template <class State>
struct operation_effect {
  bool keeps = false;     ///< it changes nothing
  bool is_blind = false;  ///< its answer is the same in every state
  /// What it leaves wherever it takes effect; none: that depends on what it finds.
  std::optional<State> leaves;
};

namespace detail {

/// The time from the end of the first to the start of the last operation that sees one value: the
/// value is there all that time, if the one is before the other.
struct value_zone {
  std::int64_t first_end = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_start = std::numeric_limits<std::int64_t>::min();
  std::size_t value = 0;
};

/// The values that operations of one key need, with those that are still to come: operations that
/// need them, and operations that can make them.
template <class Model>
class value_index {
 public:
  using state_type = typename Model::state_type;
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  value_index(const Model& model, std::span<const client_operation> operations)
      : model_(model), operations_(operations), facts_(operations.size()) {
    for (std::size_t i = 0; i < operations.size(); ++i) learn(i);
    for (std::size_t i = 0; i < operations.size(); ++i) find_made(i);
  }

  bool keeps(std::size_t operation) const { return facts_[operation].effect.keeps; }
  /// What it leaves depends on what it finds.
  bool depends(std::size_t operation) const {
    const auto& effect = facts_[operation].effect;
    return !effect.keeps && !effect.leaves;
  }
  /// The value that it must find; or `none`.
  std::size_t need_of(std::size_t operation) const { return facts_[operation].need; }
  /// It can make a value that some operation needs.
  bool makes_something(std::size_t operation) const { return !facts_[operation].makes.empty(); }
  /// Every operation either needs one certain state, or does and says the same in all.
  bool is_exact() const { return is_exact_; }
  /// It overwrites unseen, and nobody left needs what it writes.
  bool is_idle_write(std::size_t operation) const {
    const auto& fact = facts_[operation];
    return fact.effect.is_blind && fact.effect.leaves &&
           std::ranges::all_of(fact.makes, [this](auto v) { return values_[v].needers == 0; });
  }

  /// The operation was chosen, or taken back.
  void take(std::size_t operation) { count(operation, std::size_t{} - 1); }
  void take_back(std::size_t operation) { count(operation, 1); }

  /// Something that is to come needs a state that will not come again, after `operation` was taken
  /// and led from `before` to `after`.
  bool is_dead(std::size_t operation, const state_type& before, const state_type& after) const {
    if (before != after && is_gone(find(before))) return true;
    return std::ranges::any_of(facts_[operation].makes, [&](std::size_t v) {
      return is_gone(v) && values_[v].state != after;
    });
  }
  /// When the last of those that need this state begins, if it cannot come a second time.
  std::int64_t must_last_until(std::size_t value) const {
    return is_gone(value) ? values_[value].last_start : std::numeric_limits<std::int64_t>::min();
  }
  /// The number of a state that is needed; or `none`.
  std::size_t find(const state_type& state) const {
    const auto found = numbers_.find(model_.fingerprint(state));
    if (found == numbers_.end()) return none;
    for (const auto v : found->second) {
      if (values_[v].state == state) return v;
    }
    return none;
  }

  /// False when no order can exist. True says nothing.
  bool may_be_linearizable() const {
    std::vector<value_zone> zones;
    for (std::size_t v = 0; v < values_.size(); ++v) {
      const auto zone = zone_of(v);
      if (!zone) return false;
      if (zone->first_end < zone->last_start) zones.push_back(*zone);
    }
    std::ranges::sort(zones, {}, &value_zone::first_end);
    for (std::size_t i = 1; i < zones.size(); ++i) {
      if (zones[i].first_end < zones[i - 1].last_start) return false;
    }
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      if (breaks_in(i, zones)) return false;
    }
    return true;
  }

 private:
  struct needed_value {
    state_type state;
    std::size_t needers = 0;  // to come
    std::size_t makers = 0;   // to come
    std::int64_t last_start = std::numeric_limits<std::int64_t>::min();
    std::vector<std::size_t> needed_by;
    std::size_t maker = none;  // the only one, if there is one
  };
  struct operation_facts {
    operation_effect<state_type> effect;
    std::size_t need = none;
    std::vector<std::size_t> makes;
  };

  bool is_done(std::size_t i) const { return operations_[i].outcome == operation_outcome::done; }
  bool is_gone(std::size_t v) const {
    return v != none && values_[v].needers > 0 && values_[v].makers == 0;
  }

  void learn(std::size_t i) {
    const auto& o = operations_[i];
    if (o.outcome == operation_outcome::refused) return;
    auto& fact = facts_[i];
    fact.effect = model_.effect_of(o);
    if (!is_done(i)) {
      is_exact_ = is_exact_ && (fact.effect.keeps || fact.effect.leaves);
      return;
    }
    const auto needed = model_.needs(o);
    is_exact_ = is_exact_ && (needed || (fact.effect.is_blind && fact.effect.leaves));
    if (!needed) return;
    fact.need = find(*needed);
    if (fact.need == none) {
      fact.need = values_.size();
      numbers_[model_.fingerprint(*needed)].push_back(fact.need);
      values_.push_back({.state = *needed, .needed_by = {}});
    }
    auto& its = values_[fact.need];
    ++its.needers;
    its.last_start = std::max(its.last_start, o.start);
    its.needed_by.push_back(i);
  }

  void find_made(std::size_t i) {
    auto& fact = facts_[i];
    if (operations_[i].outcome == operation_outcome::refused || fact.effect.keeps) return;
    if (fact.effect.leaves) {
      const auto v = find(*fact.effect.leaves);
      if (v != none) fact.makes.push_back(v);
    } else {
      for (std::size_t v = 0; v < values_.size(); ++v) {
        if (model_.can_leave(operations_[i], values_[v].state)) fact.makes.push_back(v);
      }
    }
    for (const auto v : fact.makes) {
      ++values_[v].makers;
      values_[v].maker = i;
    }
  }

  void count(std::size_t operation, std::size_t change) {
    const auto& fact = facts_[operation];
    if (fact.need != none) values_[fact.need].needers += change;
    for (const auto v : fact.makes) values_[v].makers += change;
  }

  /// None: nobody can have made it, or only too late. Empty: it may come more than once.
  std::optional<value_zone> zone_of(std::size_t v) const {
    const auto& its = values_[v];
    const bool is_first = its.state == model_.initial();
    value_zone zone{.value = v};
    if (its.makers + (is_first ? 1 : 0) > 1) return zone;
    if (its.makers == 0 && !is_first) return {};
    if (is_first) {
      zone.first_end = std::numeric_limits<std::int64_t>::min();
    } else {
      zone.last_start = operations_[its.maker].start;
      if (is_done(its.maker)) zone.first_end = operations_[its.maker].end;
    }
    for (const auto i : its.needed_by) {
      const auto& o = operations_[i];
      if (!is_first && o.end < operations_[its.maker].start) return {};
      zone.first_end = std::min(zone.first_end, o.end);
      zone.last_start = std::max(zone.last_start, o.start);
    }
    return zone;
  }

  /// A done operation that writes something else within a zone.
  bool breaks_in(std::size_t i, const std::vector<value_zone>& zones) const {
    const auto& effect = facts_[i].effect;
    if (!is_done(i) || effect.keeps || !effect.leaves) return false;
    const auto behind =
        std::ranges::lower_bound(zones, operations_[i].start, {}, &value_zone::first_end);
    if (behind == zones.begin()) return false;
    const auto& zone = *std::prev(behind);
    return operations_[i].end < zone.last_start && *effect.leaves != values_[zone.value].state;
  }

  const Model& model_;
  std::span<const client_operation> operations_;
  std::vector<operation_facts> facts_;  // by operation
  std::vector<needed_value> values_;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> numbers_;  // by fingerprint
  bool is_exact_ = true;
};

}  // namespace detail
}  // namespace mainstay::simulation
