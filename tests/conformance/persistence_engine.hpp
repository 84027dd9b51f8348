/// What every `persistence_engine` promises (mainstay/seams/persistence_engine.hpp), as a typed
/// suite. A world gives `open()` (a new engine on the same disk, as a pointer; the one before is
/// gone by then), and `wait(predicate)` (lets the engine work until it holds). In namespace
/// mainstay::conformance, write INSTANTIATE_TYPED_TEST_SUITE_P(Name, PersistenceEngine, Worlds).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/seams/persistence_engine.hpp"

#include "tests/conformance/log_batches.hpp"

namespace mainstay::conformance {

template <class World>
class PersistenceEngine : public testing::Test {
 protected:
  PersistenceEngine() { reopen(); }

  void reopen() {
    engine_ = {};
    engine_ = world_.open();
  }
  auto& engine() { return *engine_; }

  /// Appends and waits.
  result<void> append(core::persist_batch batch, group_id group = group_id(1)) {
    return await<void>(
        [&](auto done) { engine().append(group, std::move(batch), std::move(done)); });
  }
  result<void> compact(std::uint64_t index, group_id group = group_id(1)) {
    return await<void>(
        [&](auto done) { engine().compact(group, log_index(index), std::move(done)); });
  }
  result<std::vector<core::entry>> read(std::uint64_t first, std::uint64_t last,
                                        std::uint64_t max_bytes = unlimited,
                                        group_id group = group_id(1)) {
    return await<std::vector<core::entry>>([&](auto done) {
      engine().read(group, log_index(first), log_index(last), max_bytes, std::move(done));
    });
  }
  recovered_state recover(group_id group = group_id(1), std::uint64_t max_bytes = unlimited) {
    auto state = engine().recover(group, max_bytes);
    EXPECT_TRUE(state.has_value());
    return state ? *state : recovered_state{};
  }

  /// Starts something and waits for its completion.
  template <class T, class Start>
  result<T> await(Start start) {
    std::mutex mutex;
    std::optional<result<T>> outcome;
    start([&](result<T> r) {
      const std::lock_guard guard(mutex);
      outcome = std::move(r);
    });
    world_.wait([&] {
      const std::lock_guard guard(mutex);
      return outcome.has_value();
    });
    return *outcome;
  }

  World world_;
  decltype(std::declval<World&>().open()) engine_{};
};
TYPED_TEST_SUITE_P(PersistenceEngine);

TYPED_TEST_P(PersistenceEngine, UnknownGroupIsEmpty) {
  const auto state = this->recover(group_id(77));

  EXPECT_EQ(state.hard_state, core::hard_state{});
  EXPECT_EQ(state.last_index, log_index{});
  EXPECT_TRUE(state.term_runs.empty());
  EXPECT_TRUE(state.tail.empty());
}

TYPED_TEST_P(PersistenceEngine, WhatWasCompletedIsThereAfterReopening) {
  const core::hard_state state{term(3), node_id(2)};
  const auto entries =
      this->append(batch_of(state)) ? entries_of(1, 5, 3) : std::vector<core::entry>{};
  ASSERT_TRUE(this->append(batch_of(entries)).has_value());

  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.hard_state, state);
  EXPECT_EQ(found.last_index, log_index(5));
  EXPECT_EQ(found.tail, entries);
  EXPECT_EQ(found.term_runs, (std::vector<core::term_run>{{log_index(1), term(3)}}));
}

TYPED_TEST_P(PersistenceEngine, HardStateAndTruncationComeBeforeTheEntriesOfABatch) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 9, 1))).has_value());
  auto batch = batch_of(entries_of(4, 6, 2), log_index(4));
  batch.has_hard_state = true;
  batch.state = {term(2), node_id(3)};

  ASSERT_TRUE(this->append(std::move(batch)).has_value());
  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.hard_state, (core::hard_state{term(2), node_id(3)}));
  EXPECT_EQ(found.last_index, log_index(6));
  EXPECT_EQ(found.term_runs,
            (std::vector<core::term_run>{{log_index(1), term(1)}, {log_index(4), term(2)}}));
  auto expected = entries_of(1, 3, 1);
  for (auto& e : entries_of(4, 6, 2)) expected.push_back(e);
  EXPECT_EQ(found.tail, expected);
}

