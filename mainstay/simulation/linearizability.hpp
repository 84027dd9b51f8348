/// Decides whether a history of clients can be explained by one order of its operations that keeps
/// to real time: linearizability (Herlihy and Wing 1990). The search is Wing and Gong's, with
/// Lowe's improvements ("Testing for linearizability", 2017): what was tried is remembered by set
/// of operations and state, and operations are taken out of a list and put back. What is known of
/// values (linearizability_values.hpp) spares it most choices. It is generic over the sequential
/// model; keys are judged one by one.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mainstay/simulation/history.hpp"
#include "mainstay/simulation/linearizability_values.hpp"

namespace mainstay::simulation {

/// What one key is to hold and answer when operations come one at a time. `carry_out` changes the
/// state and gives the answer as a history has it; `fingerprint` is a hash of the state. The others
/// help the search: `effect_of` an operation with its result, if it is done; `needs`, the one state
/// in which a done operation can have had its result, if there is only one; `can_leave`, whether an
/// operation whose effect depends on what it finds may leave this state; `is_alike`, whether two
/// operations do the same but for something that only some answers show (an operation is not even
/// like itself when there are no such two); `can_tell`, whether one operation's answer or effect
/// may show that something of another.
template <class Model>
concept sequential_model =
    std::copyable<typename Model::state_type> &&
    std::equality_comparable<typename Model::state_type> &&
    requires(const Model& model, typename Model::state_type& state, const client_operation& o) {
      { model.initial() } -> std::same_as<typename Model::state_type>;
      { model.carry_out(state, o) } -> std::same_as<std::optional<std::string>>;
      { model.fingerprint(state) } -> std::same_as<std::uint64_t>;
      { model.effect_of(o) } -> std::same_as<operation_effect<typename Model::state_type>>;
      { model.needs(o) } -> std::same_as<std::optional<typename Model::state_type>>;
      { model.can_leave(o, state) } -> std::same_as<bool>;
      { model.is_alike(o, o) } -> std::same_as<bool>;
      { model.can_tell(o, o) } -> std::same_as<bool>;
    };

/// What came of the search.
enum class verdict : std::uint8_t {
  linearizable,
  not_linearizable,
  undecided,  ///< the search took more steps than it was allowed
};

/// A verdict, and for the bad ones the reason.
struct judgement {
  simulation::verdict verdict = verdict::linearizable;
  std::string key;  ///< the first that is not linearizable, or not decided
  /// The shortest beginning of the key's history that nothing explains, in the order of starts.
  /// What had not ended by then is unknown in it.
  std::vector<client_operation> unexplained;
  std::uint64_t steps = 0;  ///< of the search, over all keys
};

/// A judgement in words, with the last operations of what is unexplained, a line each.
std::string describe(const judgement& j);

namespace detail {

/// The operations of one key that may have taken effect, ready for the search.
class key_timeline {
 public:
  /// `operations` must outlive it; those refused are left out, because they took no effect.
  explicit key_timeline(std::span<const client_operation> operations);

  /// An operation's beginning or end in the list of those that are done.
  struct event {
    std::int64_t time = 0;
    bool is_end = false;
    std::size_t operation = 0;
    std::size_t other = 0;  // of a beginning: its end
    std::size_t before = 0;
    std::size_t after = 0;
  };

  /// In the order of time, from 1 on; 0 and the last one are bounds. At one moment beginnings come
  /// first: what may be concurrent is taken to be.
  std::vector<event> events;
  /// Operations whose outcome is unknown, by their beginnings.
  std::vector<std::size_t> unknown;
  std::size_t done = 0;
};

/// The history up to its end number `ends`, as if it had been cut off there.
std::vector<client_operation> beginning_of(std::span<const client_operation> operations,
                                           std::size_t ends);
/// How many operations of a history are done.
std::size_t count_done(std::span<const client_operation> operations);
/// The histories of the keys.
std::map<std::string, std::vector<client_operation>> by_key(
    std::span<const client_operation> operations);
/// Numbers that stand for operation `i` in the hash of a set.
std::array<std::uint64_t, 2> mark_of(std::size_t i);

/// Which unknown operations have been used.
using used_set = std::vector<std::uint64_t>;
bool is_subset(const used_set& a, const used_set& b);

/// Done operations and a state, by their hashes: 128 bits for the set, 64 for the state.
struct search_key {
  std::array<std::uint64_t, 2> set{};
  std::uint64_t state = 0;
  friend bool operator==(const search_key&, const search_key&) = default;
};
struct search_key_hash {
  std::size_t operator()(const search_key& k) const { return k.set[0] ^ (k.state * 31); }
};

/// The search for one key.
template <sequential_model Model>
class linearization_search {
 public:
  linearization_search(const Model& model, std::span<const client_operation> operations)
      : model_(model),
        operations_(operations),
        values_(model, operations),
        time_(operations),
        state_(model.initial()),
        remaining_(time_.done) {
    std::erase_if(time_.unknown, [this](std::size_t i) { return is_of_no_account(i); });
    used_.resize((time_.unknown.size() + 63) / 64);
  }

