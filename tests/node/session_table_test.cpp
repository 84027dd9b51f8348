/// R11, thesis §6.3: what a session remembers, for how long, and within which bounds.
#include "mainstay/node/session_table.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include <gtest/gtest.h>

#include "tests/serializer/golden_file.hpp"

namespace mainstay::detail {
namespace {

using verdict = session_table::verdict;
constexpr log_time start{1'000'000};

log_time after(duration d) {
  return {start.microseconds + std::chrono::duration_cast<std::chrono::microseconds>(d).count()};
}

/// A table with session 1 in it, with limits that a test can reach.
struct Sessions : ::testing::Test {
  session_limits limits{
      .time_to_live = std::chrono::seconds(10), .window = 4, .answer_bytes = 10, .sessions = 3};
  session_table table;

  Sessions() { table.open(1, limits, start); }

  session_table::admission ask(std::uint64_t serial, std::uint64_t lowest = 1, session_id id = 1,
                               log_time now = start) {
    return table.admit(
        {.limits = {}, .session = id, .serial = serial, .lowest_waiting = lowest, .command = {}},
        now);
  }
  /// Applies a serial; false when it was not new.
  bool apply(std::uint64_t serial, std::string_view answer = "ok", session_id id = 1) {
    if (ask(serial, 1, id).what != verdict::apply) return false;
    table.finish(id, serial, shared_bytes::copy_of(answer));
    return true;
  }
  error_code refusal(std::uint64_t serial, session_id id = 1, log_time now = start) {
    const auto asked = ask(serial, 1, id, now);
    EXPECT_EQ(asked.what, verdict::refused);
    return asked.why.code;
  }
};

TEST_F(Sessions, DuplicateGetsTheAnswerOfTheFirst) {
  ASSERT_TRUE(apply(1, "first"));

  const auto again = ask(1);

  EXPECT_EQ(again.what, verdict::answered);
  EXPECT_EQ(again.answer.text(), "first");
}

TEST_F(Sessions, SerialsMayComeOutOfOrderWithinTheWindow) {
  EXPECT_TRUE(apply(4));
  EXPECT_TRUE(apply(2));
  EXPECT_TRUE(apply(1));
  EXPECT_TRUE(apply(3));

  for (const std::uint64_t serial : {1, 2, 3, 4}) EXPECT_EQ(ask(serial).what, verdict::answered);
}

TEST_F(Sessions, SerialUnderWayIsNotAppliedTwice) {
  ASSERT_EQ(ask(1).what, verdict::apply);

  EXPECT_EQ(ask(1).what, verdict::under_way);
}

TEST_F(Sessions, LowestWaitingSerialDiscardsWhatIsBelow) {
  ASSERT_TRUE(apply(1));
  ASSERT_TRUE(apply(2));

  ASSERT_EQ(ask(3, 2).what, verdict::apply);

  EXPECT_EQ(refusal(1), error_code::stale_serial);
  EXPECT_EQ(ask(2).what, verdict::answered);
}

TEST_F(Sessions, WindowSlidesAndWhatLeavesItIsRefused) {
  ASSERT_TRUE(apply(2));
  ASSERT_TRUE(apply(6));  // the window is now 3 to 6

  EXPECT_EQ(refusal(2), error_code::stale_serial);
  EXPECT_EQ(refusal(1), error_code::stale_serial);
  EXPECT_TRUE(apply(3));
}

TEST_F(Sessions, LargestSerialsAreNothingSpecial) {
  constexpr auto last = ~std::uint64_t{0};
  ASSERT_TRUE(apply(last));

  EXPECT_EQ(ask(last).what, verdict::answered);
  EXPECT_EQ(refusal(1), error_code::stale_serial);
  EXPECT_TRUE(apply(last - 3));
  EXPECT_EQ(refusal(last - 4), error_code::stale_serial);
}

TEST_F(Sessions, SerialZeroIsNone) { EXPECT_EQ(refusal(0), error_code::stale_serial); }

TEST_F(Sessions, AnswersBeyondTheirBytesAreForgottenFromTheLowestSerialOn) {
  ASSERT_TRUE(apply(1, "four"));
  ASSERT_TRUE(apply(2, "five5"));
  ASSERT_TRUE(apply(3, "six666"));

  EXPECT_EQ(refusal(1), error_code::stale_serial);
  EXPECT_EQ(refusal(2), error_code::stale_serial);
  EXPECT_EQ(ask(3).answer.text(), "six666");
}

TEST_F(Sessions, AnswersThatFitExactlyAreKept) {
  ASSERT_TRUE(apply(1, "12345"));
  ASSERT_TRUE(apply(2, "67890"));

  EXPECT_EQ(ask(1).answer.text(), "12345");
}

TEST_F(Sessions, DiscardedAnswersMakeRoom) {
  ASSERT_TRUE(apply(1, "12345"));
  ASSERT_TRUE(apply(2, "12345"));
  ASSERT_EQ(ask(3, 2).what, verdict::apply);
  table.finish(1, 3, shared_bytes::copy_of("67890"));

  EXPECT_EQ(ask(2).what, verdict::answered);
}

TEST_F(Sessions, UnknownSessionIsRefused) {
  EXPECT_EQ(refusal(1, 99), error_code::session_expired);
}

TEST_F(Sessions, ClosedSessionIsRefusedAndClosingAgainChangesNothing) {
  table.close(1, start);
  table.close(1, start);

  EXPECT_EQ(refusal(1), error_code::session_expired);
  EXPECT_EQ(table.size(), 0U);
}

// Sessions end by the log's time alone, so that all replicas agree.
TEST_F(Sessions, SessionEndsWhenItWasUnusedForItsTime) {
  EXPECT_EQ(ask(1, 1, 1, after(std::chrono::microseconds(9'999'999))).what, verdict::apply);
  EXPECT_EQ(ask(1, 1, 1, after(std::chrono::seconds(19))).what, verdict::under_way);
  EXPECT_EQ(refusal(1, 1, after(std::chrono::seconds(29))), error_code::session_expired);
}

TEST_F(Sessions, EndedSessionLeavesWithTheNextEntryOfAnySession) {
  table.open(2, limits, after(std::chrono::seconds(5)));
  table.close(99, after(std::chrono::seconds(12)));

  EXPECT_EQ(table.size(), 1U);
}

TEST_F(Sessions, SessionWithALongerLifeDoesNotProlongOthers) {
  limits.time_to_live = std::chrono::seconds(100);
  session_table other;
  other.open(1, limits, start);
  limits.time_to_live = std::chrono::seconds(10);
  other.open(2, limits, start);

  const auto asked = other.admit({.limits = {}, .session = 2, .serial = 1, .command = {}},
                                 after(std::chrono::seconds(11)));

  EXPECT_EQ(asked.what, verdict::refused);
}

TEST_F(Sessions, LeastRecentlyUsedGivesWay) {
  table.open(2, limits, start);
  table.open(3, limits, start);
  ASSERT_TRUE(apply(1, "ok", 1));

  table.open(4, limits, start);

  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(refusal(1, 2), error_code::session_expired);
  EXPECT_EQ(ask(1).what, verdict::answered);
}

TEST_F(Sessions, AnswerForASessionThatWentMeanwhileIsIgnored) {
  ASSERT_EQ(ask(1).what, verdict::apply);
  table.close(1, start);

  table.finish(1, 1, shared_bytes::copy_of("late"));

  EXPECT_EQ(table.size(), 0U);
}

snapshot_reader reader_of(std::vector<std::byte> bytes) {
  return [bytes = std::move(bytes),
          at = std::size_t{0}](std::span<std::byte> room) mutable -> result<std::size_t> {
    // Small pieces, as a reader may give them.
    const auto n = std::min({room.size(), bytes.size() - at, std::size_t{5}});
    std::ranges::copy(std::span(bytes).subspan(at, n), room.begin());
    at += n;
    return n;
  };
}

TEST_F(Sessions, RestoredTableIsTheSavedOne) {
  table.open(2, limits, start);
  ASSERT_TRUE(apply(2, "four"));
  ASSERT_TRUE(apply(4, "large answer"));
  ASSERT_TRUE(apply(1, "two", 2));

  session_table other;
  ASSERT_TRUE(other.restore(reader_of(table.save())));

  EXPECT_EQ(other.save(), table.save());
  EXPECT_EQ(other.size(), 2U);
  table = std::move(other);
  EXPECT_EQ(ask(1, 1, 2).answer.text(), "two");
  EXPECT_EQ(ask(1).what, verdict::apply);
  EXPECT_EQ(refusal(4), error_code::stale_serial);
}

TEST_F(Sessions, RestoringReadsNoFurtherThanItsOwnBytes) {
  auto bytes = table.save();
  bytes.push_back(std::byte{'m'});
  const auto reader = reader_of(std::move(bytes));

  ASSERT_TRUE(table.restore(reader));

  std::byte next[8];
  EXPECT_EQ(reader(next), std::size_t{1});
  EXPECT_EQ(next[0], std::byte{'m'});
}

TEST_F(Sessions, ANameThatIsThereAlreadyBeginsAnew) {
  ASSERT_TRUE(apply(1, "old"));

  table.open(1, limits, start);

  EXPECT_EQ(ask(1).what, verdict::apply);
  table.close(1, start);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.save(), session_table().save());
}

TEST_F(Sessions, SavedAnswerOfGigabytesIsNotBelieved) {
  limits.answer_bytes = 0xffff'ffff;
  table.open(2, limits, start);
  ASSERT_TRUE(apply(1, "small", 2));
  auto bytes = table.save();
  const auto size = bytes.end() - 5 - 4;
  std::fill(size, size + 4, std::byte{0xff});
  std::size_t most = 0;
  const auto reader = [&, read = reader_of(bytes)](std::span<std::byte> room) {
    most = std::max(most, room.size());
    return read(room);
  };

  EXPECT_EQ(table.restore(reader).error().code, error_code::malformed);
  EXPECT_LE(most, std::size_t{1} << 16);
}

// Written once by this version, and never again: whoever reads them reads every snapshot with
// sessions of version 1.
TEST_F(Sessions, GoldenTableIsReadAndWrittenByteForByte) {
  table.open(2, limits, start);
  ASSERT_TRUE(apply(2, "four"));
  ASSERT_TRUE(apply(4, "too large to be kept"));
  ASSERT_TRUE(apply(1, "two", 2));

  EXPECT_EQ(golden_hex("session_table_1", table.save()), to_hex(table.save()));
  session_table read;
  const auto golden = golden_bytes("session_table_1");
  const auto bytes = golden.span();
  ASSERT_TRUE(read.restore(reader_of({bytes.begin(), bytes.end()})));
  EXPECT_EQ(read.save(), table.save());
}

TEST(SessionRequest, GoldenRequestsAreReadAndWrittenByteForByte) {
  const session_limits limits{std::chrono::hours(1), 256, 65536, 4096};
  const std::pair<const char*, session_request> requests[] = {
      {"session_open_1", {.operation = session_operation::open, .limits = limits, .command = {}}},
      {"session_use_1",
       {.limits = {},
        .session = 7,
        .serial = 9,
        .lowest_waiting = 8,
        .command = shared_bytes::copy_of(std::string_view("command"))}},
      {"session_close_1",
       {.operation = session_operation::close, .limits = {}, .session = 7, .command = {}}}};
  for (const auto& [name, request] : requests) {
    EXPECT_EQ(golden_hex(name, encode(request).span()), to_hex(encode(request).span())) << name;
    EXPECT_EQ(decode_session_request(golden_bytes(name)), request) << name;
  }
}

TEST_F(Sessions, DamagedBytesLeaveTheTableAsItWas) {
  ASSERT_TRUE(apply(1, "kept"));
  const auto before = table.save();
  for (std::size_t length = 0; length < before.size(); ++length) {
    std::vector<std::byte> cut(before.begin(), before.begin() + static_cast<int>(length));
    EXPECT_FALSE(table.restore(reader_of(cut))) << length;
  }
  for (std::size_t at = 0; at < before.size(); ++at) {
    auto damaged = before;
    damaged[at] ^= std::byte{0xff};
    session_table other;
    if (other.restore(reader_of(damaged))) {
      EXPECT_EQ(other.save(), damaged) << at;
    }
  }

  EXPECT_EQ(table.save(), before);
}

TEST(SessionRequest, ReadsWhatItWrote) {
  const session_request opening{.operation = session_operation::open,
                                .limits = {.time_to_live = std::chrono::seconds(3),
                                           .window = 7,
                                           .answer_bytes = 9,
                                           .sessions = 11},
                                .command = {}};
  const session_request use{.limits = {},
                            .session = 5,
                            .serial = 6,
                            .lowest_waiting = 4,
                            .command = shared_bytes::copy_of("do")};
  const session_request closing{
      .operation = session_operation::close, .limits = {}, .session = 5, .command = {}};

  for (const auto& request : {opening, use, closing}) {
    EXPECT_EQ(decode_session_request(encode(request)), request);
  }
}

TEST(SessionRequest, CommandIsASliceOfTheEntry) {
  const auto bytes = encode({.limits = {}, .command = shared_bytes::copy_of("do")});

  const auto request = decode_session_request(bytes);

  ASSERT_TRUE(request);
  EXPECT_EQ(request->command.data(), bytes.data() + session_header_bytes);
}

TEST(SessionRequest, BytesOfOtherShapesAreMalformed) {
  const auto refuses = [](std::string_view text) {
    const auto read = decode_session_request(shared_bytes::copy_of(text));
    return !read && read.error().code == error_code::malformed;
  };
  const auto opening = encode({.operation = session_operation::open, .limits = {}, .command = {}});
  const auto closing = encode({.operation = session_operation::close, .limits = {}, .command = {}});

  EXPECT_TRUE(refuses(""));
  EXPECT_TRUE(refuses("\x04"));
  EXPECT_TRUE(refuses(std::string("\x02") + std::string(23, '\0')));
  EXPECT_TRUE(refuses(opening.text().substr(1)));
  EXPECT_TRUE(refuses(std::string(opening.text()) + "x"));
  EXPECT_TRUE(refuses(opening.text().substr(0, 20)));
  EXPECT_TRUE(refuses(std::string(closing.text()) + "x"));
  EXPECT_TRUE(refuses(std::string("\x01") + std::string(20, '\0')));  // limits of nothing
}

TEST(SessionLimits, RefusesWhatCannotWork) {
  EXPECT_TRUE(check(session_limits{}));
  EXPECT_FALSE(check(session_limits{.time_to_live = std::chrono::milliseconds(999)}));
  EXPECT_FALSE(check(session_limits{.window = 0}));
  EXPECT_FALSE(check(session_limits{.window = max_session_window + 1}));
  EXPECT_FALSE(check(session_limits{.sessions = 0}));
}

}  // namespace
}  // namespace mainstay::detail
