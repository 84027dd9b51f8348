/// What every `persistence_engine` promises of snapshots, as a typed suite on the worlds of
/// tests/conformance/persistence_engine.hpp. In namespace mainstay::conformance, write
/// INSTANTIATE_TYPED_TEST_SUITE_P(Name, SnapshotStorage, Worlds).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/persistence_engine.hpp"
#include "tests/conformance/snapshot_states.hpp"

namespace mainstay::conformance {

/// Writes a state in pieces of an odd size.
inline result<core::snapshot> save(auto& engine, const core::snapshot_contents& contents,
                                   std::span<const std::byte> state, group_id group = group_id(1)) {
  auto sink = engine.begin_snapshot(group, contents);
  if (!sink) return std::unexpected(sink.error());
  constexpr std::size_t piece = 100'003;
  for (std::size_t at = 0; at < state.size(); at += piece) {
    const auto part = state.subspan(at, std::min(piece, state.size() - at));
    if (auto ok = (*sink)->write(part); !ok) return std::unexpected(ok.error());
  }
  return (*sink)->commit();
}

/// All of the state in an image.
inline result<std::vector<std::byte>> load(auto& engine, const core::snapshot_id& id,
                                           group_id group = group_id(1)) {
  auto source = engine.open_snapshot(group, id);
  if (!source) return std::unexpected(source.error());
  std::vector<std::byte> state;
  std::vector<std::byte> room(70'001);
  while (true) {
    auto got = (*source)->read(room);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return state;
    state.insert(state.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

template <class World>
class SnapshotStorage : public PersistenceEngine<World> {
 protected:
  static constexpr std::uint64_t piece_size = 100'000;
  static constexpr std::size_t state_size = 700'000;  // several chunks

  SnapshotStorage() { other_ = other_world_.open(); }

  result<core::snapshot> save(std::uint64_t index, std::span<const std::byte> state) {
    return conformance::save(this->engine(), contents_at(index), state);
  }
  /// An image on another node, to be received here.
  core::snapshot save_elsewhere(std::uint64_t index, std::span<const std::byte> state) {
    auto made = conformance::save(*other_, contents_at(index), state);
    EXPECT_TRUE(made.has_value());
    return *made;
  }
  result<shared_bytes> read_of(World& world, auto& engine, const core::snapshot_id& id,
                               std::uint64_t offset, std::uint64_t max_bytes) {
    return await_in<shared_bytes>(world, [&](auto done) {
      engine.read_snapshot(group_id(1), id, offset, max_bytes, std::move(done));
    });
  }
  result<received_snapshot> receive(const core::snapshot_id& id, std::uint64_t offset,
                                    shared_bytes data) {
    return await_in<received_snapshot>(this->world_, [&](auto done) {
      this->engine().receive_snapshot(group_id(1), id, offset, std::move(data), std::move(done));
    });
  }
  result<core::snapshot> install(const core::snapshot_id& id) {
    return await_in<core::snapshot>(this->world_, [&](auto done) {
      this->engine().install_snapshot(group_id(1), id, std::move(done));
    });
  }
  /// Sends from `offset` on, piece by piece, up to `end`; gives what the receiver said last.
  result<received_snapshot> transfer(const core::snapshot_id& id, std::uint64_t offset,
                                     std::uint64_t end) {
    result<received_snapshot> answer = received_snapshot{offset, false};
    while (answer && answer->next_offset < end) {
      const auto size = std::min(piece_size, end - answer->next_offset);
      auto bytes = read_of(other_world_, *other_, id, answer->next_offset, size);
      if (!bytes) return std::unexpected(bytes.error());
      answer = receive(id, answer->next_offset, *bytes);
    }
    return answer;
  }

  template <class T, class Start>
  static result<T> await_in(World& world, Start start) {
    std::mutex mutex;
    std::optional<result<T>> outcome;
    start([&](result<T> r) {
      const std::lock_guard guard(mutex);
      outcome = std::move(r);
    });
    world.wait([&] {
      const std::lock_guard guard(mutex);
      return outcome.has_value();
    });
    return *outcome;
  }

  World other_world_;
  decltype(std::declval<World&>().open()) other_{};
};
TYPED_TEST_SUITE_P(SnapshotStorage);

TYPED_TEST_P(SnapshotStorage, NoImageIsToldOfAtFirst) {
  EXPECT_EQ(this->recover().snapshot, std::nullopt);
}

TYPED_TEST_P(SnapshotStorage, WhatWasCommittedIsThereAfterReopening) {
  const auto state = state_of(this->state_size);
  const auto made = this->save(7, state);
  ASSERT_TRUE(made.has_value()) << made.error().message;

  this->reopen();

  const auto found = this->recover().snapshot;
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, *made);
  EXPECT_EQ(found->id.last_included_index, log_index(7));
  EXPECT_EQ(found->time, log_time{7000});
  EXPECT_EQ(found->configuration, contents_at(7).configuration);
  EXPECT_EQ(load(this->engine(), found->id), state);
}

TYPED_TEST_P(SnapshotStorage, EmptyStateIsAState) {
  const auto made = this->save(7, {});
  ASSERT_TRUE(made.has_value());

  EXPECT_EQ(load(this->engine(), made->id), std::vector<std::byte>{});
}

TYPED_TEST_P(SnapshotStorage, TheSameStateHasTheSameImageEverywhere) {
  const auto here = this->save(7, state_of(this->state_size));
  const auto there = this->save_elsewhere(7, state_of(this->state_size));
  const auto another = this->save_elsewhere(8, state_of(this->state_size));

  ASSERT_TRUE(here.has_value());
  EXPECT_EQ(here->id, there.id);
  EXPECT_NE(here->id.digest, another.id.digest);
}

TYPED_TEST_P(SnapshotStorage, SinkWithoutCommitLeavesNothing) {
  {
    auto sink = this->engine().begin_snapshot(group_id(1), contents_at(7));
    ASSERT_TRUE(sink.has_value());
    ASSERT_TRUE((*sink)->write(state_of(this->state_size)).has_value());
  }

  EXPECT_EQ(this->recover().snapshot, std::nullopt);
  this->reopen();
  EXPECT_EQ(this->recover().snapshot, std::nullopt);
  EXPECT_TRUE(this->save(7, state_of(10)).has_value());
}

TYPED_TEST_P(SnapshotStorage, NewerImageTakesThePlaceOfAnOlderOne) {
  ASSERT_TRUE(this->save(7, state_of(this->state_size)).has_value());
  const auto newer = this->save(9, state_of(1000, 2));
  ASSERT_TRUE(newer.has_value());

  this->reopen();

  EXPECT_EQ(this->recover().snapshot, *newer);
}

// Hazard 85: a save that began earlier and ended later must not win.
TYPED_TEST_P(SnapshotStorage, OlderImageNeverTakesThePlaceOfANewerOne) {
  const auto newer = this->save(9, state_of(1000, 2));
  ASSERT_TRUE(newer.has_value());

  EXPECT_EQ(this->save(7, state_of(1000)).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->recover().snapshot, *newer);
}

TYPED_TEST_P(SnapshotStorage, GroupsHaveImagesOfTheirOwn) {
  const auto first = save(this->engine(), contents_at(7), state_of(10, 1), group_id(1));
  const auto second = save(this->engine(), contents_at(3), state_of(10, 2), group_id(2));

  this->reopen();

  EXPECT_EQ(this->recover(group_id(1)).snapshot, first.value());
  EXPECT_EQ(this->recover(group_id(2)).snapshot, second.value());
  EXPECT_EQ(load(this->engine(), second->id, group_id(2)), state_of(10, 2));
}

TYPED_TEST_P(SnapshotStorage, ImageIsReceivedInPiecesAndInstalled) {
  const auto state = state_of(this->state_size);
  const auto sent = this->save_elsewhere(7, state);

  const auto received = this->transfer(sent.id, 0, sent.id.size);
  ASSERT_TRUE(received.has_value()) << received.error().message;
  EXPECT_EQ(*received, (received_snapshot{sent.id.size, true}));
  EXPECT_EQ(this->recover().snapshot, std::nullopt);
  EXPECT_EQ(this->install(sent.id), sent);

  this->reopen();
  EXPECT_EQ(this->recover().snapshot, sent);
  EXPECT_EQ(load(this->engine(), sent.id), state);
}

TYPED_TEST_P(SnapshotStorage, InstalledImageIsKnownWhenItComesAgain) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  ASSERT_TRUE(this->transfer(sent.id, 0, sent.id.size).has_value());
  ASSERT_TRUE(this->install(sent.id).has_value());

  EXPECT_EQ(this->receive(sent.id, 0, shared_bytes::copy_of("again")),
            (received_snapshot{sent.id.size, true}));
  EXPECT_EQ(this->install(sent.id), sent);
}

TYPED_TEST_P(SnapshotStorage, BytesAtAnotherOffsetAreNotTaken) {
  const auto sent = this->save_elsewhere(7, state_of(this->state_size));
  const auto wanted = this->transfer(sent.id, 0, 3 * this->piece_size);
  ASSERT_EQ(wanted, (received_snapshot{3 * this->piece_size, false}));
  const auto bytes = shared_bytes::copy_of("from elsewhere");

  EXPECT_EQ(this->receive(sent.id, 0, bytes), wanted);
  EXPECT_EQ(this->receive(sent.id, 5 * this->piece_size, bytes), wanted);

  EXPECT_EQ(this->transfer(sent.id, wanted->next_offset, sent.id.size),
            (received_snapshot{sent.id.size, true}));
}

TYPED_TEST_P(SnapshotStorage, BytesBehindTheEndAreRefused) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  const auto all = this->read_of(this->other_world_, *this->other_, sent.id, 0, sent.id.size);
  ASSERT_TRUE(all.has_value());
  const auto more = shared_bytes::copy_of(std::string(all->text()) + "x");

  EXPECT_EQ(this->receive(sent.id, 0, more).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->receive(sent.id, 0, *all), (received_snapshot{sent.id.size, true}));
}

// Hazard 80: an interrupted transfer goes on where it was, at whichever leader.
TYPED_TEST_P(SnapshotStorage, TransferGoesOnAfterReopening) {
  const auto state = state_of(this->state_size);
  const auto sent = this->save_elsewhere(7, state);
  ASSERT_TRUE(this->transfer(sent.id, 0, 5 * this->piece_size).has_value());

  this->reopen();
  const auto wanted = this->receive(sent.id, 0, {});
  ASSERT_TRUE(wanted.has_value());
  EXPECT_GT(wanted->next_offset, 2 * this->piece_size);
  EXPECT_LE(wanted->next_offset, 5 * this->piece_size);
  const auto received = this->transfer(sent.id, wanted->next_offset, sent.id.size);

  EXPECT_EQ(received, (received_snapshot{sent.id.size, true}));
  EXPECT_EQ(this->install(sent.id), sent);
  EXPECT_EQ(load(this->engine(), sent.id), state);
}

TYPED_TEST_P(SnapshotStorage, WholeImageNeedsNoByteAgainAfterReopening) {
  const auto sent = this->save_elsewhere(7, state_of(this->state_size));
  ASSERT_TRUE(this->transfer(sent.id, 0, sent.id.size).has_value());

  this->reopen();

  EXPECT_EQ(this->receive(sent.id, 0, shared_bytes::copy_of("first bytes")),
            (received_snapshot{sent.id.size, true}));
  EXPECT_EQ(this->install(sent.id), sent);
}

TYPED_TEST_P(SnapshotStorage, AnotherImageTakesThePlaceOfAPartialOne) {
  const auto first = this->save_elsewhere(7, state_of(this->state_size));
  ASSERT_TRUE(this->transfer(first.id, 0, 3 * this->piece_size).has_value());
  const auto second = this->save_elsewhere(9, state_of(this->state_size, 2));

  EXPECT_EQ(this->receive(second.id, 3 * this->piece_size, {}), (received_snapshot{0, false}));
  EXPECT_EQ(this->transfer(second.id, 0, second.id.size),
            (received_snapshot{second.id.size, true}));
  EXPECT_EQ(this->install(second.id), second);
}

TYPED_TEST_P(SnapshotStorage, WhatIsNotTheAnnouncedImageIsRefusedAndStartsOver) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  auto announced = sent.id;
  announced.digest ^= 1;
  const auto all = this->read_of(this->other_world_, *this->other_, sent.id, 0, sent.id.size);
  ASSERT_TRUE(all.has_value());

  EXPECT_EQ(this->receive(announced, 0, *all).error().code, error_code::corrupt);
  EXPECT_EQ(this->install(announced).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->receive(announced, 10, {}), (received_snapshot{0, false}));
}

TYPED_TEST_P(SnapshotStorage, DamageOnTheWayIsRefusedAndStartsOver) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  const auto all = this->read_of(this->other_world_, *this->other_, sent.id, 0, sent.id.size);
  ASSERT_TRUE(all.has_value());
  std::string damaged(all->text());
  damaged[damaged.size() / 2] ^= 1;

