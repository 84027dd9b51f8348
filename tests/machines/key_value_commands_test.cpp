/// Each command of the key-value machine, with Redis's answers.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/machines/key_value_harness.hpp"

namespace mainstay {
namespace {

using keyspace::operation;

static_assert(batch_state_machine<key_value>);

class KeyValue : public testing::Test {
 protected:
  std::string set(std::string_view key, std::string_view value, std::uint8_t flags = 0) {
    return say(machine, operation::set, {key, value}, flags);
  }
  std::string get(std::string_view key) { return say(machine, operation::get, {key}); }

  key_value machine;
};

TEST_F(KeyValue, SetAnswersOkAndGetGivesItBack) {
  EXPECT_EQ(get("k"), "nil");
  EXPECT_EQ(set("k", "v"), "ok");
  EXPECT_EQ(get("k"), "\"v\"");
  EXPECT_EQ(set("k", "w"), "ok");
  EXPECT_EQ(get("k"), "\"w\"");
}

TEST_F(KeyValue, SetIfAbsentSetsOnlyOnce) {
  EXPECT_EQ(set("k", "1", keyspace::if_absent), "ok");
  EXPECT_EQ(set("k", "2", keyspace::if_absent), "nil");
  EXPECT_EQ(get("k"), "\"1\"");
}

TEST_F(KeyValue, SetIfPresentNeedsTheKey) {
  EXPECT_EQ(set("k", "1", keyspace::if_present), "nil");
  EXPECT_EQ(get("k"), "nil");
  set("k", "1");
  EXPECT_EQ(set("k", "2", keyspace::if_present), "ok");
  EXPECT_EQ(get("k"), "\"2\"");
}

TEST_F(KeyValue, SetIfEqualComparesTheValueBefore) {
  const auto set_if = [&](std::string_view value, std::string_view expected,
                          std::uint8_t more = 0) {
    const auto flags = static_cast<std::uint8_t>(keyspace::if_equal | more);
    return say(machine, operation::set, {"k", value, expected}, flags);
  };

  EXPECT_EQ(set_if("1", ""), "nil");
  set("k", "1");
  EXPECT_EQ(set_if("2", "other"), "nil");
  EXPECT_EQ(set_if("2", "1"), "ok");
  EXPECT_EQ(set_if("3", "1", keyspace::get_old), "\"2\"");
  EXPECT_EQ(get("k"), "\"2\"");
  EXPECT_EQ(set_if("3", "2", keyspace::get_old), "\"2\"");
  EXPECT_EQ(get("k"), "\"3\"");
}

TEST_F(KeyValue, SetWithGetAnswersTheValueBefore) {
  EXPECT_EQ(set("k", "1", keyspace::get_old), "nil");
  EXPECT_EQ(set("k", "2", keyspace::get_old), "\"1\"");
  EXPECT_EQ(set("k", "3", keyspace::get_old | keyspace::if_absent), "\"2\"");
  EXPECT_EQ(get("k"), "\"2\"");
}

TEST_F(KeyValue, SetWithCountAnswersOneOrZero) {
  EXPECT_EQ(set("k", "1", keyspace::if_absent | keyspace::answer_count), "1");
  EXPECT_EQ(set("k", "2", keyspace::if_absent | keyspace::answer_count), "0");
}

TEST_F(KeyValue, GetAndDeleteTakesTheValueAway) {
  set("k", "v");
  EXPECT_EQ(say(machine, operation::get_and_delete, {"k"}), "\"v\"");
  EXPECT_EQ(say(machine, operation::get_and_delete, {"k"}), "nil");
  EXPECT_EQ(machine.size(), 0U);
}

TEST_F(KeyValue, EraseCountsWhatWasThere) {
  say(machine, operation::set_many, {"a", "1", "b", "2"});

  EXPECT_EQ(say(machine, operation::erase, {"a", "b", "c", "a"}), "2");
  EXPECT_EQ(say(machine, operation::size), "0");
}

TEST_F(KeyValue, IncrementCountsFromNothingOrFromTheNumberThere) {
  EXPECT_EQ(increment(machine, "n", 5), "5");
  EXPECT_EQ(increment(machine, "n", -7), "-2");
  EXPECT_EQ(get("n"), "\"-2\"");
}

TEST_F(KeyValue, IncrementRefusesWhatRedisDoesNotReadAsAnInteger) {
  for (const auto* text : {"", "x", "1x", " 1", "1 ", "+1", "01", "-0", "-", "1.0", "--1",
                           "9223372036854775808", "-9223372036854775809"}) {
    set("n", text);
    EXPECT_EQ(increment(machine, "n", 1), "ERR value is not an integer or out of range") << text;
    EXPECT_EQ(get("n"), '"' + std::string(text) + '"');
  }
}

TEST_F(KeyValue, IncrementRefusesToOverflow) {
  set("n", "9223372036854775807");
  EXPECT_EQ(increment(machine, "n", 1), "ERR increment or decrement would overflow");
  EXPECT_EQ(get("n"), "\"9223372036854775807\"");
  EXPECT_EQ(increment(machine, "n", -1), "9223372036854775806");

  set("n", "-9223372036854775808");
  EXPECT_EQ(increment(machine, "n", -1), "ERR increment or decrement would overflow");
  EXPECT_EQ(increment(machine, "n", 0), "-9223372036854775808");
}

TEST_F(KeyValue, AppendAnswersTheNewLength) {
  EXPECT_EQ(say(machine, operation::append, {"k", "ab"}), "2");
  EXPECT_EQ(say(machine, operation::append, {"k", ""}), "2");
  EXPECT_EQ(say(machine, operation::append, {"k", "cde"}), "5");
  EXPECT_EQ(get("k"), "\"abcde\"");
}

TEST_F(KeyValue, AppendRefusesToGrowAValueOverTheLimit) {
  const std::string half(keyspace::max_value_bytes / 2, 'x');
  set("k", half);
  say(machine, operation::append, {"k", half});

  EXPECT_EQ(say(machine, operation::append, {"k", "x"}), "ERR string exceeds maximum allowed size");
  EXPECT_EQ(say(machine, operation::length, {"k"}), std::to_string(keyspace::max_value_bytes));
}

TEST_F(KeyValue, SetManyAndGetManyKeepTheOrder) {
  EXPECT_EQ(say(machine, operation::set_many, {"a", "1", "b", "2", "a", "3"}), "ok");
  EXPECT_EQ(say(machine, operation::get_many, {"b", "none", "a"}), "[\"2\" nil \"3\"]");
}

TEST_F(KeyValue, GetManyRefusesAnAnswerOverTheLimit) {
  set("k", std::string(keyspace::max_value_bytes - 16, 'x'));

  EXPECT_EQ(say(machine, operation::get_many, {"k", "k", "k", "k", "k"}),
            "ERR the answer would be too large");
  EXPECT_EQ(say(machine, operation::get_many, {"none"}), "[nil]");
}

TEST_F(KeyValue, ExistsCountsRepetitions) {
  set("a", "1");

  EXPECT_EQ(say(machine, operation::exists, {"a", "a", "b"}), "2");
}

TEST_F(KeyValue, LengthAndTypeOfAMissingKey) {
  EXPECT_EQ(say(machine, operation::length, {"k"}), "0");
  EXPECT_EQ(say(machine, operation::type, {"k"}), "none");
  set("k", "abc");
  EXPECT_EQ(say(machine, operation::length, {"k"}), "3");
  EXPECT_EQ(say(machine, operation::type, {"k"}), "string");
}

TEST_F(KeyValue, KeysMatchesThePattern) {
  say(machine, operation::set_many, {"user:1", "", "user:2", "", "other", ""});

  EXPECT_THAT(say(machine, operation::keys, {"user:*"}),
              testing::AnyOf("[\"user:1\" \"user:2\"]", "[\"user:2\" \"user:1\"]"));
  EXPECT_EQ(say(machine, operation::keys, {"nothing*"}), "[]");
}

TEST_F(KeyValue, ScanGivesMatchingKeysAndEndsWithZero) {
  say(machine, operation::set_many, {"a1", "", "a2", "", "b", ""});

  EXPECT_EQ(scan(machine, 0, 100, "b"), "[\"0\" [\"b\"]]");
  EXPECT_EQ(scan(machine, 0, 100, "none"), "[\"0\" []]");
}

TEST_F(KeyValue, FlushAllRemovesEverything) {
  for (int i = 0; i < 1000; ++i) set(std::to_string(i), "x");

  EXPECT_EQ(say(machine, operation::flush_all), "ok");

  EXPECT_EQ(machine.size(), 0U);
  EXPECT_EQ(get("1"), "nil");
}

TEST_F(KeyValue, QueryRefusesToChangeAnything) {
  const auto answer = machine.query(command(operation::set, {"k", "v"}));

  EXPECT_EQ(describe(answer.value()), "ERR not a query");
  EXPECT_EQ(machine.size(), 0U);
}

// Reads that go through the log see the commands before them.
TEST_F(KeyValue, BatchesAreAppliedInOrderAndMayHoldQueries) {
  const std::vector<applied_command> commands{
      {log_index(1), {}, command(operation::set, {"k", "1"})},
      {log_index(2), {}, command(operation::get, {"k"})},
      {log_index(3), {}, shared_bytes::copy_of("nonsense")},
      {log_index(4), {}, command(operation::erase, {"k"})}};
  std::vector<shared_bytes> answers(commands.size());

  ASSERT_TRUE(machine.apply(commands, answers));

  EXPECT_EQ(describe(answers[0]), "ok");
  EXPECT_EQ(describe(answers[1]), "\"1\"");
  EXPECT_EQ(describe(answers[2]), "ERR unknown version of a command");
  EXPECT_EQ(describe(answers[3]), "1");
}

TEST_F(KeyValue, DoesNotKeepTheCommandsBytesAlive) {
  auto payload = command(operation::set, {"key", "value"});
  machine.apply({log_index(1), {}, payload}).value();
  // Whoever gets this memory next may write to it.
  std::memset(const_cast<std::byte*>(payload.data()), 'x', payload.size());

  EXPECT_EQ(get("key"), "\"value\"");
}

// A few bytes of commands may ask for gigabytes of answers, each of them within its own limit.
TEST(KeyValueAnswers, LargeReadsAreRefusedWhileTooManyAnswersAreHeld) {
  constexpr std::size_t limit = 1 << 20;
  key_value machine(0, limit);
  say(machine, operation::set, {"large", std::string(limit / 3, 'x')});
  say(machine, operation::set, {"small", "y"});
  std::vector<shared_bytes> held;
  const auto ask = [&](operation o, std::vector<std::string_view> keys) {
    held.push_back(machine.query(command(o, std::move(keys))).value());
    return describe(held.back()).substr(0, 11);
  };

  EXPECT_EQ(ask(operation::get, {"large"}), "\"xxxxxxxxxx");
  EXPECT_EQ(ask(operation::get, {"large"}), "\"xxxxxxxxxx");
  EXPECT_EQ(ask(operation::get, {"large"}), "UNAVAILABLE");
  EXPECT_EQ(ask(operation::get_many, {"small", "large"}), "UNAVAILABLE");
  EXPECT_EQ(ask(operation::get, {"small"}), "\"y\"");
  // A change is carried out, and so it is answered.
  EXPECT_EQ(say(machine, operation::get_and_delete, {"large"}).size(), limit / 3 + 2);
  say(machine, operation::set, {"large", std::string(limit / 3, 'x')});
  held.clear();
  EXPECT_EQ(ask(operation::get, {"large"}), "\"xxxxxxxxxx");
}

TEST(KeyValueAnswers, WalksAreRefusedWhileTooManyAnswersAreHeld) {
  key_value machine(0, 100'000);
  for (int i = 0; i < 1000; ++i)
    say(machine, operation::set, {std::string(100, 'k') + std::to_string(i), ""});
  say(machine, operation::set, {"k", ""});

  EXPECT_EQ(say(machine, operation::keys, {"*"}).substr(0, 11), "UNAVAILABLE");
  EXPECT_EQ(scan(machine, 0, 2000, "*").substr(0, 11), "UNAVAILABLE");
  EXPECT_EQ(say(machine, operation::keys, {"k"}), "[\"k\"]");
}

}  // namespace
}  // namespace mainstay
