/// The log's window and term runs against a twin that is a plain vector of entries.
#include "mainstay/core/log.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/core/cluster.hpp"

namespace mainstay::core_test {
namespace {

/// The whole log as a vector, and the window as an index into it.
struct naive_log {
  core::term_run base;
  std::vector<core::entry> entries;  // all, window or not
  log_index window_first;

  explicit naive_log(core::term_run b) : base(b), window_first(b.first.next()) {}

  log_index last_index() const { return base.first + entries.size(); }
  const core::entry& at(log_index i) const { return entries[i - base.first - 1]; }
  term term_at(log_index i) const { return i == base.first ? base.term : at(i).term; }
  std::uint64_t window_bytes() const {
    std::uint64_t bytes = 0;
    for (log_index i = window_first; i <= last_index(); i = i.next()) bytes += core::size_of(at(i));
    return bytes;
  }
  log_index first_index_of_term_at(log_index i) const {
    while (i > base.first.next() && at(i.previous()).term == at(i).term) i = i.previous();
    return i;
  }
  log_index last_index_with_term_at_most(term bound, log_index limit) const {
    log_index i = std::min(limit, last_index());
    while (i > base.first && at(i).term > bound) i = i.previous();
    return i;
  }
};

/// A log and its twin, changed together.
struct pair_of_logs {
  core::log log;
  naive_log naive;

  explicit pair_of_logs(core::term_run base) : log(base, base.first, {}, {}), naive(base) {}

  void append() {
    const term last = naive.term_at(naive.last_index());
    const term t(std::max<std::uint64_t>(last.value(), 1) + *rc::gen::inRange(0, 2));
    const std::string payload(*rc::gen::inRange<std::size_t>(0, 300), 'p');
    const core::entry e = command(naive.last_index().value() + 1, t.value(), payload);
    log.append(e);
    naive.entries.push_back(e);
  }
  void truncate() {
    if (naive.entries.empty()) return;
    const auto from =
        naive.base.first + 1 + *rc::gen::inRange<std::size_t>(0, naive.entries.size());
    log.truncate_from(from);
    naive.entries.resize(from - naive.base.first - 1);
    naive.window_first = std::min(naive.window_first, from);
  }
  void trim() {
    const auto most = *rc::gen::inRange<std::uint64_t>(0, 2000);
    const log_index last = naive.base.first + *rc::gen::inRange<std::size_t>(0, 60);
    log.trim_window(most, last);
    while (naive.window_bytes() > most &&
           naive.window_first <= std::min(last, naive.last_index())) {
      naive.window_first = naive.window_first.next();
    }
  }
};

void check_equal(const core::log& log, const naive_log& naive) {
  RC_ASSERT(log.base_index() == naive.base.first);
  RC_ASSERT(log.last_index() == naive.last_index());
  RC_ASSERT(log.last_term() == naive.term_at(naive.last_index()));
  RC_ASSERT(log.window_first() == naive.window_first);
  RC_ASSERT(log.window_bytes() == naive.window_bytes());
  RC_ASSERT(!log.matches(naive.last_index().next(), term(1)));
  for (log_index i = naive.base.first; i <= naive.last_index(); i = i.next()) {
    RC_ASSERT(log.term_at(i) == naive.term_at(i));
    RC_ASSERT(log.matches(i, naive.term_at(i)));
    RC_ASSERT(!log.matches(i, naive.term_at(i).next()));
    if (i > naive.base.first) {
      RC_ASSERT(log.first_index_of_term_at(i) == naive.first_index_of_term_at(i));
    }
    if (i >= naive.window_first) RC_ASSERT(log.at(i) == naive.at(i));
  }
}

RC_GTEST_PROP(Log, BehavesAsAVectorOfEntries, ()) {
  const auto base = *rc::gen::inRange<std::uint64_t>(0, 3);
  pair_of_logs both({log_index(base * 10), term(base)});

  for (auto steps = *rc::gen::inRange(1, 80); steps > 0; --steps) {
    const auto action = *rc::gen::inRange(0, 10);
    if (action < 7) both.append();
    if (action == 7) both.truncate();
    if (action > 7) both.trim();
    check_equal(both.log, both.naive);
  }
}

RC_GTEST_PROP(Log, FindsTheLastIndexOfEarlierTerms, ()) {
  pair_of_logs both({log_index(4), term(1)});
  for (auto steps = *rc::gen::inRange(0, 40); steps > 0; --steps) both.append();

  const term bound(*rc::gen::inRange<std::uint64_t>(0, 30));
  const log_index limit(*rc::gen::inRange<std::uint64_t>(4, 50));

  RC_ASSERT(both.log.last_index_with_term_at_most(bound, limit) ==
            both.naive.last_index_with_term_at_most(bound, limit));
}

RC_GTEST_PROP(Log, CopiesWhatFitsButAtLeastOne, ()) {
  pair_of_logs both({});
  for (auto steps = *rc::gen::inRange(1, 40); steps > 0; --steps) both.append();
  both.trim();
  if (both.naive.window_first > both.naive.last_index()) both.append();
  const log_index last = both.naive.last_index();
  const log_index first = both.naive.window_first +
                          *rc::gen::inRange<std::uint64_t>(0, last - both.naive.window_first + 1);
  const auto most = *rc::gen::inRange<std::uint64_t>(0, 3000);

  const auto copied = both.log.copy(first, last, most);

  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < copied.size(); ++i) {
    RC_ASSERT(copied[i] == both.naive.at(first + i));
    bytes += core::size_of(copied[i]);
  }
  RC_ASSERT(!copied.empty());
  RC_ASSERT(copied.size() == 1 || bytes <= most);
  const log_index next = first + copied.size();
  if (next > last) return;  // RC_ASSERT evaluates both sides of ||
  RC_ASSERT(bytes + core::size_of(both.naive.at(next)) > most);
}

TEST(Log, StartsFromWhatStorageRecovered) {
  const std::vector<core::entry> tail{command(3, 2, "c"), command(4, 5, "d")};

  const core::log recovered(
      {}, log_index(4), {{log_index(1), term(1)}, {log_index(3), term(2)}, {log_index(4), term(5)}},
      tail);

  EXPECT_EQ(recovered.last_index(), log_index(4));
  EXPECT_EQ(recovered.last_term(), term(5));
  EXPECT_EQ(recovered.window_first(), log_index(3));
  EXPECT_EQ(recovered.term_at(log_index(2)), term(1));
  EXPECT_EQ(recovered.at(log_index(3)).payload.text(), "c");
  EXPECT_EQ(recovered.window_bytes(), core::size_of(tail[0]) + core::size_of(tail[1]));
}

TEST(Log, WithoutATailHasNothingInMemory) {
  core::log recovered({}, log_index(2), {{log_index(1), term(1)}}, {});
  EXPECT_EQ(recovered.window_first(), log_index(3));
  EXPECT_EQ(recovered.window_bytes(), 0U);

  recovered.append(command(3, 1, "new"));

  EXPECT_EQ(recovered.window_first(), log_index(3));
  EXPECT_EQ(recovered.at(log_index(3)).payload.text(), "new");
}

TEST(Log, RemembersTheNewestTimeThatItHasSeen) {
  core::log log;
  core::entry e = command(1, 1);
  e.time = {50};
  log.append(e);
  e = command(2, 1);
  e.time = {20};
  log.append(e);

  EXPECT_EQ(log.last_time(), log_time{50});
}

}  // namespace
}  // namespace mainstay::core_test