  EXPECT_EQ(this->receive(sent.id, 0, shared_bytes::copy_of(damaged)).error().code,
            error_code::corrupt);
  EXPECT_EQ(this->receive(sent.id, 0, *all), (received_snapshot{sent.id.size, true}));
}

TYPED_TEST_P(SnapshotStorage, ImageThatIsNotWholeIsNotInstalled) {
  const auto sent = this->save_elsewhere(7, state_of(this->state_size));
  EXPECT_EQ(this->install(sent.id).error().code, error_code::invalid_argument);
  ASSERT_TRUE(this->transfer(sent.id, 0, 3 * this->piece_size).has_value());

  EXPECT_EQ(this->install(sent.id).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->recover().snapshot, std::nullopt);
}

TYPED_TEST_P(SnapshotStorage, ReceivedImageThatIsOlderThanASavedOneIsNotInstalled) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  ASSERT_TRUE(this->transfer(sent.id, 0, sent.id.size).has_value());
  const auto saved = this->save(9, state_of(1000, 2));

  EXPECT_EQ(this->install(sent.id).error().code, error_code::invalid_argument);
  EXPECT_EQ(this->recover().snapshot, saved.value());
}

TYPED_TEST_P(SnapshotStorage, ReplacedImageStaysReadableForWhoeverReadsIt) {
  const auto state = state_of(this->state_size);
  const auto sent = this->save_elsewhere(7, state);
  ASSERT_TRUE(this->transfer(sent.id, 0, 3 * this->piece_size).has_value());

  this->save_elsewhere(9, state_of(1000, 2));

  EXPECT_EQ(this->transfer(sent.id, 3 * this->piece_size, sent.id.size),
            (received_snapshot{sent.id.size, true}));
  EXPECT_EQ(this->install(sent.id), sent);
  EXPECT_EQ(load(this->engine(), sent.id), state);
}

