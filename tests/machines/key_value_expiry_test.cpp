/// Keys that expire: Redis's rules for times, and what anybody sees as log time passes.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "mainstay/machines/key_value/expiry.hpp"

#include "tests/machines/key_value_harness.hpp"

namespace mainstay {
namespace {

using keyspace::expiry_time;
using keyspace::operation;

static_assert(timed_state_machine<key_value>);

constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
/// When a test begins, in milliseconds.
constexpr std::int64_t start = 1'000'000;

constexpr expiry_time milliseconds(std::int64_t n) { return {.number = n}; }
constexpr expiry_time seconds(std::int64_t n) { return {.number = n, .seconds = true}; }
constexpr expiry_time at(std::int64_t n) { return {.number = n, .absolute = true}; }
constexpr expiry_time at_second(std::int64_t n) {
  return {.number = n, .seconds = true, .absolute = true};
}

class KeyValueExpiry : public testing::Test {
 protected:
  /// Applies a command, or a query, at the test's time.
  std::string say(operation o, std::vector<std::string_view> arguments, unsigned flags = 0) {
    const auto payload = command(o, std::move(arguments), static_cast<std::uint8_t>(flags));
    return describe(machine.apply({log_index(1), log_time{now * 1000}, payload}).value());
  }
  std::string set(std::string_view key, expiry_time time, unsigned flags = 0) {
    const keyspace::time_argument argument(time);
    return say(operation::set, {key, "v", argument.text()}, flags | keyspace::expires);
  }
  std::string expire(std::string_view key, expiry_time time, unsigned flags = 0) {
    const keyspace::time_argument argument(time);
    return say(operation::expire, {key, argument.text()}, flags);
  }
  std::string get_and_expire(std::string_view key, expiry_time time) {
    const keyspace::time_argument argument(time);
    return say(operation::get_and_expire, {key, argument.text()}, keyspace::expires);
  }
  std::string get(std::string_view key) { return say(operation::get, {key}); }
  /// Milliseconds until the key expires.
  std::string left(std::string_view key) { return say(operation::time_left, {key}); }
  /// What a query answers after the time has come by an entry of another kind.
  std::string ask_at(std::int64_t time, operation o, std::vector<std::string_view> arguments) {
    machine.advance_time(log_time{time * 1000});
    return describe(machine.query(command(o, std::move(arguments))).value());
  }

