/// A frozen key-value machine against what it saved at that moment, while it goes on changing.
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"

#include "tests/machines/key_value_harness.hpp"

namespace mainstay {
namespace {

using keyspace::operation;

static_assert(freezable_state_machine<key_value>);

std::string key_of(std::uint64_t number) { return "key:" + std::to_string(number); }

/// What a frozen state writes.
std::string saved(const frozen_key_value& frozen) {
  std::string bytes;
  const auto outcome = frozen.save([&](std::span<const std::byte> piece) -> result<void> {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  });
  return outcome ? bytes : outcome.error().message;
}

/// One random change among `keys` keys; growing makes more of them, else fewer.
void change(key_value& machine, random_generator& random, std::uint64_t keys, bool growing) {
  const auto key = key_of(random.below(keys));
  const auto value = std::string(random.below(60), static_cast<char>('a' + random.below(26)));
  const auto dice = random.below(12);
  if (dice >= 10) {
    // Time passes by what is in the state, so that some keys expire while a state is held.
    const auto last = machine.next_expiry().value_or(log_time{}).microseconds;
    const auto now = last - static_cast<std::int64_t>(random.below(40'000)) + 100;
    const auto time = static_cast<std::int64_t>(random.below(400));
    const keyspace::time_argument later({.number = time});
    static_cast<void>(machine.apply(
        {log_index(1), log_time{now},
         dice == 10 ? command(operation::set, {key, value, later.text()}, keyspace::expires)
                    : command(operation::expire, {key, later.text()})}));
  } else if (dice < (growing ? 6U : 2U)) {
    say(machine, operation::set, {key, value});
  } else if (dice < 7) {
    say(machine, operation::erase, {key});
  } else if (dice < 8) {
    say(machine, operation::append, {key, value});
  } else if (dice < 9) {
    increment(machine, "number" + std::to_string(random.below(20)), 3);
  } else {
    say(machine, operation::get_and_delete, {key});
  }
}

TEST(KeyValueFreeze, WritesWhatSaveWroteAtThatMomentWhateverFollows) {
  key_value machine(3);
  random_generator random(7);
  for (int round = 0; round < 30; ++round) {
    const bool growing = (round / 5) % 2 == 0;
    const std::uint64_t keys = round < 20 ? 5000 : 50;
    for (int i = 0; i < 1000; ++i) change(machine, random, keys, growing);
    const auto expected = saved(machine);
    const auto frozen = machine.freeze();

    const auto changes = random.below(3000);
    for (std::uint64_t i = 0; i < changes; ++i) change(machine, random, keys, !growing);

    ASSERT_EQ(saved(frozen), expected) << "round " << round;
  }
}

TEST(KeyValueFreeze, SeveralAreHeldAtOnceAndDroppedInAnyOrder) {
  key_value machine(3);
  random_generator random(11);
  std::vector<std::pair<frozen_key_value, std::string>> held;
  for (int step = 0; step < 400; ++step) {
    for (int i = 0; i < 60; ++i) change(machine, random, 2000, step % 100 < 60);
    if (held.size() < 5 && random.below(3) != 0) {
      auto expected = saved(machine);
      held.emplace_back(machine.freeze(), std::move(expected));
    } else if (!held.empty()) {
      const auto one = held.begin() + static_cast<std::ptrdiff_t>(random.below(held.size()));
      ASSERT_EQ(saved(one->first), one->second) << "step " << step;
      held.erase(one);
    }
  }
  for (const auto& [frozen, expected] : held) EXPECT_EQ(saved(frozen), expected);
}

TEST(KeyValueFreeze, OutlivesTheMachineAndWhatReplacesItsState) {
  std::optional<key_value> machine(3);
  for (std::uint64_t i = 0; i < 3000; ++i) say(*machine, operation::set, {key_of(i), "first"});
  const auto first = saved(*machine);
  const auto before_flush = machine->freeze();
  say(*machine, operation::set, {key_of(7), "changed"});
  say(*machine, operation::flush_all);
  for (std::uint64_t i = 0; i < 500; ++i) say(*machine, operation::set, {key_of(i), "second"});
  const auto second = saved(*machine);
  const auto before_restore = machine->freeze();
  ASSERT_TRUE(restore(*machine, first));
  const auto before_end = machine->freeze();
  say(*machine, operation::erase, {key_of(1), key_of(2)});

  machine.reset();

  EXPECT_EQ(saved(before_flush), first);
  EXPECT_EQ(saved(before_restore), second);
  EXPECT_EQ(saved(before_end), first);
}

TEST(KeyValueFreeze, MayBeMovedAndAssigned) {
  key_value machine(3);
  say(machine, operation::set, {"key", "one"});
  const auto first = saved(machine);
  auto frozen = machine.freeze();
  say(machine, operation::set, {"key", "two"});
  const auto second = saved(machine);
  auto other = machine.freeze();
  say(machine, operation::set, {"key", "six"});

  auto moved = std::move(frozen);
  EXPECT_EQ(saved(moved), first);
  moved = std::move(other);

  EXPECT_EQ(saved(moved), second);
  EXPECT_EQ(say(machine, operation::get, {"key"}), "\"six\"");
}

// A value that grows or shrinks within its own room is changed in place, except while it is held.
TEST(KeyValueFreeze, ChangesInPlaceDoNotReachIt) {
  key_value machine(3);
  say(machine, operation::set, {"set", "AAAA"});
  say(machine, operation::append, {"appended", "BB"});
  say(machine, operation::append, {"appended", "C"});  // leaves room for more
  const auto expected = saved(machine);
  const auto frozen = machine.freeze();

  say(machine, operation::set, {"set", "aaaa"});
  say(machine, operation::append, {"appended", "d"});

  EXPECT_EQ(saved(frozen), expected);
  EXPECT_EQ(say(machine, operation::get, {"set"}), "\"aaaa\"");
  EXPECT_EQ(say(machine, operation::get, {"appended"}), "\"BBCd\"");
}

// Run under the thread sanitizer as well: a frozen state is read and dropped elsewhere.
TEST(KeyValueFreeze, IsWrittenOnOtherThreadsWhileTheMachineChanges) {
  key_value machine(3);
  random_generator random(13);
  for (int i = 0; i < 5000; ++i) change(machine, random, 3000, true);
  std::vector<std::thread> writers;
  for (int round = 0; round < 6; ++round) {
    auto expected = saved(machine);
    writers.emplace_back([frozen = machine.freeze(), expected = std::move(expected)] {
      for (int i = 0; i < 3; ++i) EXPECT_EQ(saved(frozen), expected);
    });
    for (int i = 0; i < 3000; ++i) change(machine, random, 3000, round % 2 == 0);
    if (round == 3) say(machine, operation::flush_all);
  }
  for (auto& writer : writers) writer.join();
}

}  // namespace
}  // namespace mainstay