  verdict run(std::uint64_t max_steps, std::uint64_t& steps) {
    if (!values_.may_be_linearizable()) return verdict::not_linearizable;
    const verdict soon = search(max_steps, steps);
    if (soon != verdict::not_linearizable || !left_out_chains_) return soon;
    with_chains_ = true;
    seen_.clear();
    return search(max_steps, steps);
  }

 private:
  using state_type = typename Model::state_type;
  /// A done operation, by its beginning in the list, or an unknown one, by its number.
  struct option {
    std::size_t place = 0;
    bool is_unknown = false;
  };
  /// Where a choice led, and the choices from there.
  struct node {
    state_type before;      // the state that the choice found
    std::size_t taken = 0;  // how many had been taken then
    option by{};            // the choice
    bool took_more = false;
    bool has_unknown = false;  // the options hold the unknown ones as well
    std::vector<option> options;
    std::size_t next = 0;
  };

  /// When it finds no order, all is as it was before.
  verdict search(std::uint64_t max_steps, std::uint64_t& steps) {
    const node root{.before = state_};
    take_free();
    enter(root);
    while (remaining_ > 0) {
      if (++steps > max_steps) return verdict::undecided;
      if (!go_on() && !go_back()) return verdict::not_linearizable;
    }
    return verdict::linearizable;
  }

  std::size_t operation_of(option o) const {
    return o.is_unknown ? time_.unknown[o.place] : time_.events[o.place].operation;
  }
  /// Without it, the same orders exist: it changes nothing, or what it writes is seen by nobody.
  bool is_of_no_account(std::size_t i) const {
    return values_.keeps(i) || (values_.is_exact() && !values_.makes_something(i));
  }
  bool fits(std::size_t operation, state_type& state) const {
    const client_operation& o = operations_[operation];
    const auto said = model_.carry_out(state, o);
    return o.outcome != operation_outcome::done || said == o.result;
  }
  /// An operation may come next when none that remains has ended before it began, so up to the
  /// first end in the list.
  std::size_t first_end() const {
    std::size_t e = time_.events.front().after;
    while (!time_.events[e].is_end) e = time_.events[e].after;
    return e;
  }

  bool go_on() {
    while (true) {
      node& here = nodes_.back();
      if (here.next == here.options.size()) {
        if (here.has_unknown) return false;
        here.has_unknown = true;
        add_unknown(here);
        continue;
      }
      if (take(here.options[here.next++])) return true;
    }
  }

  bool go_back() {
    take_back(nodes_.back().taken);
    state_ = std::move(nodes_.back().before);
    nodes_.pop_back();
    return !nodes_.empty();
  }

  /// The node that the last choice led to. What ends first is tried first.
  void enter(node n) {
    const auto& events = time_.events;
    for (std::size_t e = events.front().after; !events[e].is_end; e = events[e].after) {
      n.options.push_back({.place = e});
    }
    std::ranges::stable_sort(n.options, {},
                             [&](option o) { return events[events[o.place].other].time; });
    nodes_.push_back(std::move(n));
  }

  /// An unknown operation is worth trying only if what comes right after it could not come without
  /// it. Otherwise that may come first, or the operation is of no account. What comes after it may
  /// be an unknown one again; chains of more than two are tried when nothing else has led anywhere.
  void add_unknown(node& here) {
    const auto& events = time_.events;
    std::vector<std::size_t> waiting;  // done, and may come next, but does not fit
    for (std::size_t e = events.front().after; !events[e].is_end; e = events[e].after) {
      state_type after = state_;
      const std::size_t i = events[e].operation;
      if (values_.depends(i) || !fits(i, after)) waiting.push_back(i);
    }
    const std::int64_t end = events[first_end()].time;
    std::vector<std::size_t> conditional;
    for (std::size_t n = 0; n < time_.unknown.size(); ++n) {
      const std::size_t i = time_.unknown[n];
      if (operations_[i].start > end) break;
      if (!is_used(n) && values_.depends(i)) conditional.push_back(i);
    }
    for (std::size_t n = 0; n < time_.unknown.size(); ++n) {
      if (operations_[time_.unknown[n]].start > end) break;
      if (is_used(n) || is_behind_its_like(n)) continue;
      if (is_worth_it(time_.unknown[n], waiting, conditional)) {
        here.options.push_back({.place = n, .is_unknown = true});
      }
    }
  }

