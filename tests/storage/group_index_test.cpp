// The index of a group against a naive twin, and its size.
#include "mainstay/storage/wal/group_index.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/base/random.hpp"

namespace mainstay::wal {

namespace {

/// Everything written down.
struct naive_index {
  struct slot {
    term t;
    record_place place;
  };
  std::map<std::uint64_t, slot> entries;
  std::uint64_t base = 0;
  std::uint64_t last = 0;
};

class GroupIndex : public testing::TestWithParam<std::uint64_t> {
 protected:
  void append() {
    ++naive_.last;
    offset_ += 48 + 8 * random_.below(random_.below(20) == 0 ? 4000 : 20);
    if (offset_ > 200000) {
      ++sequence_;
      offset_ = 4160;
    }
    const record_place place{sequence_, offset_, random_.next()};
    written_.push_back({naive_.last, place});
    naive_.entries[naive_.last] = {term(term_), place};
    index_.append(log_index(naive_.last), term(term_), core::entry_kind::command, place);
  }

  void truncate() {
    const auto from = naive_.base + 1 + random_.below(naive_.last - naive_.base);
    ++term_;
    naive_.last = from - 1;
    naive_.entries.erase(naive_.entries.lower_bound(from), naive_.entries.end());
    index_.truncate_from(log_index(from));
  }

  void compact() {
    naive_.base += 1 + random_.below(naive_.last - naive_.base);
    index_.set_base(log_index(naive_.base), naive_.entries.at(naive_.base).t);
    naive_.entries.erase(naive_.entries.begin(), naive_.entries.upper_bound(naive_.base));
  }

  /// Walks over the records in the order written, as a reader does, and gives where it finds each
  /// index of [first, last].
  std::map<std::uint64_t, std::uint64_t> walk(std::uint64_t first, std::uint64_t last) {
    std::map<std::uint64_t, std::uint64_t> found;
    for (const auto& s : index_.locate(log_index(first), log_index(last), ~std::uint64_t{0})) {
      auto next = s.from.value();
      auto at = std::ranges::find_if(written_, [&](const auto& w) {
        return w.second.sequence == s.place.sequence && w.second.offset == s.place.offset;
      });
      for (; at != written_.end() && next <= s.to.value(); ++at, ++next) {
        EXPECT_EQ(at->first, next);
        EXPECT_EQ(at->second.sequence, s.place.sequence);
        if (s.end_offset != 0) {
          EXPECT_LT(at->second.offset, s.end_offset);
        }
        found[next] = at->second.offset;
      }
    }
    return found;
  }

  random_generator random_{GetParam()};
  group_index index_;
  naive_index naive_;
  std::vector<std::pair<std::uint64_t, record_place>> written_;
  std::uint64_t sequence_ = 1;
  std::uint64_t offset_ = 4160;
  std::uint64_t term_ = 1;
};

TEST_P(GroupIndex, FindsWhatItsNaiveTwinFinds) {
  for (int step = 0; step < 3000; ++step) {
    const auto dice = random_.below(100);
    const bool empty = naive_.last == naive_.base;
    if (dice < 2 && !empty) {
      truncate();
    } else if (dice < 3 && !empty) {
      compact();
    } else {
      append();
    }
    ASSERT_EQ(index_.last_index(), log_index(naive_.last));
    ASSERT_EQ(index_.base_index(), log_index(naive_.base));
    if (step % 50 != 0 || naive_.entries.empty()) continue;
    const auto first = naive_.base + 1 + random_.below(naive_.last - naive_.base);
    const auto found = walk(first, naive_.last);
    for (auto i = first; i <= naive_.last; ++i) {
      ASSERT_EQ(index_.term_at(log_index(i)), naive_.entries.at(i).t);
      ASSERT_EQ(found.at(i), naive_.entries.at(i).place.offset);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, GroupIndex, testing::Range<std::uint64_t>(1, 21));

TEST(GroupIndexMemory, AMillionSmallEntriesTakeAtMostTwoMillionBytes) {
  group_index index;
  std::uint64_t offset = 4096;
  for (std::uint64_t i = 1; i <= 1'000'000; ++i, offset += 176) {
    const auto sequence = offset >> 26;
    index.append(log_index(i), term(1), core::entry_kind::command,
                 {sequence, offset & ((1U << 26) - 1), i});
  }

  EXPECT_LE(index.memory_bytes(), 2'000'000U);
}

TEST(GroupIndexRules, ObjectionsNameTheRule) {
  group_index index;
  index.append(log_index(1), term(2), core::entry_kind::command, {1, 4160, 0});
  index.append(log_index(2), term(3), core::entry_kind::command, {1, 4240, 0});

  EXPECT_FALSE(index.objection_to_entry(log_index(3), term(3)).has_value());
  EXPECT_TRUE(index.objection_to_entry(log_index(4), term(3)).has_value());
  EXPECT_TRUE(index.objection_to_entry(log_index(3), term(2)).has_value());
  EXPECT_TRUE(index.objection_to_truncation(log_index(3)).has_value());
  EXPECT_TRUE(index.objection_to_base(log_index(1), term(3)).has_value());
  EXPECT_FALSE(index.objection_to_base(log_index(1), term(2)).has_value());

  index.set_base(log_index(2), term(3));
  EXPECT_EQ(index.objection_to_base(log_index(1), term(3)), "the base goes back");
}

}  // namespace

}  // namespace mainstay::wal
