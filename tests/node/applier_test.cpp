/// R19: entries are applied in log order, exactly once, and after a failure no more.
#include "mainstay/node/applier.hpp"

#include <cstring>
#include <stdexcept>

#include <gtest/gtest.h>

namespace mainstay::detail {
namespace {

/// Remembers what it was given; "fail" and "throw" do so.
struct one_by_one_machine {
  std::vector<std::string> items;

  result<shared_bytes> apply(const applied_command& command) {
    if (command.payload.text() == "fail") return fail(error_code::invalid_argument, "told to");
    if (command.payload.text() == "throw") throw std::runtime_error("boom");
    if (command.payload.text() == "throw a number") throw 7;
    items.emplace_back(command.payload.text());
    return shared_bytes::copy_of(std::to_string(command.index.value()));
  }
  result<shared_bytes> query(const shared_bytes& request) {
    if (request.text() == "throw") throw std::runtime_error("boom");
    return shared_bytes::copy_of(std::to_string(items.size()));
  }
  result<void> save(const snapshot_writer&) { return {}; }
  result<void> restore(const snapshot_reader&) { return {}; }
};

/// The same, many at once.
struct batch_machine : one_by_one_machine {
  using one_by_one_machine::apply;
  std::vector<std::size_t> batches;

  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers) {
    batches.push_back(commands.size());
    for (std::size_t i = 0; i < commands.size(); ++i) {
      auto one = apply(commands[i]);
      if (!one) return std::unexpected(one.error());
      answers[i] = *std::move(one);
    }
    return {};
  }
};

/// Remembers the times that came without a command, and waits for what it is told.
struct timed_machine : batch_machine {
  std::vector<std::int64_t> times;
  std::optional<log_time> expiry;
  bool throws = false;