  /// Of unknown operations that nobody can tell apart the one that began first may as well come
  /// first: whatever explains the rest with another one explains it with this one.
  bool is_behind_its_like(std::size_t number) {
    if (like_before_.empty()) find_alike();
    const std::size_t before = like_before_[number];
    return before != none && !is_used(before);
  }

  void find_alike() {
    like_before_.assign(time_.unknown.size(), none);
    std::vector<std::size_t> last;  // of each kind
    for (std::size_t n = 0; n < time_.unknown.size(); ++n) {
      const client_operation& o = operations_[time_.unknown[n]];
      if (!model_.is_alike(o, o) || is_told(o)) continue;
      const auto kind = std::ranges::find_if(
          last, [&](std::size_t of) { return model_.is_alike(operations_[time_.unknown[of]], o); });
      if (kind == last.end()) {
        last.push_back(n);
      } else {
        like_before_[n] = std::exchange(*kind, n);
      }
    }
  }

  bool is_told(const client_operation& one) const {
    return std::ranges::any_of(operations_, [&](const client_operation& o) {
      return o.outcome != operation_outcome::refused && model_.can_tell(o, one);
    });
  }

  bool is_worth_it(std::size_t unknown, const std::vector<std::size_t>& waiting,
                   const std::vector<std::size_t>& conditional) {
    state_type made = state_;
    static_cast<void>(fits(unknown, made));
    if (made == state_) return false;
    if (serves(made, waiting)) return true;
    for (const auto i : conditional) {
      state_type with = made;
      state_type without = state_;
      static_cast<void>(fits(i, with));
      static_cast<void>(fits(i, without));
      if (i == unknown || with == made || with == without) continue;
      if (with_chains_ || serves(with, waiting)) return true;
      left_out_chains_ = true;
    }
    return false;
  }

  /// One of those that wait fits in this state.
  bool serves(const state_type& made, const std::vector<std::size_t>& waiting) const {
    const std::size_t number = values_.find(made);
    return std::ranges::any_of(waiting, [&](std::size_t i) {
      const std::size_t need = values_.need_of(i);
      if (need != value_index<Model>::none && need != number) return false;
      state_type after = made;
      return fits(i, after);
    });
  }

  bool take(option o) {
    const std::size_t operation = operation_of(o);
    state_type after = state_;
    if (!fits(operation, after)) return false;
    if ((o.is_unknown && after == state_) || makes_up_for_the_last(operation, after)) return false;
    node n{.before = state_, .taken = taken_.size(), .by = o};
    apply(o);
    state_ = std::move(after);
    if (values_.is_dead(operation, n.before, state_) || !can_last()) return undo(n);
    if (values_.is_exact() && values_.is_idle_write(operation)) take_idle_writes();
    take_free();
    n.took_more = taken_.size() > n.taken + 1;
    if (!is_new()) return undo(n);
    enter(std::move(n));
    return true;
  }
  bool undo(node& n) {
    take_back(n.taken);
    state_ = std::move(n.before);
    return false;
  }

  /// True when the choice before was an unknown operation and all is the same without it.
  bool makes_up_for_the_last(std::size_t operation, const state_type& after) const {
    const node& last = nodes_.back();
    if (nodes_.size() == 1 || !last.by.is_unknown || last.took_more) return false;
    state_type without = last.before;
    return fits(operation, without) && without == after;
  }

  /// False when the state will not come again and something must come in between before all that
  /// need it can begin.
  bool can_last() const {
    const std::size_t value = values_.find(state_);
    const std::int64_t until = values_.must_last_until(value);
    const auto& events = time_.events;
    for (std::size_t e = events.front().after; events[e].time < until; e = events[e].after) {
      const std::size_t i = events[e].operation;
      if (events[e].is_end && values_.need_of(i) != value && !values_.keeps(i)) return false;
    }
    return true;
  }

  /// What fits now and changes nothing may as well come now: whatever explains the rest with it
  /// later explains it with it here.
  void take_free() {
    const auto& events = time_.events;
    for (bool is_more = true; is_more;) {
      is_more = false;
      for (std::size_t e = events.front().after; !events[e].is_end; e = events[e].after) {
        state_type after = state_;
        const std::size_t i = events[e].operation;
        if (!values_.keeps(i) || !fits(i, after)) continue;
        apply({.place = e});
        is_more = true;
      }
    }
  }