TYPED_TEST_P(SnapshotStorage, ReadOfWhatIsNotThereIsRefused) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  auto unknown = sent.id;
  unknown.digest ^= 1;
  const auto read = [&](const core::snapshot_id& id, std::uint64_t offset) {
    return this->read_of(this->other_world_, *this->other_, id, offset, 100);
  };

  EXPECT_EQ(read(unknown, 0).error().code, error_code::invalid_argument);
  EXPECT_EQ(read(sent.id, sent.id.size).error().code, error_code::invalid_argument);
  EXPECT_EQ(read(sent.id, sent.id.size - 1).value().size(), 1U);
  EXPECT_EQ(load(*this->other_, unknown).error().code, error_code::invalid_argument);
}

TYPED_TEST_P(SnapshotStorage, CallsAfterStopAreRefused) {
  const auto sent = this->save_elsewhere(7, state_of(1000));
  this->engine().stop();

  EXPECT_EQ(this->receive(sent.id, 0, {}).error().code, error_code::shutting_down);
  EXPECT_EQ(this->install(sent.id).error().code, error_code::shutting_down);
  EXPECT_EQ(this->read_of(this->world_, this->engine(), sent.id, 0, 1).error().code,
            error_code::shutting_down);
}

// ---- The log behind a snapshot ----------------------------------------------------------------