  void advance_time(log_time time) {
    if (throws) throw std::runtime_error("boom");
    times.push_back(time.microseconds);
  }
  std::optional<log_time> next_expiry() const { return expiry; }
};

core::entry command(std::uint64_t index, std::string_view text, std::uint64_t t = 1) {
  return {log_index(index), term(t), core::entry_kind::command, {}, shared_bytes::copy_of(text)};
}
core::entry no_op(std::uint64_t index, std::uint64_t t = 1) {
  return {log_index(index), term(t), core::entry_kind::no_op, {}, {}};
}

std::vector<std::string> texts(const std::vector<shared_bytes>& all) {
  std::vector<std::string> words;
  for (const auto& one : all) words.emplace_back(one.text());
  return words;
}

using words = std::vector<std::string>;

template <class Machine>
struct Applying : ::testing::Test {
  applier<Machine> sut{Machine{}};
};
using machines = ::testing::Types<one_by_one_machine, batch_machine>;
TYPED_TEST_SUITE(Applying, machines);

TYPED_TEST(Applying, GivesEachCommandItsAnswerAndOthersNone) {
  const auto done =
      this->sut.apply({no_op(1), command(2, "a"), command(3, "b"), no_op(4), command(5, "c")});

  EXPECT_TRUE(done.outcome);
  EXPECT_EQ(done.last, log_index(5));
  EXPECT_EQ(texts(done.answers), (words{"", "2", "3", "", "5"}));
  EXPECT_EQ(this->sut.machine().items, (words{"a", "b", "c"}));
}

TYPED_TEST(Applying, TellsTheRunsOfTerms) {
  const auto done = this->sut.apply({no_op(1, 2), command(2, "a", 2), no_op(3, 4)});

  EXPECT_EQ(done.terms,
            (std::vector<core::term_run>{{log_index(1), term(2)}, {log_index(3), term(4)}}));
}

TYPED_TEST(Applying, FailureInTheMiddleEndsBeforeIt) {
  const auto done = this->sut.apply({command(1, "a"), no_op(2), command(3, "fail"), no_op(4)});

  EXPECT_FALSE(done.outcome);
  EXPECT_EQ(done.last, log_index(2));
  EXPECT_EQ(texts(done.answers), (words{"1", ""}));
}

TYPED_TEST(Applying, FailureAtTheStartGivesNoAnswers) {
  const auto done = this->sut.apply({command(1, "fail"), command(2, "a")});

  EXPECT_EQ(done.last, log_index(0));
  EXPECT_TRUE(done.answers.empty());
}

// What was handed out before the failure was known would leave a gap in what the machine saw.
TYPED_TEST(Applying, AppliesNothingAfterAFailure) {
  static_cast<void>(this->sut.apply({command(1, "a"), command(2, "fail")}));

  const auto done = this->sut.apply({command(3, "b")});

  EXPECT_FALSE(done.outcome);
  EXPECT_EQ(done.last, log_index(2));
  EXPECT_EQ(this->sut.machine().items, words{"a"});
}

TYPED_TEST(Applying, QueriesAreRefusedAfterAFailure) {
  static_cast<void>(this->sut.apply({command(1, "fail")}));

  const auto read = this->sut.query({});

  ASSERT_FALSE(read);
  EXPECT_EQ(outcome_of(read.error().code), outcome_of(error_code::invalid_argument));
}

TYPED_TEST(Applying, WhatIsThrownIsAFailure) {
  const auto done = this->sut.apply({command(1, "a"), no_op(2), command(3, "throw")});

  ASSERT_FALSE(done.outcome);
  EXPECT_EQ(done.outcome.error().code, error_code::apply_failed);
  EXPECT_NE(done.outcome.error().message.find("boom"), std::string::npos);
  EXPECT_EQ(done.last, log_index(2));
}

TYPED_TEST(Applying, EvenWhatIsNoExceptionIsContained) {
  EXPECT_FALSE(this->sut.apply({command(1, "throw a number")}).outcome);
}

TYPED_TEST(Applying, QueryThatThrowsFailsAlone) {
  const auto read = this->sut.query(shared_bytes::copy_of("throw"));

  EXPECT_FALSE(read);
  EXPECT_TRUE(this->sut.apply({command(1, "a")}).outcome);
  EXPECT_EQ(this->sut.query({})->text(), "1");
}

TEST(OneByOneApplying, CommandsBeforeTheFailureCount) {
  applier<one_by_one_machine> sut{one_by_one_machine{}};

  const auto done = sut.apply({command(1, "a"), command(2, "b"), command(3, "throw")});

  EXPECT_EQ(done.last, log_index(2));
  EXPECT_EQ(texts(done.answers), (words{"1", "2"}));
}

// R19: batch apply. The commands between two entries of other kinds come at once.
TEST(BatchApply, CommandsInARowComeTogether) {
  applier<batch_machine> sut{batch_machine{}};

  static_cast<void>(sut.apply({command(1, "a"), command(2, "b"), no_op(3), command(4, "c")}));

  EXPECT_EQ(sut.machine().batches, (std::vector<std::size_t>{2, 1}));
}

/// Saves its items, joined; restores them.
struct saving_machine : one_by_one_machine {
  result<void> save(const snapshot_writer& writer) {
    for (const auto& item : items) {
      if (auto ok = writer(std::as_bytes(std::span(item))); !ok) return ok;
    }
    return {};
  }
  result<void> restore(const snapshot_reader& reader) {
    std::string all;
    std::byte some[3];
    while (true) {
      auto read = reader(some);
      if (!read) return std::unexpected(read.error());
      if (*read == 0) break;
      all.append(reinterpret_cast<const char*>(some), *read);
    }
    items = {all};
    return {};
  }
};

/// The same, with a view of its own, which is used up when it is saved.
struct freezing_machine : saving_machine {
  struct view {
    std::string text;
    result<void> save(const snapshot_writer& writer) {
      const std::string all = std::exchange(text, {});
      return writer(std::as_bytes(std::span(all)));
    }
  };
  view freeze() {
    view now{"frozen:"};
    for (const auto& item : items) now.text += item;
    return now;
  }
};

/// What stands in front of the machine's bytes.
std::string no_sessions() {
  const auto bytes = session_table().save();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string saved_text(frozen_state& state) {
  std::string text;
  const auto outcome = state.save([&](std::span<const std::byte> bytes) -> result<void> {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  });
  EXPECT_TRUE(outcome);
  EXPECT_EQ(text.substr(0, no_sessions().size()), no_sessions());
  return text.substr(no_sessions().size());
}

/// Reads no sessions, then a machine's text.
snapshot_reader reader_of(std::string_view machine) {
  return [whole = no_sessions() + std::string(machine),
          at = std::size_t{0}](std::span<std::byte> room) mutable -> result<std::size_t> {
    const auto part = std::string_view(whole).substr(at, room.size());
    at += part.size();
    std::memcpy(room.data(), part.data(), part.size());
    return part.size();
  };
}

TEST(Freeze, HoldsTheStateOfItsMomentWhileApplyingGoesOn) {
  applier<saving_machine> a(saving_machine{});
  (void)a.apply({command(1, "one"), command(2, "two")});

  auto frozen = a.freeze();
  (void)a.apply({command(3, "three")});

  ASSERT_TRUE(frozen);
  EXPECT_EQ(frozen->index, log_index(2));
  EXPECT_EQ(saved_text(*frozen), "onetwo");
}

TEST(Freeze, TakesTheMachinesOwnViewWhereItHasOne) {
  applier<freezing_machine> a(freezing_machine{});
  (void)a.apply({command(1, "one")});

  auto frozen = a.freeze();
  (void)a.apply({command(2, "two")});

  ASSERT_TRUE(frozen);
  EXPECT_EQ(saved_text(*frozen), "frozen:one");
}

TEST(Freeze, CountsEntriesThatAreNoCommandsAndTellsTheTimeOfTheLast) {
  applier<saving_machine> a(saving_machine{});
  auto last = no_op(2);
  last.time = log_time{77};
  (void)a.apply({command(1, "one"), last});

  auto frozen = a.freeze();

  ASSERT_TRUE(frozen);
  EXPECT_EQ(frozen->index, log_index(2));
  EXPECT_EQ(frozen->time, log_time{77});
}

TEST(Freeze, LargeStatesAreCopiedWhole) {
  applier<saving_machine> a(saving_machine{});
  std::string large(600'000, 'x');
  large[299'999] = 'y';
  (void)a.apply({command(1, large), command(2, "end")});

  auto frozen = a.freeze();

  ASSERT_TRUE(frozen);
  EXPECT_EQ(saved_text(*frozen), large + "end");
}

TEST(Freeze, AfterAFailedApplyThereIsNothingToSave) {
  applier<saving_machine> a(saving_machine{});
  (void)a.apply({command(1, "fail")});

  EXPECT_FALSE(a.freeze());
}

TEST(Restore, ReplacesTheStateAndItsPlaceInTheLog) {
  applier<saving_machine> a(saving_machine{});
  (void)a.apply({command(1, "gone")});

  const auto restored = a.restore(reader_of("kept"), log_index(9), log_time{5});
  auto frozen = a.freeze();

  ASSERT_TRUE(restored);
  EXPECT_EQ(a.machine().items, (words{"kept"}));
  EXPECT_EQ(frozen->index, log_index(9));
  EXPECT_EQ(frozen->time, log_time{5});
}

TEST(Restore, WhatTheReaderFailsWithIsReported) {
  applier<saving_machine> a(saving_machine{});
  const auto restored = a.restore(
      [](std::span<std::byte>) -> result<std::size_t> {
        return fail(error_code::corrupt, "a damaged chunk");
      },
      log_index(9), {});

  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, error_code::corrupt);
}

core::entry at(core::entry e, std::int64_t microseconds) {
  e.time = log_time{microseconds};
  return e;
}

TEST(LogTime, ComesToTheMachineWithEveryEntryThatIsNoCommand) {
  applier<timed_machine> sut{timed_machine{}};
  auto change = at(no_op(4), 40);
  change.kind = core::entry_kind::configuration;

  const auto done =
      sut.apply({at(no_op(1), 10), at(command(2, "a"), 20), at(no_op(3), 30), change});

  EXPECT_TRUE(done.outcome);
  EXPECT_EQ(sut.machine().times, (std::vector<std::int64_t>{10, 30, 40}));
}

TEST(LogTime, TheMachineTellsWhatItWaitsForAfterEachStretch) {
  applier<timed_machine> sut{timed_machine{}};
  EXPECT_FALSE(sut.apply({command(1, "a")}).next_expiry);
  sut.machine().expiry = log_time{77};
  EXPECT_EQ(sut.apply({command(2, "b")}).next_expiry, log_time{77});
  EXPECT_FALSE(sut.apply({command(3, "fail")}).next_expiry);
}

TEST(LogTime, ComesWithARestoredStateToo) {
  applier<timed_machine> sut{timed_machine{}};

  ASSERT_TRUE(sut.restore(reader_of(""), log_index(9), log_time{50}));

  EXPECT_EQ(sut.machine().times, (std::vector<std::int64_t>{50}));
}

TEST(LogTime, MachineThatThrowsAtItHasFailed) {
  applier<timed_machine> sut{timed_machine{}};
  sut.machine().throws = true;

  const auto done = sut.apply({command(1, "a"), no_op(2), command(3, "b")});

  ASSERT_FALSE(done.outcome);
  EXPECT_EQ(done.last, log_index(1));
  EXPECT_EQ(sut.machine().items, (words{"a"}));
}

}  // namespace
}  // namespace mainstay::detail
