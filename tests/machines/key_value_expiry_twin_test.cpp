/// Keys that expire against a naive twin that knows no memory but the keys that are there: random
/// commands while time passes, with the state saved and restored in between.
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/machines/key_value_harness.hpp"

namespace mainstay {
namespace {

using keyspace::operation;

/// Kind, key, time, flags, and how much time passes before.
using dice = std::tuple<std::uint8_t, std::uint8_t, std::uint8_t, std::uint8_t, std::uint8_t>;

constexpr std::uint8_t set_choices[] = {
    keyspace::set_always,
    keyspace::expires,
    keyspace::expires,
    keyspace::keep_deadline,
    keyspace::expires | keyspace::if_absent,
    keyspace::expires | keyspace::if_present,
    keyspace::keep_deadline | keyspace::get_old,
};
constexpr std::uint8_t expire_choices[] = {
    0, keyspace::if_none, keyspace::if_any, keyspace::if_later, keyspace::if_earlier,
};

/// What is there, in the plainest words.
class twin {
 public:
  explicit twin(std::int64_t start) : now(start) {}

  void pass(std::int64_t milliseconds) {
    now += milliseconds;
    std::erase_if(keys, [&](const auto& one) { return one.second && *one.second < now; });
  }

  std::string set(const std::string& key, std::int64_t time, std::uint8_t flags) {
    const auto old = keys.find(key);
    const bool was_there = old != keys.end();
    const std::string met = flags & keyspace::get_old ? (was_there ? "\"v\"" : "nil") : "ok";
    if (flags & keyspace::if_absent && was_there) return "nil";
    if (flags & keyspace::if_present && !was_there) return "nil";
    keyspace::deadline when;
    if (flags & keyspace::keep_deadline && was_there) when = old->second;
    if (flags & keyspace::expires) when = now + time;
    keys[key] = when;
    return met;
  }

  std::string expire(const std::string& key, std::int64_t time, std::uint8_t flags) {
    const auto old = keys.find(key);
    if (old == keys.end()) return "0";
    const auto when = now + time;
    // No deadline is a deadline after all others.
    const auto before = old->second.value_or(INT64_MAX);
    if (flags & keyspace::if_none && old->second) return "0";
    if (flags & keyspace::if_any && !old->second) return "0";
    if (flags & keyspace::if_later && when <= before) return "0";
    if (flags & keyspace::if_earlier && when >= before) return "0";
    if (time <= 0) {
      keys.erase(old);
    } else {
      old->second = when;
    }
    return "1";
  }

  std::string persist(const std::string& key) {
    const auto old = keys.find(key);
    if (old == keys.end() || !old->second) return "0";
    old->second.reset();
    return "1";
  }

  std::string left(const std::string& key) const {
    const auto found = keys.find(key);
    if (found == keys.end()) return "-2";
    return found->second ? std::to_string(*found->second - now) : "-1";
  }

  std::int64_t now;
  std::map<std::string, keyspace::deadline> keys;
};

std::string key_of(std::uint8_t number) { return "key" + std::to_string(number % 40); }

/// Says the same to both; the two answers.
std::pair<std::string, std::string> play(key_value& machine, twin& naive, const dice& thrown) {
  const auto& [kind, k, t, f, passing] = thrown;
  const auto key = key_of(k);
  const std::int64_t time = t % 50;
  naive.pass(passing % 16);
  const keyspace::time_argument later({.number = time});
  const auto tell = [&](operation o, std::vector<std::string_view> arguments, std::uint8_t flags) {
    const auto payload = command(o, std::move(arguments), flags);
    return describe(machine.apply({log_index(1), log_time{naive.now * 1000}, payload}).value());
  };
  switch (kind % 8) {
    case 0:
      return {tell(operation::expire, {key, later.text()}, expire_choices[f % 5]),
              naive.expire(key, time, expire_choices[f % 5])};
    case 1:
      return {tell(operation::persist, {key}, 0), naive.persist(key)};
    case 2:
      return {tell(operation::erase, {key}, 0), std::to_string(naive.keys.erase(key))};
    case 3:
      machine.advance_time(log_time{naive.now * 1000});
      return {describe(machine.query(command(operation::time_left, {key})).value()),
              naive.left(key)};
    default: {
      const auto flags = set_choices[f % std::size(set_choices)];
      std::vector<std::string_view> arguments{key, "v"};
      if (flags & keyspace::expires) arguments.push_back(later.text());
      // A time of 0 is refused, and changes nothing.
      if (flags & keyspace::expires && time == 0) {
        return {tell(operation::set, arguments, flags), "ERR invalid expire time in 'set' command"};
      }
      return {tell(operation::set, arguments, flags), naive.set(key, time, flags)};
    }
  }
}

RC_GTEST_PROP(KeyValueExpiryTwin, AnswersLikeOneThatForgetsAtOnce,
              (const std::vector<dice>& game)) {
  key_value machine(3);
  twin naive(1'000'000);
  for (const auto& thrown : game) {
    const auto [answer, expected] = play(machine, naive, thrown);
    RC_ASSERT(answer == expected);
    RC_ASSERT(machine.size() == naive.keys.size());
  }
  std::string all = say(machine, operation::keys, {"*"});
  std::size_t listed = 0;
  for (const auto& [key, when] : naive.keys) listed += all.contains('"' + key + '"') ? 1 : 0;
  RC_ASSERT(listed == naive.keys.size());
}

// What has been freed and what has not makes no difference to anybody, snapshots included.
RC_GTEST_PROP(KeyValueExpiryTwin, ARestoredReplicaGoesOnAlike,
              (const std::vector<dice>& before, const std::vector<dice>& after)) {
  key_value machine(3);
  key_value restored(3);
  twin naive(1'000'000);
  for (const auto& thrown : before) play(machine, naive, thrown);
  RC_ASSERT(restore(restored, saved(machine)).has_value());

  twin same = naive;
  for (const auto& thrown : after) {
    RC_ASSERT(play(machine, naive, thrown).first == play(restored, same, thrown).first);
  }

  RC_ASSERT(saved(machine) == saved(restored));
}

}  // namespace
}  // namespace mainstay