TYPED_TEST_P(SnapshotStorage, ResetForgetsTheLogAndGoesOnBehindIt) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 9, 1))).has_value());

  ASSERT_TRUE(this->append(reset_batch(20, 3)).has_value());
  EXPECT_EQ(this->read(5, 9).error().code, error_code::invalid_argument);
  ASSERT_TRUE(this->append(batch_of(entries_of(21, 22, 3))).has_value());
  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.base_index, log_index(20));
  EXPECT_EQ(found.base_term, term(3));
  EXPECT_EQ(found.last_index, log_index(22));
  EXPECT_EQ(found.term_runs, (std::vector<core::term_run>{{log_index(21), term(3)}}));
  EXPECT_EQ(found.tail, entries_of(21, 22, 3));
}

TYPED_TEST_P(SnapshotStorage, ResetComesBeforeTheEntriesOfItsBatchAndWithTheHardState) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 9, 1))).has_value());
  auto batch = reset_batch(20, 3, entries_of(21, 25, 4));
  batch.has_hard_state = true;
  batch.state = {term(4), node_id(2)};

  ASSERT_TRUE(this->append(std::move(batch)).has_value());
  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.hard_state, (core::hard_state{term(4), node_id(2)}));
  EXPECT_EQ(found.base_index, log_index(20));
  EXPECT_EQ(found.tail, entries_of(21, 25, 4));
}