TYPED_TEST_P(PersistenceEngine, CompletionsComeInTheOrderOfAppends) {
  std::mutex mutex;
  std::vector<std::uint64_t> seen;
  constexpr std::uint64_t count = 300;

  for (std::uint64_t i = 1; i <= count; ++i) {
    this->engine().append(group_id(1), batch_of(entries_of(i, i, 1)), [&, i](result<void> ok) {
      const std::lock_guard guard(mutex);
      if (ok) seen.push_back(i);
    });
  }
  this->world_.wait([&] {
    const std::lock_guard guard(mutex);
    return seen.size() == count;
  });

  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= count; ++i) expected.push_back(i);
  EXPECT_EQ(seen, expected);
}

TYPED_TEST_P(PersistenceEngine, GroupsDoNotSeeEachOther) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 3, 1)), group_id(1)).has_value());
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 5, 4)), group_id(2)).has_value());
  ASSERT_TRUE(this->append(batch_of(entries_of(4, 4, 2)), group_id(1)).has_value());

  this->reopen();

  EXPECT_EQ(this->recover(group_id(1)).last_index, log_index(4));
  EXPECT_EQ(this->recover(group_id(2)).tail, entries_of(1, 5, 4));
  EXPECT_EQ(this->read(2, 4, unlimited, group_id(1)).value().size(), 3U);
}

TYPED_TEST_P(PersistenceEngine, ReadGivesAsManyAsFit) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 20, 1, 100))).has_value());

  const auto three = this->read(5, 20, 3 * (100 + 64) + 10);

  EXPECT_EQ(three, entries_of(5, 7, 1, 100));
}

TYPED_TEST_P(PersistenceEngine, ReadGivesOneEntryHoweverLarge) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 3, 1, 3000))).has_value());

  EXPECT_EQ(this->read(2, 3, 1), entries_of(2, 2, 1, 3000));
}

TYPED_TEST_P(PersistenceEngine, ReadStopsAtTheLastEntry) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 3, 1))).has_value());

  EXPECT_EQ(this->read(2, 1000), entries_of(2, 3, 1));
}

TYPED_TEST_P(PersistenceEngine, ReadOutsideTheLogIsRefused) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 9, 1))).has_value());
  ASSERT_TRUE(this->compact(4).has_value());

  EXPECT_EQ(this->read(4, 9).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->read(10, 12).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->read(5, 9), entries_of(5, 9, 1));
}

TYPED_TEST_P(PersistenceEngine, ReadAfterTruncationGivesTheNewEntries) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 100, 1))).has_value());
  ASSERT_TRUE(this->append(batch_of(entries_of(40, 60, 2), log_index(40))).has_value());
  ASSERT_TRUE(this->append(batch_of(entries_of(50, 70, 3), log_index(50))).has_value());
  auto expected = entries_of(1, 39, 1);
  for (auto& e : entries_of(40, 49, 2)) expected.push_back(e);
  for (auto& e : entries_of(50, 70, 3)) expected.push_back(e);

  EXPECT_EQ(this->read(1, 100), expected);
  this->reopen();
  this->recover();
  EXPECT_EQ(this->read(1, 100), expected);
}

TYPED_TEST_P(PersistenceEngine, CompactionKeepsTheBaseAndWhatIsAboveIt) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 5, 1))).has_value());
  ASSERT_TRUE(this->append(batch_of(entries_of(6, 9, 2))).has_value());

  ASSERT_TRUE(this->compact(7).has_value());
  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.base_index, log_index(7));
  EXPECT_EQ(found.base_term, term(2));
  EXPECT_EQ(found.last_index, log_index(9));
  EXPECT_EQ(found.term_runs, (std::vector<core::term_run>{{log_index(8), term(2)}}));
  EXPECT_EQ(found.tail, entries_of(8, 9, 2));
}

TYPED_TEST_P(PersistenceEngine, CompactionOfEverythingLeavesALogThatGoesOn) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 5, 1))).has_value());
  ASSERT_TRUE(this->compact(5).has_value());

  ASSERT_TRUE(this->append(batch_of(entries_of(6, 7, 1))).has_value());
  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.base_index, log_index(5));
  EXPECT_EQ(found.tail, entries_of(6, 7, 1));
}

