/// The judge of histories on stories with a known end, against a twin that tries every order, and
/// at the size of a real run.
#include "mainstay/simulation/linearizability.hpp"

#include <chrono>
#include <cstdio>
#include <functional>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"
#include "mainstay/simulation/key_value_model.hpp"

namespace mainstay::simulation {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

using answer = std::optional<std::string>;
constexpr auto done = operation_outcome::done;
constexpr auto refused = operation_outcome::refused;
constexpr auto unknown = operation_outcome::unknown;

/// An operation on key "k" between two moments.
struct span_of {
  std::int64_t start;
  std::int64_t end;
};
client_operation make(span_of time, std::string name, std::string argument, answer result,
                      operation_outcome outcome = done) {
  return {.name = std::move(name),
          .key = "k",
          .argument = std::move(argument),
          .result = std::move(result),
          .start = time.start,
          .end = time.end,
          .outcome = outcome};
}
client_operation set(span_of time, std::string value) {
  return make(time, "set", std::move(value), "OK");
}
client_operation get(span_of time, answer result) {
  return make(time, "get", "", std::move(result));
}

verdict verdict_on(const std::vector<client_operation>& operations) {
  return judge(key_value_model{}, operations).verdict;
}

MATCHER(IsLinearizable, "") { return verdict_on(arg) == verdict::linearizable; }
MATCHER(IsNotLinearizable, "") { return verdict_on(arg) == verdict::not_linearizable; }

using story = std::vector<client_operation>;

TEST(Linearizability, NothingAtAllIsLinearizable) { EXPECT_THAT(story{}, IsLinearizable()); }

TEST(Linearizability, ReadsFollowWrites) {
  EXPECT_THAT((story{get({0, 1}, {}), set({2, 3}, "a"), get({4, 5}, "a"), set({6, 7}, "b"),
                     get({8, 9}, "b")}),
              IsLinearizable());
}

TEST(Linearizability, ConcurrentWritesTakeEffectInEitherOrder) {
  const auto both = [](const char* last) {
    return story{set({0, 10}, "a"), set({1, 9}, "b"), get({11, 12}, last)};
  };
  EXPECT_THAT(both("a"), IsLinearizable());
  EXPECT_THAT(both("b"), IsLinearizable());
}

TEST(Linearizability, AReadMaySeeAWriteThatHasNotEnded) {
  EXPECT_THAT((story{set({0, 10}, "a"), get({1, 2}, {}), get({3, 4}, "a")}), IsLinearizable());
}

TEST(Linearizability, OperationsThatMeetInOneMomentAreConcurrent) {
  EXPECT_THAT((story{set({0, 5}, "a"), get({5, 6}, {})}), IsLinearizable());
}

TEST(Linearizability, AStaleReadIsFound) {
  EXPECT_THAT((story{set({0, 1}, "a"), set({2, 3}, "b"), get({4, 5}, "a")}), IsNotLinearizable());
}

TEST(Linearizability, AReadThatGoesBackIsFound) {
  EXPECT_THAT((story{set({0, 1}, "a"), set({2, 20}, "b"), get({3, 4}, "b"), get({5, 6}, "a")}),
              IsNotLinearizable());
}

TEST(Linearizability, ALostWriteIsFound) {
  EXPECT_THAT((story{set({0, 1}, "a"), get({2, 3}, {})}), IsNotLinearizable());
}

TEST(Linearizability, AnAppendThatTookEffectTwiceIsFound) {
  EXPECT_THAT((story{make({0, 1}, "append", "x", "1"), get({2, 3}, "xx")}), IsNotLinearizable());
}

TEST(Linearizability, AnIncrementThatWasLostIsFound) {
  EXPECT_THAT((story{make({0, 5}, "increment", "1", "1"), make({0, 5}, "increment", "1", "1")}),
              IsNotLinearizable());
}

TEST(Linearizability, ASplitBrainIsFound) {
  EXPECT_THAT((story{set({0, 10}, "a"), set({0, 10}, "b"), get({11, 20}, "a"), get({11, 20}, "b")}),
              IsNotLinearizable());
}

TEST(Linearizability, WhatWasRefusedMustNotBeSeen) {
  EXPECT_THAT((story{make({0, 1}, "set", "a", {}, refused), get({2, 3}, "a")}),
              IsNotLinearizable());
  EXPECT_THAT((story{make({0, 1}, "set", "a", {}, refused), get({2, 3}, {})}), IsLinearizable());
}

TEST(Linearizability, WhatIsUnknownMayBeSeenLaterOrNever) {
  const auto lost = make({0, 1}, "set", "a", {}, unknown);
  EXPECT_THAT((story{lost, get({2, 3}, {}), get({4, 5}, "a"), get({6, 7}, "a")}), IsLinearizable());
  EXPECT_THAT((story{lost, get({2, 3}, {}), get({4, 5}, {})}), IsLinearizable());
}

TEST(Linearizability, WhatIsUnknownTakesEffectOnceAndNotBeforeItsStart) {
  const auto lost = make({10, 11}, "append", "x", {}, unknown);
  EXPECT_THAT((story{lost, get({2, 3}, "x")}), IsNotLinearizable());
  EXPECT_THAT((story{lost, get({12, 13}, "xx")}), IsNotLinearizable());
  EXPECT_THAT((story{lost, get({12, 13}, "x"), get({14, 15}, {})}), IsNotLinearizable());
}

TEST(Linearizability, ManyUnknownOperationsDoNotStopTheSearch) {
  story operations;
  for (int i = 0; i < 40; ++i) {
    operations.push_back(make({i, i + 1}, "set", "u" + std::to_string(i), {}, unknown));
  }
  operations.push_back(set({100, 101}, "a"));
  operations.push_back(get({102, 103}, "never written"));

  const auto j = judge(key_value_model{}, operations, 100'000);

  EXPECT_EQ(j.verdict, verdict::not_linearizable);
}

// Six of twelve appends, of which only the length is seen: of the 665,280 orders one is tried.
TEST(Linearizability, UnknownOperationsThatNobodyCanTellApartAreTriedInOneOrder) {
  story operations;
  for (int i = 0; i < 12; ++i) {
    operations.push_back(make({i, i + 1}, "append", "u" + std::to_string(10 + i), {}, unknown));
  }
  operations.push_back(make({100, 101}, "length", "", "18"));

  const auto good = judge(key_value_model{}, operations, 1'000);
  operations.push_back(make({102, 103}, "length", "", "17"));
  const auto bad = judge(key_value_model{}, operations, 1'000);

  EXPECT_EQ(good.verdict, verdict::linearizable);
  EXPECT_EQ(bad.verdict, verdict::not_linearizable);
}

TEST(Linearizability, UnknownOperationsThatAreShownAreTriedInAnyOrder) {
  const auto lost = [](std::int64_t start, const char* what) {
    return make({start, start + 1}, "append", what, {}, unknown);
  };
  EXPECT_THAT((story{lost(0, "a"), lost(1, "b"), get({10, 11}, "b")}), IsLinearizable());
  EXPECT_THAT((story{lost(0, "a"), lost(1, "b"), get({10, 11}, "ba")}), IsLinearizable());
  EXPECT_THAT((story{lost(0, "2"), lost(1, "3"), make({10, 11}, "increment", "1", "4")}),
              IsLinearizable());
  auto conditional = make({10, 11}, "set_if_equal", "c", "OK");
  conditional.expected = "b";
  EXPECT_THAT((story{lost(0, "a"), lost(1, "b"), conditional}), IsLinearizable());
}

TEST(Linearizability, KeysAreIndependent) {
  auto other = get({2, 3}, {});
  other.key = "other";
  EXPECT_THAT((story{set({0, 1}, "a"), other}), IsLinearizable());
}

TEST(Linearizability, TheKeyAndTheShortestBeginningAreShown) {
  story operations{set({0, 1}, "a"), get({2, 3}, "a"), get({4, 5}, "b"), get({6, 7}, "a"),
                   set({3, 30}, "c")};
  auto fine = set({0, 1}, "z");
  fine.key = "fine";
  operations.push_back(fine);

  const auto j = judge(key_value_model{}, operations);

  EXPECT_EQ(j.key, "k");
  ASSERT_THAT(j.unexplained, SizeIs(4));
  EXPECT_EQ(j.unexplained[0], operations[0]);
  EXPECT_EQ(j.unexplained[1], operations[1]);
  EXPECT_EQ(j.unexplained[2].argument, "c");
  EXPECT_EQ(j.unexplained[2].outcome, unknown);  // it had not ended by then
  EXPECT_EQ(j.unexplained[3], operations[2]);
  EXPECT_THAT(describe(j), HasSubstr("not linearizable: key \"k\""));
  EXPECT_THAT(describe(j), HasSubstr(R"("result":"b")"));
}

TEST(Linearizability, ASearchThatTakesTooLongIsUndecided) {
  const story operations{set({0, 1}, "a"), get({2, 3}, "a"), set({4, 5}, "b"), get({6, 7}, "b")};

  EXPECT_EQ(judge(key_value_model{}, operations, 1).verdict, verdict::undecided);
  EXPECT_EQ(judge(key_value_model{}, operations, 2).verdict, verdict::linearizable);
}

// ---- The twin ---------------------------------------------------------------------------------

/// Tries every order of every choice of unknown operations.
bool has_order(const story& operations, std::vector<bool>& used, const answer& value) {
  const key_value_model model;
  bool all_done = true;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    all_done = all_done && (used[i] || operations[i].outcome != done);
  }
  if (all_done) return true;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto& o = operations[i];
    if (used[i] || o.outcome == refused) continue;
    bool may_be_next = true;
    for (std::size_t k = 0; k < operations.size(); ++k) {
      if (!used[k] && operations[k].outcome == done && operations[k].end < o.start) {
        may_be_next = false;
      }
    }
    if (!may_be_next) continue;
    answer after = value;
    const answer said = model.carry_out(after, o);
    if (o.outcome == done && said != o.result) continue;
    used[i] = true;
    if (has_order(operations, used, after)) return true;
    used[i] = false;
  }
  return false;
}

using words = std::vector<const char*>;

std::string any_of(random_generator& random, const words& of) {
  return of[random.below(of.size())];
}

/// What a random story is made of.
struct story_mix {
  words names{"get",          "get",           "get",
              "set",          "set_if_absent", "set_if_present",
              "set_if_equal", "get_and_set",   "get_and_delete",
              "delete",       "increment",     "append",
              "length",       "exists",        "type"};
  words arguments{"1", "2", "7"};
  std::uint64_t unknown_in_10 = 1;
};

/// A run of a real register from which a few answers are then changed, so that good and bad
/// histories are both frequent.
story random_story(random_generator& random, std::size_t size, std::uint64_t keys,
                   const story_mix& mix = {}) {
  const key_value_model model;
  story operations(size);
  std::vector<std::pair<std::int64_t, std::size_t>> effects;
  for (std::size_t i = 0; i < size; ++i) {
    auto& o = operations[i];
    o.key = std::to_string(random.below(keys));
    o.name = any_of(random, mix.names);
    o.argument = any_of(random, mix.arguments);
    if (o.name == "set_if_equal") o.expected = any_of(random, mix.arguments);
    o.start = static_cast<std::int64_t>(random.below(size * 4));
    o.end = o.start + static_cast<std::int64_t>(random.below(12));
    const auto fate = random.below(10);
    o.outcome = fate < mix.unknown_in_10 ? unknown : fate == 9 ? refused : done;
    const auto span = static_cast<std::uint64_t>(o.end - o.start + 1);
    const auto late = o.outcome == unknown ? random.below(20) : 0;
    const auto effect = o.start + static_cast<std::int64_t>(random.below(span) + late);
    if (o.outcome != refused) effects.emplace_back(effect, i);
  }
  std::ranges::sort(effects);
  std::map<std::string, answer> values;
  for (const auto& [time, i] : effects) {
    if (operations[i].outcome == unknown && random.below(2) == 0) continue;
    const auto said = model.carry_out(values[operations[i].key], operations[i]);
    if (operations[i].outcome == done) operations[i].result = said;
  }
  return operations;
}

TEST(LinearizabilityTwin, TheSearchAgreesWithTryingEveryOrder) {
  random_generator random(1);
  int bad = 0;
  constexpr int stories = 20'000;
  for (int n = 0; n < stories; ++n) {
    story operations = random_story(random, 1 + random.below(7), 1);
    if (random.below(2) == 0) {
      auto& changed = operations[random.below(operations.size())];
      if (changed.outcome == done) changed.result = any_of(random, {"1", "2", "7", "OK", "0"});
    }
    std::vector<bool> used(operations.size());

    const bool expected = has_order(operations, used, {});

    ASSERT_EQ(verdict_on(operations) == verdict::linearizable, expected)
        << write_history(operations);
    bad += expected ? 0 : 1;
  }
  EXPECT_GT(bad, stories / 10);
  EXPECT_LT(bad, stories / 2);
}

TEST(LinearizabilityTwin, ListsWithManyUnknownAppendsAgreeWithTryingEveryOrder) {
  const story_mix lists{
      .names = {"append", "append", "append", "get", "length", "delete", "set", "set_if_equal"},
      .arguments = {"a", "b", "ab"},
      .unknown_in_10 = 5};
  random_generator random(3);
  int bad = 0;
  constexpr int stories = 20'000;
  for (int n = 0; n < stories; ++n) {
    story operations = random_story(random, 1 + random.below(7), 1, lists);
    auto& changed = operations[random.below(operations.size())];
    if (changed.outcome == done) changed.result = any_of(random, {"1", "2", "3", "ab", "ba", "OK"});
    std::vector<bool> used(operations.size());

    const bool expected = has_order(operations, used, {});

    ASSERT_EQ(verdict_on(operations) == verdict::linearizable, expected)
        << write_history(operations);
    bad += expected ? 0 : 1;
  }
  EXPECT_GT(bad, stories / 10);
  EXPECT_LT(bad, stories / 2);
}

TEST(LinearizabilityTwin, WhatIsShownIsUnexplainedAndNothingShorterIs) {
  random_generator random(2);
  int bad = 0;
  for (int n = 0; n < 5'000; ++n) {
    story operations = random_story(random, 1 + random.below(7), 1);
    auto& changed = operations[random.below(operations.size())];
    if (changed.outcome == done) changed.result = "1";
    const auto j = judge(key_value_model{}, operations);
    if (j.verdict == verdict::linearizable) continue;
    ++bad;

    std::vector<bool> used(j.unexplained.size());
    ASSERT_FALSE(has_order(j.unexplained, used, {})) << write_history(operations);
    const auto ends = detail::count_done(j.unexplained);
    if (ends < 2) continue;
    ASSERT_EQ(verdict_on(detail::beginning_of(j.unexplained, ends - 1)), verdict::linearizable)
        << write_history(j.unexplained);
  }
  EXPECT_GT(bad, 500);
}

// ---- Size -------------------------------------------------------------------------------------

/// What a long history looks like. All written values differ.
struct size_case {
  std::string name;
  std::uint64_t keys;
  std::vector<std::string> writes;
  std::uint64_t unknown_in_1000 = 20;
};
std::ostream& operator<<(std::ostream& out, const size_case& c) { return out << c.name; }

constexpr std::uint64_t clients = 20;

/// The next operation of a client, which has seen `seen` of the key.
client_operation next_operation(random_generator& random, const size_case& what, std::size_t i,
                                const answer& seen) {
  client_operation o{.name = "get", .argument = "v" + std::to_string(i)};
  if (random.below(2) == 0) o.name = what.writes[random.below(what.writes.size())];
  if (o.name == "increment") o.argument = std::to_string((1 + i % clients) * 100'000 + i);
  if (o.name == "set_if_equal" && !seen) o.name = "set_if_absent";
  if (o.name == "set_if_equal") o.expected = seen;
  return o;
}

/// 20 clients, each one operation after the other, on a real register a key.
story long_story(std::size_t size, const size_case& what) {
  random_generator random(7);
  const key_value_model model;
  story operations;
  std::vector<std::int64_t> free_at(clients);
  std::vector<std::pair<std::int64_t, std::size_t>> effects;  // to come, the last first
  std::map<std::string, answer> values;
  const auto take_effect = [&] {
    auto& o = operations[effects.back().second];
    const auto said = model.carry_out(values[o.key], o);
    if (o.outcome == done) o.result = said;
    effects.pop_back();
  };
  for (std::size_t i = 0; i < size; ++i) {
    const auto client =
        static_cast<std::size_t>(std::ranges::min_element(free_at) - free_at.begin());
    const std::int64_t start = free_at[client] + static_cast<std::int64_t>(random.below(20));
    while (!effects.empty() && effects.back().first < free_at[client]) take_effect();
    const auto key = std::to_string(random.below(what.keys));
    auto o = next_operation(random, what, i, values[key]);
    o.client = client;
    o.key = key;
    o.start = start;
    o.end = o.start + 50 + static_cast<std::int64_t>(random.below(500));
    o.outcome = random.below(1000) < what.unknown_in_1000 ? unknown : done;
    free_at[client] = o.end + 1;
    const auto span = static_cast<std::uint64_t>(o.end - o.start + 1);
    effects.emplace_back(o.start + static_cast<std::int64_t>(random.below(span)), i);
    operations.push_back(std::move(o));
    std::ranges::sort(effects, std::greater{});
  }
  while (!effects.empty()) take_effect();
  return operations;
}

/// A read in the second half answers what an earlier one did, long before.
void make_stale(story& operations) {
  const auto is_read = [](const client_operation& o) {
    return o.name == "get" && o.outcome == done && o.result;
  };
  const auto first = std::ranges::find_if(operations, is_read);
  for (std::size_t i = operations.size() / 2; i < operations.size(); ++i) {
    if (!is_read(operations[i]) || operations[i].key != first->key) continue;
    operations[i].result = first->result;
    return;
  }
}

class LinearizabilitySize : public testing::TestWithParam<size_case> {};

TEST_P(LinearizabilitySize, TenThousandOperationsOfTwentyClientsAreJudged) {
  story operations = long_story(10'000, GetParam());
  const auto begin = std::chrono::steady_clock::now();

  const auto good = judge(key_value_model{}, operations, 1'000'000);
  const auto middle = std::chrono::steady_clock::now();
  make_stale(operations);
  const auto bad = judge(key_value_model{}, operations, 1'000'000);

  EXPECT_EQ(good.verdict, verdict::linearizable);
  EXPECT_EQ(bad.verdict, verdict::not_linearizable);
  const auto end = std::chrono::steady_clock::now();
  std::printf("good in %.3f s, %llu steps; bad in %.3f s, %zu shown\n",
              std::chrono::duration<double>(middle - begin).count(),
              static_cast<unsigned long long>(good.steps),
              std::chrono::duration<double>(end - middle).count(), bad.unexplained.size());
}

const std::vector<std::string> registers{"set"};
const std::vector<std::string> all_of_strings{
    "set",         "set",          "set",           "set_if_equal",
    "get_and_set", "set_if_equal", "set_if_absent", "set_if_present",
    "delete"};
const std::vector<std::string> counters{"increment", "increment", "increment", "increment",
                                        "increment", "increment", "increment", "increment",
                                        "increment", "delete"};
const std::vector<std::string> lists{"append", "append", "append", "append", "append",
                                     "append", "append", "append", "append", "delete"};
INSTANTIATE_TEST_SUITE_P(
    Keys, LinearizabilitySize,
    testing::Values(size_case{"register", 1, registers, 0}, size_case{"register", 1, registers},
                    size_case{"strings", 1, all_of_strings, 0},
                    size_case{"strings", 1, all_of_strings}, size_case{"counter", 1, counters, 0},
                    size_case{"counter", 1, counters}, size_case{"list", 1, lists, 0},
                    size_case{"list", 1, lists}, size_case{"strings", 20, all_of_strings}));

}  // namespace
}  // namespace mainstay::simulation