// A log of stale entries that reaches beyond the snapshot goes as a whole.
TYPED_TEST_P(SnapshotStorage, ResetMayLieBelowTheLastEntry) {
  auto entries = entries_of(1, 30, 1);
  entries[24].kind = core::entry_kind::configuration;
  ASSERT_TRUE(this->append(batch_of(std::move(entries))).has_value());

  ASSERT_TRUE(this->append(reset_batch(20, 3, entries_of(21, 21, 3))).has_value());
  this->reopen();
  const auto found = this->recover();

  EXPECT_EQ(found.last_index, log_index(21));
  EXPECT_EQ(found.tail, entries_of(21, 21, 3));
  EXPECT_TRUE(found.configurations.empty());
}

TYPED_TEST_P(SnapshotStorage, EmptyLogIsResetAsWell) {
  ASSERT_TRUE(this->append(reset_batch(20, 3)).has_value());
  this->reopen();

  EXPECT_EQ(this->recover().base_index, log_index(20));
  EXPECT_EQ(this->recover().last_index, log_index(20));
}

TYPED_TEST_P(SnapshotStorage, ResetThatBreaksARuleIsRefusedAndChangesNothing) {
  ASSERT_TRUE(this->append(batch_of(entries_of(1, 9, 2))).has_value());
  ASSERT_TRUE(this->compact(5).has_value());
  std::vector<core::persist_batch> wrong;
  wrong.push_back(reset_batch(4, 2));
  wrong.push_back(reset_batch(20, 1));
  wrong.push_back(reset_batch(20, 0));
  wrong.push_back(reset_batch(5, 3));
  wrong.push_back(reset_batch(20, 2));
  wrong.back().truncate_from = log_index(8);
  wrong.push_back(reset_batch(20, 2, entries_of(22, 23, 2)));
  wrong.push_back(reset_batch(20, 3, entries_of(21, 23, 2)));

  for (auto& batch : wrong) {
    EXPECT_EQ(this->append(std::move(batch)).error().code, error_code::invalid_argument);
  }

  EXPECT_EQ(this->recover().tail, entries_of(6, 9, 2));
  EXPECT_TRUE(this->append(batch_of(entries_of(10, 10, 2))).has_value());
}

REGISTER_TYPED_TEST_SUITE_P(
    SnapshotStorage, NoImageIsToldOfAtFirst, WhatWasCommittedIsThereAfterReopening,
    EmptyStateIsAState, TheSameStateHasTheSameImageEverywhere, SinkWithoutCommitLeavesNothing,
    NewerImageTakesThePlaceOfAnOlderOne, OlderImageNeverTakesThePlaceOfANewerOne,
    GroupsHaveImagesOfTheirOwn, ImageIsReceivedInPiecesAndInstalled,
    InstalledImageIsKnownWhenItComesAgain, BytesAtAnotherOffsetAreNotTaken,
    BytesBehindTheEndAreRefused, TransferGoesOnAfterReopening,
    WholeImageNeedsNoByteAgainAfterReopening, AnotherImageTakesThePlaceOfAPartialOne,
    WhatIsNotTheAnnouncedImageIsRefusedAndStartsOver, DamageOnTheWayIsRefusedAndStartsOver,
    ImageThatIsNotWholeIsNotInstalled, ReceivedImageThatIsOlderThanASavedOneIsNotInstalled,
    ReplacedImageStaysReadableForWhoeverReadsIt, ReadOfWhatIsNotThereIsRefused,
    CallsAfterStopAreRefused, ResetForgetsTheLogAndGoesOnBehindIt,
    ResetComesBeforeTheEntriesOfItsBatchAndWithTheHardState, ResetMayLieBelowTheLastEntry,
    EmptyLogIsResetAsWell, ResetThatBreaksARuleIsRefusedAndChangesNothing);

}  // namespace mainstay::conformance