  std::int64_t now = start;
  key_value machine;
};

// As in Redis: a key is there in its last millisecond, and gone with the next.
TEST_F(KeyValueExpiry, KeyIsThereUntilItsTimeHasPassed) {
  EXPECT_EQ(set("k", milliseconds(100)), "ok");
  now = start + 100;
  EXPECT_EQ(get("k"), "\"v\"");
  EXPECT_EQ(left("k"), "0");
  now = start + 101;
  EXPECT_EQ(get("k"), "nil");
  EXPECT_EQ(left("k"), "-2");
}

TEST_F(KeyValueExpiry, TimesCountSecondsOrMillisecondsFromNowOrFromTheEpoch) {
  set("a", milliseconds(1500));
  set("b", seconds(3));
  set("c", at(start + 7));
  set("d", at_second(start / 1000 + 9));

  EXPECT_EQ(left("a"), "1500");
  EXPECT_EQ(left("b"), "3000");
  EXPECT_EQ(left("c"), "7");
  EXPECT_EQ(left("d"), "9000");
  EXPECT_EQ(say(operation::expires_at, {"a"}), std::to_string(start + 1500));
  EXPECT_EQ(say(operation::expires_at, {"d"}, keyspace::in_seconds), "1009");
}

TEST_F(KeyValueExpiry, SecondsAreRoundedToTheNearest) {
  set("a", milliseconds(1499));
  set("b", milliseconds(1500));

  EXPECT_EQ(say(operation::time_left, {"a"}, keyspace::in_seconds), "1");
  EXPECT_EQ(say(operation::time_left, {"b"}, keyspace::in_seconds), "2");
}

TEST_F(KeyValueExpiry, KeysWithoutADeadlineAndNoKeysAreToldApart) {
  say(operation::set, {"k", "v"});

  EXPECT_EQ(left("k"), "-1");
  EXPECT_EQ(left("none"), "-2");
  EXPECT_EQ(say(operation::expires_at, {"k"}, keyspace::in_seconds), "-1");
  EXPECT_EQ(say(operation::expires_at, {"none"}), "-2");
}

TEST_F(KeyValueExpiry, SetRefusesTimesThatAreNotAboveZeroOrDoNotFit) {
  const std::string refusal = "ERR invalid expire time in 'set' command";
  say(operation::set, {"k", "old"});

  for (const auto& time :
       {milliseconds(0), milliseconds(-1), seconds(least), at(0), at(-5), seconds(greatest),
        seconds(greatest / 1000 + 1), at_second(greatest / 1000 + 1),
        milliseconds(greatest - start + 1), seconds(greatest / 1000)}) {
    EXPECT_EQ(set("k", time), refusal) << time.number;
  }

  EXPECT_EQ(get("k"), "\"old\"");
  EXPECT_EQ(left("k"), "-1");
  EXPECT_EQ(set("k", milliseconds(greatest - start)), "ok");
  EXPECT_EQ(say(operation::expires_at, {"k"}), std::to_string(greatest));
}

TEST_F(KeyValueExpiry, ExpireRefusesOnlyWhatDoesNotFitAndSaysItsName) {
  say(operation::set, {"k", "v"});

  EXPECT_EQ(expire("k", seconds(greatest)), "ERR invalid expire time in 'expire' command");
  EXPECT_EQ(expire("k", seconds(least)), "ERR invalid expire time in 'expire' command");
  EXPECT_EQ(expire("k", milliseconds(greatest - start + 1)),
            "ERR invalid expire time in 'pexpire' command");
  EXPECT_EQ(expire("k", at_second(greatest / 1000 + 1)),
            "ERR invalid expire time in 'expireat' command");
  EXPECT_EQ(keyspace::invalid_time_of_expire(at(1)),
            "ERR invalid expire time in 'pexpireat' command");
  EXPECT_EQ(get("k"), "\"v\"");
  EXPECT_EQ(expire("k", at(greatest)), "1");
  EXPECT_EQ(left("k"), std::to_string(greatest - start));
}

TEST_F(KeyValueExpiry, ExpireInThePastRemovesTheKeyAtOnce) {
  for (const auto& time : {seconds(0), milliseconds(-1), milliseconds(least), at(start), at(0)}) {
    say(operation::set, {"k", "v"});
    EXPECT_EQ(expire("k", time), "1") << time.number;
    EXPECT_EQ(get("k"), "nil");
    EXPECT_EQ(machine.size(), 0U);
  }
  EXPECT_EQ(expire("k", seconds(5)), "0");
}

TEST_F(KeyValueExpiry, ConditionsOfExpireCompareWithTheDeadlineBefore) {
  say(operation::set, {"k", "v"});
  EXPECT_EQ(expire("k", seconds(10), keyspace::if_any), "0");
  EXPECT_EQ(expire("k", seconds(10), keyspace::if_later), "0");
  EXPECT_EQ(expire("k", seconds(10), keyspace::if_none), "1");
  EXPECT_EQ(expire("k", seconds(20), keyspace::if_none), "0");
  EXPECT_EQ(expire("k", seconds(10), keyspace::if_later), "0");
  EXPECT_EQ(expire("k", seconds(10), keyspace::if_earlier), "0");
  EXPECT_EQ(left("k"), "10000");
  EXPECT_EQ(expire("k", seconds(11), keyspace::if_later), "1");
  EXPECT_EQ(expire("k", seconds(9), keyspace::if_earlier | keyspace::if_any), "1");
  EXPECT_EQ(expire("k", seconds(8), keyspace::if_any), "1");
  EXPECT_EQ(left("k"), "8000");

  say(operation::set, {"other", "v"});
  EXPECT_EQ(expire("other", seconds(7), keyspace::if_earlier | keyspace::if_any), "0");
  EXPECT_EQ(expire("other", seconds(7), keyspace::if_earlier), "1");
}

TEST_F(KeyValueExpiry, PersistTakesTheDeadlineAway) {
  set("k", milliseconds(100));
  EXPECT_EQ(say(operation::persist, {"k"}), "1");
  EXPECT_EQ(say(operation::persist, {"k"}), "0");
  EXPECT_EQ(say(operation::persist, {"none"}), "0");
  now = start + 1000;
  EXPECT_EQ(get("k"), "\"v\"");
  EXPECT_FALSE(machine.next_expiry());
}

TEST_F(KeyValueExpiry, GetAndExpireAnswersTheValueAndMovesTheDeadline) {
  say(operation::set, {"k", "v"});
  EXPECT_EQ(get_and_expire("k", seconds(5)), "\"v\"");
  EXPECT_EQ(left("k"), "5000");
  EXPECT_EQ(say(operation::get_and_expire, {"k"}), "\"v\"");
  EXPECT_EQ(left("k"), "5000");
  EXPECT_EQ(say(operation::get_and_expire, {"k"}, keyspace::remove_deadline), "\"v\"");
  EXPECT_EQ(left("k"), "-1");
  EXPECT_EQ(get_and_expire("k", seconds(0)), "ERR invalid expire time in 'getex' command");
  EXPECT_EQ(get_and_expire("none", seconds(0)), "nil");
  EXPECT_EQ(get_and_expire("k", at(start)), "\"v\"");
  EXPECT_EQ(get("k"), "nil");
}

TEST_F(KeyValueExpiry, PlainWritesTakeTheDeadlineAwayAndChangesInPlaceKeepIt) {
  for (const auto* key : {"set", "many", "kept", "number", "appended", "swapped"}) {
    set(key, seconds(10));
  }
  say(operation::set, {"number", "5"}, keyspace::keep_deadline);

  say(operation::set, {"set", "w"});
  say(operation::set_many, {"many", "w"});
  say(operation::set, {"swapped", "w"}, keyspace::get_old);
  say(operation::set, {"kept", "w"}, keyspace::keep_deadline);
  say(operation::append, {"appended", std::string(100, 'w')});
  const keyspace::number_argument two(2);
  say(operation::increment, {"number", two.text()});

  EXPECT_EQ(left("set"), "-1");
  EXPECT_EQ(left("many"), "-1");
  EXPECT_EQ(left("swapped"), "-1");
  EXPECT_EQ(left("kept"), "10000");
  EXPECT_EQ(left("appended"), "10000");
  EXPECT_EQ(left("number"), "10000");
  EXPECT_EQ(get("number"), "\"7\"");
}

TEST_F(KeyValueExpiry, SetWithAConditionThatFailsLeavesTheDeadline) {
  set("k", seconds(10));

  EXPECT_EQ(set("k", seconds(99), keyspace::if_absent), "nil");
  EXPECT_EQ(set("k", seconds(99), keyspace::if_absent | keyspace::get_old), "\"v\"");
  EXPECT_EQ(left("k"), "10000");

  const keyspace::time_argument time(seconds(20));
  EXPECT_EQ(
      say(operation::set, {"k", "w", "v", time.text()}, keyspace::if_equal | keyspace::expires),
      "ok");
  EXPECT_EQ(left("k"), "20000");
  EXPECT_EQ(get("k"), "\"w\"");
}

// Nothing of an expired key is seen by a command, though its memory may still be there.
TEST_F(KeyValueExpiry, ExpiredKeysAreAbsentForEveryCommand) {
  const auto renew = [&] {
    now = std::max(now, start);
    for (int i = 0; i < 40; ++i) set("other" + std::to_string(i), milliseconds(1));
    set("k", milliseconds(5));
    now += 10;  // more have expired than one command frees, and `k` is the last of them
  };
  const keyspace::number_argument five(5);
  renew();
  EXPECT_EQ(say(operation::set, {"k", "w"}, keyspace::if_present), "nil");
  renew();
  EXPECT_EQ(say(operation::set, {"k", "w"}, keyspace::if_absent | keyspace::get_old), "nil");
  EXPECT_EQ(left("k"), "-1");
  renew();
  EXPECT_EQ(say(operation::set, {"k", "w"}, keyspace::keep_deadline), "ok");
  EXPECT_EQ(left("k"), "-1");
  renew();
  EXPECT_EQ(say(operation::set, {"k", "w", ""}, keyspace::if_equal), "nil");
  renew();
  EXPECT_EQ(say(operation::increment, {"k", five.text()}), "5");
  EXPECT_EQ(left("k"), "-1");
  renew();
  EXPECT_EQ(say(operation::append, {"k", "w"}), "1");
  EXPECT_EQ(left("k"), "-1");
  renew();
  EXPECT_EQ(say(operation::erase, {"k"}), "0");
  renew();
  EXPECT_EQ(say(operation::get_and_delete, {"k"}), "nil");
  renew();
  EXPECT_EQ(expire("k", seconds(1)), "0");
  renew();
  EXPECT_EQ(say(operation::persist, {"k"}), "0");
  renew();
  EXPECT_EQ(get_and_expire("k", seconds(1)), "nil");
}

TEST_F(KeyValueExpiry, QueriesSeeTheTimeOfTheLastEntry) {
  for (int i = 0; i < 2000; ++i) set("other" + std::to_string(i), milliseconds(1));
  set("k", milliseconds(5));
  say(operation::set, {"stays", "v"});

  EXPECT_EQ(ask_at(start + 5, operation::get, {"k"}), "\"v\"");
  EXPECT_EQ(ask_at(start + 5, operation::size, {}), "2");
  now = start + 5;
  for (int i = 0; i < 2000; ++i) set("more" + std::to_string(i), milliseconds(1));
  set("k", milliseconds(1));

  EXPECT_EQ(ask_at(start + 7, operation::get, {"k"}), "nil");
  EXPECT_EQ(ask_at(start + 7, operation::get_many, {"k", "stays"}), "[nil \"v\"]");
  EXPECT_EQ(ask_at(start + 7, operation::exists, {"k", "stays"}), "1");
  EXPECT_EQ(ask_at(start + 7, operation::length, {"k"}), "0");
  EXPECT_EQ(ask_at(start + 7, operation::type, {"k"}), "none");
  EXPECT_EQ(ask_at(start + 7, operation::keys, {"*"}), "[\"stays\"]");
  EXPECT_EQ(ask_at(start + 7, operation::size, {}), "1");
  EXPECT_EQ(ask_at(start + 7, operation::time_left, {"k"}), "-2");
}

// So many that the memory of the last is still there when they have all expired.
TEST_F(KeyValueExpiry, TimeNeverGoesBack) {
  for (int i = 0; i < 6000; ++i) set("other" + std::to_string(i), milliseconds(1));
  set("k", milliseconds(5));
  machine.advance_time(log_time{(start + 6) * 1000});
  now = start;
  EXPECT_EQ(get("k"), "nil");
  EXPECT_EQ(ask_at(start, operation::get, {"k"}), "nil");
}

TEST_F(KeyValueExpiry, WalksPassOverWhatIsStillInMemory) {
  for (int i = 0; i < 6000; ++i) set("other" + std::to_string(i), milliseconds(1));
  say(operation::set, {"stays", "v"});

  EXPECT_EQ(ask_at(start + 2, operation::keys, {"*"}), "[\"stays\"]");
  EXPECT_EQ(machine.next_expiry(), log_time{(start + 2) * 1000}) << "nothing was left to pass over";
}

TEST_F(KeyValueExpiry, MemoryOfExpiredKeysIsFreedByLaterEntriesAFewEach) {
  for (int i = 0; i < 3000; ++i) set("key" + std::to_string(i), milliseconds(1));
  EXPECT_EQ(machine.next_expiry(), log_time{(start + 2) * 1000});

  now = start + 2;
  say(operation::set, {"k", "v"});
  EXPECT_EQ(machine.size(), 1U);
  EXPECT_EQ(machine.next_expiry(), log_time{(start + 2) * 1000});
  int entries = 1;
  for (; machine.next_expiry(); ++entries) machine.advance_time(log_time{now * 1000});

  EXPECT_GE(entries, 3);
  EXPECT_LE(entries, 5);
  set("k2", seconds(1));
  now = start + 5000;
  say(operation::set, {"k", "v"});
  EXPECT_FALSE(machine.next_expiry());
}

TEST_F(KeyValueExpiry, DeadlinesBeyondWhatTheLogCanTellAreNeverDue) {
  set("k", at(greatest));
  EXPECT_FALSE(machine.next_expiry());
  set("k", at(greatest / 1000 - 1));
  EXPECT_EQ(machine.next_expiry(), log_time{greatest / 1000 * 1000});
}

TEST_F(KeyValueExpiry, FlushingForgetsDeadlinesToo) {
  set("k", seconds(1));
  say(operation::flush_all, {});
  EXPECT_FALSE(machine.next_expiry());
  say(operation::set, {"k", "v"});
  now = start + 5000;
  EXPECT_EQ(get("k"), "\"v\"");
}

TEST_F(KeyValueExpiry, SnapshotsCarryDeadlinesAndTimeAndLeaveOutWhatHasExpired) {
  for (int i = 0; i < 100; ++i) set("gone" + std::to_string(i), milliseconds(1));
  set("k", seconds(10));
  say(operation::set, {"stays", "v"});
  now = start + 2;
  say(operation::set, {"stays", "w"});
  const auto bytes = saved(machine);
  key_value copy;

  ASSERT_TRUE(restore(copy, bytes));

  EXPECT_EQ(saved(copy), bytes);
  EXPECT_EQ(copy.size(), 2U);
  const auto query = [&](operation o) { return describe(copy.query(command(o, {"k"})).value()); };
  EXPECT_EQ(query(operation::time_left), "9998");
  EXPECT_EQ(copy.next_expiry(), log_time{(start + 10001) * 1000});
  copy.advance_time(log_time{(start + 10001) * 1000});
  EXPECT_EQ(query(operation::get), "nil");
}

}  // namespace
}  // namespace mainstay