  /// Writes that may come now and that nobody will see are put right before the write that was
  /// chosen, where they are overwritten at once.
  void take_idle_writes() {
    const auto& events = time_.events;
    for (std::size_t e = events.front().after; !events[e].is_end; e = events[e].after) {
      state_type after = state_;
      const std::size_t i = events[e].operation;
      if (values_.is_idle_write(i) && fits(i, after)) apply({.place = e});
    }
  }

  void apply(option o) {
    const std::size_t operation = operation_of(o);
    taken_.push_back(o);
    values_.take(operation);
    if (o.is_unknown) {
      used_[o.place / 64] ^= std::uint64_t{1} << (o.place % 64);
      return;
    }
    flip(operation);
    unlink(o.place);
    unlink(time_.events[o.place].other);
    --remaining_;
  }

  void take_back(std::size_t down_to) {
    for (; taken_.size() > down_to; taken_.pop_back()) {
      const option o = taken_.back();
      const std::size_t operation = operation_of(o);
      values_.take_back(operation);
      if (o.is_unknown) {
        used_[o.place / 64] ^= std::uint64_t{1} << (o.place % 64);
        continue;
      }
      link(time_.events[o.place].other);
      link(o.place);
      ++remaining_;
      flip(operation);
    }
  }

  bool is_used(std::size_t number) const { return (used_[number / 64] >> (number % 64) & 1U) != 0; }
  void unlink(std::size_t e) {
    auto& events = time_.events;
    events[events[e].before].after = events[e].after;
    events[events[e].after].before = events[e].before;
  }
  void link(std::size_t e) {
    auto& events = time_.events;
    events[events[e].before].after = e;
    events[events[e].after].before = e;
  }
  void flip(std::size_t operation) {
    const auto mark = mark_of(operation);
    set_[0] ^= mark[0];
    set_[1] ^= mark[1];
  }

  /// False when the same was reached before with the same unknown operations used, or with fewer of
  /// them: whatever can be done from here could be done from there.
  bool is_new() {
    auto& known = seen_[{set_, model_.fingerprint(state_)}];
    for (const auto& used : known) {
      if (is_subset(used, used_)) return false;
    }
    std::erase_if(known, [this](const used_set& used) { return is_subset(used_, used); });
    known.push_back(used_);
    return true;
  }

  const Model& model_;
  std::span<const client_operation> operations_;
  value_index<Model> values_;
  key_timeline time_;
  state_type state_;
  std::array<std::uint64_t, 2> set_{};
  used_set used_;
  std::size_t remaining_;
  static constexpr std::size_t none = value_index<Model>::none;
  std::vector<std::size_t> like_before_;  // by the number of an unknown operation; empty at first
  bool with_chains_ = false;
  bool left_out_chains_ = false;
  std::vector<option> taken_;
  std::vector<node> nodes_;
  std::unordered_map<search_key, std::vector<used_set>, search_key_hash> seen_;
};

/// The fewest ends after which nothing explains a key's history, which is not linearizable. What
/// holds for a history holds for its beginnings, so halving finds it.
template <sequential_model Model>
std::vector<client_operation> shortest_unexplained(const Model& model,
                                                   std::span<const client_operation> operations,
                                                   std::uint64_t max_steps) {
  std::size_t explained = 0;
  std::size_t unexplained = count_done(operations);
  while (explained + 1 < unexplained) {
    const std::size_t middle = explained + (unexplained - explained) / 2;
    const auto beginning = beginning_of(operations, middle);
    std::uint64_t steps = 0;
    const verdict v = linearization_search<Model>(model, beginning).run(max_steps, steps);
    (v == verdict::not_linearizable ? unexplained : explained) = middle;
  }
  return beginning_of(operations, unexplained);
}

}  // namespace detail

/// Judges a history. Operations that are done took effect once, between start and end, with their
/// result; unknown ones once at any time after their start, or never; refused ones never. At most
/// `max_steps` choices are tried for one key.
template <sequential_model Model>
judgement judge(const Model& model, std::span<const client_operation> operations,
                std::uint64_t max_steps = 50'000'000) {
  judgement j;
  for (const auto& [key, its] : detail::by_key(operations)) {
    std::uint64_t steps = 0;
    const verdict v = detail::linearization_search<Model>(model, its).run(max_steps, steps);
    j.steps += steps;
    if (v == verdict::linearizable) continue;
    j.verdict = v;
    j.key = key;
    if (v == verdict::undecided) continue;
    j.unexplained = detail::shortest_unexplained(model, its, max_steps);
    return j;
  }
  return j;
}

}  // namespace mainstay::simulation