TYPED_TEST_P(PersistenceEngine, CompactionNeverGoesBackNorBeyondTheLog) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 5, 1))).has_value());
  ASSERT_TRUE(this->compact(4).has_value());

  EXPECT_TRUE(this->compact(2).has_value());
  EXPECT_EQ(this->recover().base_index, log_index(4));
  EXPECT_EQ(this->compact(6).error().code, error_code::invalid_argument);
}

TYPED_TEST_P(PersistenceEngine, ConfigurationsAboveTheBaseAreTold) {
  auto entries = entries_of(1, 9, 1);
  for (const auto i : {1, 4, 8})
    entries[static_cast<std::size_t>(i)].kind = core::entry_kind::configuration;
  ASSERT_TRUE(this->append(batch_of(entries)).has_value());
  ASSERT_TRUE(this->append(batch_of(entries_of(9, 9, 2), log_index(9))).has_value());
  ASSERT_TRUE(this->compact(3).has_value());

  this->reopen();

  EXPECT_EQ(this->recover(group_id(1), 0).configurations, (std::vector<core::entry>{entries[4]}));
}

// Hazard H2: without its newest entry a log would not know the time below which none may go.
TYPED_TEST_P(PersistenceEngine, TailIsTheNewestThatFitsAndTheNewestOfAllInAnyCase) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 200, 1, 100))).has_value());

  this->reopen();

  EXPECT_EQ(this->recover(group_id(1), 164 * 50 + 20).tail, entries_of(151, 200, 1, 100));
  this->reopen();
  EXPECT_EQ(this->recover(group_id(1), 0).tail, entries_of(200, 200, 1, 100));
}

// Hazard 86: entries that do not follow each other must not become neighbours.
TYPED_TEST_P(PersistenceEngine, BatchThatDoesNotFollowTheLogIsRefusedAndChangesNothing) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 3, 2))).has_value());
  auto gap_inside = entries_of(4, 6, 2);
  gap_inside.erase(gap_inside.begin() + 1);
  std::vector<core::persist_batch> wrong;
  wrong.push_back(batch_of(entries_of(5, 6, 2)));
  wrong.push_back(batch_of(entries_of(3, 6, 2)));
  wrong.push_back(batch_of(entries_of(4, 6, 1)));
  wrong.push_back(batch_of(std::move(gap_inside)));

  for (auto& batch : wrong) {
    EXPECT_EQ(this->append(std::move(batch)).error().code, error_code::invalid_argument);
  }

  EXPECT_EQ(this->recover().tail, entries_of(1, 3, 2));
  EXPECT_TRUE(this->append(batch_of(entries_of(4, 4, 2))).has_value());
}

TYPED_TEST_P(PersistenceEngine, StopCompletesWhatIsUnderWay) {
  std::mutex mutex;
  int durable = 0;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    this->engine().append(group_id(1), batch_of(entries_of(i, i, 1)), [&](result<void> ok) {
      const std::lock_guard guard(mutex);
      durable += ok ? 1 : 0;
    });
  }

  this->engine().stop();
  this->engine().stop();

  EXPECT_EQ(durable, 50);
  EXPECT_EQ(this->append(batch_of(entries_of(51, 51, 1))).error().code, error_code::shutting_down);
  this->reopen();
  EXPECT_EQ(this->recover().last_index, log_index(50));
}

REGISTER_TYPED_TEST_SUITE_P(
    PersistenceEngine, UnknownGroupIsEmpty, WhatWasCompletedIsThereAfterReopening,
    HardStateAndTruncationComeBeforeTheEntriesOfABatch, CompletionsComeInTheOrderOfAppends,
    GroupsDoNotSeeEachOther, ReadGivesAsManyAsFit, ReadGivesOneEntryHoweverLarge,
    ReadStopsAtTheLastEntry, ReadOutsideTheLogIsRefused, ReadAfterTruncationGivesTheNewEntries,
    CompactionKeepsTheBaseAndWhatIsAboveIt, CompactionOfEverythingLeavesALogThatGoesOn,
    CompactionNeverGoesBackNorBeyondTheLog, ConfigurationsAboveTheBaseAreTold,
    TailIsTheNewestThatFitsAndTheNewestOfAllInAnyCase,
    BatchThatDoesNotFollowTheLogIsRefusedAndChangesNothing, StopCompletesWhatIsUnderWay);

}  // namespace mainstay::conformance
