/// The key-value machine against a naive twin over std::map, on random commands.
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

/// One random command: kind, two keys, a value and flags, each from few, so that they meet.
using dice = std::tuple<std::uint8_t, std::uint8_t, std::uint8_t, std::uint8_t, std::uint8_t>;

const std::vector<std::string> keys{"a", "b", "c", ""};
const std::vector<std::string> values{"", "1", "-5", "x", "9223372036854775807"};

/// Wide enough that no sum of two integers overflows.
__extension__ using wide = __int128;

/// What Redis's manual says, in the plainest words.
class twin {
 public:
  std::string set(const std::string& key, const std::string& value, std::uint8_t flags,
                  const std::string& expected) {
    const auto old = find(key);
    bool met = true;
    if (flags & keyspace::if_absent) met = !old;
    if (flags & keyspace::if_present) met = old.has_value();
    if (flags & keyspace::if_equal) met = old == expected;
    if (met) map_[key] = value;
    if (flags & keyspace::get_old) return quoted(old);
    if (flags & keyspace::answer_count) return met ? "1" : "0";
    return met ? "ok" : "nil";
  }

  std::string erase(const std::string& first, const std::string& second) {
    return std::to_string(map_.erase(first) + map_.erase(second));
  }

  std::string increment(const std::string& key, std::int64_t amount) {
    const auto old = find(key).value_or("0");
    if (!is_number(old)) return "ERR value is not an integer or out of range";
    const auto sum = static_cast<wide>(std::stoll(old)) + amount;
    if (sum > INT64_MAX || sum < INT64_MIN) return "ERR increment or decrement would overflow";
    return map_[key] = std::to_string(static_cast<std::int64_t>(sum));
  }

  std::string append(const std::string& key, const std::string& value) {
    return std::to_string((map_[key] += value).size());
  }

  std::string get_and_delete(const std::string& key) {
    const auto old = find(key);
    map_.erase(key);
    return quoted(old);
  }

  std::string get_many(const std::string& first, const std::string& second) {
    return '[' + quoted(find(first)) + ' ' + quoted(find(second)) + ']';
  }

  std::string exists(const std::string& first, const std::string& second) {
    return std::to_string(map_.count(first) + map_.count(second));
  }

  std::string flush_all() {
    map_.clear();
    return "ok";
  }

  std::size_t size() const { return map_.size(); }
  std::string get(const std::string& key) const { return quoted(find(key)); }

 private:
  std::optional<std::string> find(const std::string& key) const {
    const auto found = map_.find(key);
    return found == map_.end() ? std::nullopt : std::optional(found->second);
  }
  /// A number is what printing it gives back unchanged.
  static bool is_number(const std::string& text) {
    try {
      return std::to_string(std::stoll(text)) == text;
    } catch (const std::exception&) {
      return false;
    }
  }
  static std::string quoted(const std::optional<std::string>& value) {
    return value ? '"' + *value + '"' : "nil";
  }

  std::map<std::string, std::string> map_;
};

constexpr std::uint8_t flag_choices[] = {
    0,
    keyspace::if_absent,
    keyspace::if_present,
    keyspace::if_equal,
    keyspace::get_old,
    keyspace::if_absent | keyspace::get_old,
    keyspace::if_equal | keyspace::get_old,
    keyspace::if_absent | keyspace::answer_count,
};

/// Says the same to both; the two answers.
std::pair<std::string, std::string> play(key_value& machine, twin& naive, const dice& thrown) {
  const auto& [kind, k1, k2, v, f] = thrown;
  const auto& key = keys[k1 % keys.size()];
  const auto& other = keys[k2 % keys.size()];
  const auto& value = values[v % values.size()];
  const auto flags = flag_choices[f % std::size(flag_choices)];
  switch (kind % 16) {
    case 0:
      return {say(machine, operation::erase, {key, other}), naive.erase(key, other)};
    case 1:
    case 2:
      return {increment(machine, key, f - 128), naive.increment(key, f - 128)};
    case 3:
      return {say(machine, operation::append, {key, value}), naive.append(key, value)};
    case 4:
      return {say(machine, operation::get_and_delete, {key}), naive.get_and_delete(key)};
    case 5:
      return {say(machine, operation::get_many, {key, other}), naive.get_many(key, other)};
    case 6:
      return {say(machine, operation::exists, {key, other}), naive.exists(key, other)};
    case 7:
      if (f < 200) return {say(machine, operation::get, {key}), naive.get(key)};
      return {say(machine, operation::flush_all), naive.flush_all()};
    default: {
      const auto& expected = values[k2 % values.size()];
      std::vector<std::string_view> arguments{key, value};
      if (flags & keyspace::if_equal) arguments.push_back(expected);
      return {say(machine, operation::set, arguments, flags),
              naive.set(key, value, flags, expected)};
    }
  }
}

RC_GTEST_PROP(KeyValueTwin, AnswersLikeANaiveMap, (const std::vector<dice>& game)) {
  key_value machine(3);
  twin naive;
  for (const auto& thrown : game) {
    const auto [answer, expected] = play(machine, naive, thrown);
    RC_ASSERT(answer == expected);
    RC_ASSERT(machine.size() == naive.size());
  }
}

RC_GTEST_PROP(KeyValueTwin, ReplicasWithOtherSeedsAnswerAlike, (const std::vector<dice>& game)) {
  key_value first(1);
  key_value second(2);
  twin naive;
  for (const auto& thrown : game) {
    const auto one = play(first, naive, thrown).first;
    RC_ASSERT(one == play(second, naive, thrown).first);
  }
}

RC_GTEST_PROP(KeyValueTwin, SnapshotsCarryEverything, (const std::vector<dice>& game)) {
  key_value machine;
  twin naive;
  for (const auto& thrown : game) play(machine, naive, thrown);
  key_value copy;

  RC_ASSERT(restore(copy, saved(machine)).has_value());

  RC_ASSERT(copy.size() == naive.size());
  for (const auto& key : keys) RC_ASSERT(say(copy, operation::get, {key}) == naive.get(key));
}

}  // namespace
}  // namespace mainstay
