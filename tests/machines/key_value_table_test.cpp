/// The hash-ordered table against std::map, and what SCAN's cursor promises.
#include <map>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"
#include "mainstay/machines/key_value/table.hpp"

namespace mainstay::keyspace {
namespace {

std::string key_of(std::uint64_t number) { return "key:" + std::to_string(number); }

void put(table& t, const std::string& key, std::string_view value) { t.set(t.hashed(key), value); }

std::optional<std::string> value_of(const table& t, std::string_view key) {
  const auto found = t.find(t.hashed(key));
  return found ? std::optional(std::string(found->value)) : std::nullopt;
}

std::map<std::string, std::string> content(const table& t) {
  std::map<std::string, std::string> found;
  t.for_each([&](std::string_view key, const stored& content) {
    EXPECT_TRUE(found.emplace(key, content.value).second) << key << " is there twice";
  });
  return found;
}

/// Grows to thousands of keys and shrinks again, so that segments split and merge.
TEST(KeyTable, EqualsAnOrdinaryMapThroughGrowthAndShrinking) {
  table t(7);
  std::map<std::string, std::string> twin;
  random_generator random(42);
  for (int step = 0; step < 60000; ++step) {
    const bool growing = (step / 15000) % 2 == 0;
    const auto key = key_of(random.below(6000));
    const auto value = std::string(random.below(40), 'v') + std::to_string(step);
    const auto dice = random.below(10);
    if (dice < (growing ? 6U : 1U)) {
      put(t, key, value);
      twin[key] = value;
    } else if (dice < 7) {
      ASSERT_EQ(t.erase(t.hashed(key)), twin.erase(key) == 1);
    } else if (dice < 8 && twin.contains(key)) {
      ASSERT_EQ(t.append(t.hashed(key), value), (twin[key] += value).size());
    } else {
      const auto found = value_of(t, key);
      ASSERT_EQ(found.has_value(), twin.contains(key));
      ASSERT_EQ(found.value_or(""), twin.contains(key) ? twin[key] : "");
    }
    ASSERT_EQ(t.size(), twin.size());
  }

  EXPECT_EQ(content(t), twin);
}

TEST(KeyTable, BecomesEmptyByErasingAndCanBeFilledAgain) {
  table t;
  for (std::uint64_t i = 0; i < 5000; ++i) put(t, key_of(i), "x");
  for (std::uint64_t i = 0; i < 5000; ++i) EXPECT_TRUE(t.erase(t.hashed(key_of(i))));
  EXPECT_EQ(t.size(), 0U);

  for (std::uint64_t i = 0; i < 5000; ++i) put(t, key_of(i), "y");

  EXPECT_EQ(content(t).size(), 5000U);
}

TEST(KeyTable, HoldsKeysAndValuesOfAnyBytes) {
  table t;
  const std::string odd("\0\xff\r\n", 4);
  put(t, odd, odd);
  put(t, "", "empty key");
  put(t, "empty value", "");

  EXPECT_EQ(value_of(t, odd), odd);
  EXPECT_EQ(value_of(t, ""), "empty key");
  EXPECT_EQ(value_of(t, "empty value"), "");
}

TEST(KeyTable, ReplacingAValueByAnyOtherLengthKeepsTheRest) {
  table t;
  put(t, "other", "untouched");
  for (const std::size_t length : {10, 100, 3, 0, 1000, 999}) {
    put(t, "key", std::string(length, 'x'));
    EXPECT_EQ(value_of(t, "key"), std::string(length, 'x'));
  }

  EXPECT_EQ(value_of(t, "other"), "untouched");
}

TEST(KeyTable, OrderDependsOnContentAlone) {
  table forwards(1);
  table backwards(1);
  for (std::uint64_t i = 0; i < 3000; ++i) put(forwards, key_of(i), "x");
  for (std::uint64_t i = 9000; i > 0; --i) put(backwards, key_of(i - 1), "x");
  for (std::uint64_t i = 3000; i < 9000; ++i) backwards.erase(backwards.hashed(key_of(i)));
  std::vector<std::string> order[2];

  forwards.for_each([&](std::string_view key, const stored&) { order[0].emplace_back(key); });
  backwards.for_each([&](std::string_view key, const stored&) { order[1].emplace_back(key); });

  EXPECT_EQ(order[0], order[1]);
}

TEST(Scan, VisitsEveryKeyExactlyOnce) {
  table t;
  for (std::uint64_t i = 0; i < 10000; ++i) put(t, key_of(i), "x");
  std::multiset<std::string> seen;

  std::uint64_t cursor = 0;
  int calls = 0;
  do {
    cursor = t.scan(cursor, 10, [&](std::string_view key, const stored&) { seen.emplace(key); });
    EXPECT_LT(cursor, std::uint64_t{1} << 52);
    ++calls;
  } while (cursor != 0);

  EXPECT_EQ(seen.size(), 10000U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 10000U);
  EXPECT_LE(calls, 1100);
}

TEST(Scan, EmptyTableEndsAtOnce) {
  const table t;

  const auto cursor = t.scan(0, 10, [](std::string_view, const stored&) { FAIL(); });

  EXPECT_EQ(cursor, 0U);
}

// Redis promises that what is there from beginning to end is returned, whatever else changes.
TEST(Scan, KeysThatStayAreReturnedThoughTheTableGrowsAndShrinks) {
  for (const bool growing : {true, false}) {
    table t(growing ? 1 : 2);
    for (std::uint64_t i = 0; i < 4000; ++i) put(t, key_of(i), "stays");
    for (std::uint64_t i = 4000; i < 40000 && !growing; ++i) put(t, key_of(i), "goes");
    std::multiset<std::string> seen;

    std::uint64_t cursor = 0;
    std::uint64_t next = 4000;
    do {
      cursor = t.scan(cursor, 5, [&](std::string_view key, const stored& content) {
        if (content.value == "stays") seen.emplace(key);
      });
      for (int i = 0; i < 20; ++i, ++next) {
        if (growing) put(t, key_of(next), "comes");
        if (!growing) t.erase(t.hashed(key_of(next)));
      }
    } while (cursor != 0);

    EXPECT_EQ(seen.size(), 4000U);
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 4000U);
  }
}

TEST(Scan, AnyCursorIsTaken) {
  table t;
  for (std::uint64_t i = 0; i < 1000; ++i) put(t, key_of(i), "x");
  random_generator random(1);
  for (int i = 0; i < 1000; ++i) {
    std::size_t visited = 0;
    t.scan(random.next(), 10, [&](std::string_view, const stored&) { ++visited; });
    EXPECT_LE(visited, 10U);
  }
}

}  // namespace
}  // namespace mainstay::keyspace
