/// Decides whether a history of clients can be explained by one order of its operations that keeps
/// to real time: linearizability (Herlihy and Wing 1990). The search is Wing and Gong's, with
/// Lowe's improvements ("Testing for linearizability", 2017): what was tried is remembered by set
/// of operations and state, and operations are taken out of a list and put back. It is generic over
/// the sequential model; keys are judged one by one.
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

namespace mainstay::simulation {

/// What one key is to hold and answer when operations come one at a time. `carry_out` changes the
/// state and gives the answer as a history has it; `is_read` is true for operations that change no
/// state whatever; `fingerprint` is a hash of the state.
template <class Model>
concept sequential_model =
    std::copyable<typename Model::state_type> &&
    std::equality_comparable<typename Model::state_type> &&
    requires(const Model& model, typename Model::state_type& state, const client_operation& o) {
      { model.initial() } -> std::same_as<typename Model::state_type>;
      { model.carry_out(state, o) } -> std::same_as<std::optional<std::string>>;
      { model.is_read(o) } -> std::same_as<bool>;
      { model.fingerprint(state) } -> std::same_as<std::uint64_t>;
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
        time_(operations),
        state_(model.initial()),
        used_((time_.unknown.size() + 63) / 64),
        remaining_(time_.done) {}

  verdict run(std::uint64_t max_steps, std::uint64_t& steps) {
    place_ = first_place();
    while (remaining_ > 0) {
      if (++steps > max_steps) return verdict::undecided;
      if (!go_on() && !go_back()) return verdict::not_linearizable;
    }
    return verdict::linearizable;
  }

 private:
  using state_type = typename Model::state_type;
  /// Where the choice of the next operation stands: first among those done, then the unknown.
  struct place {
    std::size_t event = 0;
    std::size_t unknown = 0;
    bool among_unknown = false;
  };
  struct choice {
    place at;
    state_type before;
    bool has_others = true;  // other choices are worth trying
  };

  place first_place() const { return {.event = time_.events.front().after}; }

  /// Chooses the next operation that fits, from where the choice stands. An operation may come next
  /// when none that remains has ended before it began, so up to the first end in the list.
  bool go_on() {
    auto& events = time_.events;
    if (is_fresh_ && take_read()) return true;
    is_fresh_ = false;
    if (!place_.among_unknown) {
      for (; !events[place_.event].is_end; place_.event = events[place_.event].after) {
        if (take_done()) return true;
      }
      place_.among_unknown = true;
    }
    std::size_t end = events.front().after;
    while (!events[end].is_end) end = events[end].after;
    for (; place_.unknown < time_.unknown.size(); ++place_.unknown) {
      if (operations_[time_.unknown[place_.unknown]].start > events[end].time) break;
      if (take_unknown()) return true;
    }
    return false;
  }

  /// A read that fits now may as well come now: whatever explains the rest with it later explains
  /// it with it here. So nothing else needs to be tried.
  bool take_read() {
    auto& events = time_.events;
    for (std::size_t e = events.front().after; !events[e].is_end; e = events[e].after) {
      const client_operation& o = operations_[events[e].operation];
      state_type after = state_;
      if (!model_.is_read(o) || model_.carry_out(after, o) != o.result) continue;
      flip(events[e].operation);
      remove(e);
      chosen_.push_back({{.event = e}, state_, false});
      place_ = first_place();
      return true;
    }
    return false;
  }

  bool take_done() {
    const std::size_t operation = time_.events[place_.event].operation;
    const client_operation& o = operations_[operation];
    state_type after = state_;
    if (model_.carry_out(after, o) != o.result || makes_up_for_the_last(o, after)) return false;
    flip(operation);
    if (!is_new(after)) {
      flip(operation);
      return false;
    }
    remove(place_.event);
    choose(std::move(after));
    return true;
  }

  /// True when the choice before was an unknown operation and all is the same without it.
  bool makes_up_for_the_last(const client_operation& o, const state_type& after) const {
    if (chosen_.empty() || !chosen_.back().at.among_unknown) return false;
    state_type without = chosen_.back().before;
    const auto said = model_.carry_out(without, o);
    return without == after && (o.outcome != operation_outcome::done || said == o.result);
  }

  /// Whether an unknown operation took effect where it changes nothing is of no account.
  bool take_unknown() {
    const std::size_t number = place_.unknown;
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    if ((used_[number / 64] & bit) != 0) return false;
    const client_operation& o = operations_[time_.unknown[number]];
    state_type after = state_;
    static_cast<void>(model_.carry_out(after, o));
    if (after == state_ || makes_up_for_the_last(o, after)) return false;
    used_[number / 64] |= bit;
    if (!is_new(after)) {
      used_[number / 64] &= ~bit;
      return false;
    }
    choose(std::move(after));
    return true;
  }

  void choose(state_type after) {
    chosen_.push_back({place_, std::exchange(state_, std::move(after))});
    place_ = first_place();
    is_fresh_ = true;
  }

  bool go_back() {
    for (bool has_others = false; !has_others;) {
      if (chosen_.empty()) return false;
      has_others = chosen_.back().has_others;
      take_back();
    }
    return true;
  }

  /// Undoes the last choice; the place is behind it.
  void take_back() {
    is_fresh_ = false;
    place_ = chosen_.back().at;
    state_ = std::move(chosen_.back().before);
    chosen_.pop_back();
    if (place_.among_unknown) {
      used_[place_.unknown / 64] &= ~(std::uint64_t{1} << (place_.unknown % 64));
      ++place_.unknown;
      return;
    }
    auto& events = time_.events;
    link(events[place_.event].other);
    link(place_.event);
    ++remaining_;
    flip(events[place_.event].operation);
    place_.event = events[place_.event].after;
  }

  void remove(std::size_t beginning) {
    unlink(beginning);
    unlink(time_.events[beginning].other);
    --remaining_;
  }
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
  bool is_new(const state_type& after) {
    auto& known = seen_[{set_, model_.fingerprint(after)}];
    for (const auto& used : known) {
      if (is_subset(used, used_)) return false;
    }
    std::erase_if(known, [this](const used_set& used) { return is_subset(used_, used); });
    known.push_back(used_);
    return true;
  }

  const Model& model_;
  std::span<const client_operation> operations_;
  key_timeline time_;
  state_type state_;
  std::array<std::uint64_t, 2> set_{};
  used_set used_;
  std::size_t remaining_;
  place place_;
  bool is_fresh_ = true;  // nothing was tried yet after the last choice
  std::vector<choice> chosen_;
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
