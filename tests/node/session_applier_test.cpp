/// R11: commands within sessions reach the state machine once, and a replica's answers and memory
/// do not depend on how the log was cut into batches, nor on where it restarted.
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "mainstay/node/applier.hpp"

namespace mainstay::detail {
namespace {

/// A register to append to: every application of a command shows in the answers of all later ones.
struct append_machine {
  std::string text;
  std::vector<std::size_t> batches;

  result<shared_bytes> apply(const applied_command& command) {
    text += command.payload.text();
    return shared_bytes::copy_of(text);
  }
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers) {
    batches.push_back(commands.size());
    for (std::size_t i = 0; i < commands.size(); ++i) answers[i] = *apply(commands[i]);
    return {};
  }
  result<shared_bytes> query(const shared_bytes&) { return shared_bytes::copy_of(text); }
  result<void> save(const snapshot_writer& writer) {
    return writer(std::as_bytes(std::span(text)));
  }
  result<void> restore(const snapshot_reader& reader) {
    text.clear();
    while (true) {
      std::byte some[16];
      const auto n = reader(some);
      if (!n) return std::unexpected(n.error());
      if (*n == 0) return {};
      text.append(reinterpret_cast<const char*>(some), *n);
    }
  }
};

core::entry entry_of(std::uint64_t index, core::entry_kind kind, shared_bytes payload,
                     std::int64_t time = 0) {
  return {log_index(index), term(1), kind, log_time{time}, std::move(payload)};
}
core::entry command(std::uint64_t index, std::string_view text) {
  return entry_of(index, core::entry_kind::command, shared_bytes::copy_of(text));
}
core::entry session_entry(std::uint64_t index, const session_request& request,
                          std::int64_t time = 0) {
  return entry_of(index, core::entry_kind::session, encode(request), time);
}
core::entry open(std::uint64_t index, const session_limits& limits = {}) {
  return session_entry(index,
                       {.operation = session_operation::open, .limits = limits, .command = {}});
}
core::entry use(std::uint64_t index, session_id id, std::uint64_t serial, std::string_view text) {
  return session_entry(
      index,
      {.limits = {}, .session = id, .serial = serial, .command = shared_bytes::copy_of(text)});
}

std::vector<std::string> texts(const applied_entries& done) {
  std::vector<std::string> all;
  for (const auto& answer : done.answers) all.emplace_back(answer.text());
  for (const auto& refused : done.refusals) {
    all[refused.index - done.terms.front().first] = name_of(refused.why.code);
  }
  return all;
}

using words = std::vector<std::string>;

TEST(SessionApplying, OpeningAnswersWithTheIndexOfItsEntry) {
  applier<append_machine> sut{append_machine{}};

  const auto done = sut.apply({command(7, "a"), open(8)});

  EXPECT_EQ(opened_session(done.answers[1]), 8U);
}

TEST(SessionApplying, RetryIsAnsweredWithoutTheMachine) {
  applier<append_machine> sut{append_machine{}};
  (void)sut.apply({open(1), use(2, 1, 1, "a")});

  const auto done = sut.apply({command(3, "b"), use(4, 1, 1, "a"), command(5, "c")});

  EXPECT_EQ(texts(done), (words{"ab", "a", "abc"}));
}

TEST(SessionApplying, RetryInTheSameBatchIsAnsweredAfterTheFirst) {
  applier<append_machine> sut{append_machine{}};

  const auto done = sut.apply({open(1), use(2, 1, 1, "a"), use(3, 1, 1, "a"), use(4, 1, 2, "b")});

  EXPECT_EQ(texts(done)[1], "a");
  EXPECT_EQ(texts(done)[2], "a");
  EXPECT_EQ(texts(done)[3], "ab");
}

TEST(SessionApplying, CommandsOfSessionsAndOthersShareABatch) {
  applier<append_machine> sut{append_machine{}};
  (void)sut.apply({open(1)});

  (void)sut.apply({command(2, "a"), use(3, 1, 1, "b"), use(4, 1, 2, "c"), command(5, "d")});

  EXPECT_EQ(sut.machine().batches, (std::vector<std::size_t>{4}));
}

TEST(SessionApplying, RefusedCommandsDoNotReachTheMachine) {
  applier<append_machine> sut{append_machine{}};

  const auto done =
      sut.apply({use(1, 99, 1, "x"), command(2, "a"),
                 entry_of(3, core::entry_kind::session, shared_bytes::copy_of("nonsense"))});

  EXPECT_TRUE(done.outcome);
  EXPECT_EQ(texts(done), (words{"session_expired", "a", "invalid_argument"}));
}

TEST(SessionApplying, ClosedSessionTakesNoMore) {
  applier<append_machine> sut{append_machine{}};

  const auto done = sut.apply(
      {open(1), use(2, 1, 1, "a"),
       session_entry(3, {.operation = session_operation::close, .session = 1, .command = {}}),
       use(4, 1, 1, "a")});

  EXPECT_EQ(texts(done)[3], "session_expired");
  EXPECT_EQ(sut.machine().text, "a");
}

/// What a replica answers to a log that is cut at random, and what it holds in the end.
struct life {
  words answers;
  std::string applied;  ///< all commands, one after the other
  std::string state;
};

std::string saved(applier<append_machine>& one) {
  std::string text;
  auto frozen = one.freeze();
  EXPECT_TRUE(frozen->save([&](std::span<const std::byte> bytes) -> result<void> {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  return text;
}

snapshot_reader reader_of(std::string text) {
  return [text = std::move(text),
          at = std::size_t{0}](std::span<std::byte> room) mutable -> result<std::size_t> {
    const auto part = std::string_view(text).substr(at, room.size());
    std::memcpy(room.data(), part.data(), part.size());
    at += part.size();
    return part.size();
  };
}

/// Applies the log in stretches of the given sizes; a stretch may end in a restart from a snapshot.
life live(const std::vector<core::entry>& log, const std::vector<int>& stretches,
          bool with_restarts) {
  std::optional<applier<append_machine>> one(append_machine{});
  life lived;
  std::size_t next = 0;
  for (std::size_t i = 0; next < log.size(); ++i) {
    const auto wanted = stretches.empty() ? 1 : stretches[i % stretches.size()];
    const auto end = std::min(next + static_cast<std::size_t>(wanted), log.size());
    const auto done = one->apply({log.begin() + static_cast<std::ptrdiff_t>(next),
                                  log.begin() + static_cast<std::ptrdiff_t>(end)});
    for (auto& text : texts(done)) lived.answers.push_back(std::move(text));
    next = end;
    if (!with_restarts) continue;
    const std::string image = saved(*one);
    one.emplace(append_machine{});
    EXPECT_TRUE(one->restore(reader_of(image), log[end - 1].index, log[end - 1].time));
  }
  lived.applied = one->machine().text;
  lived.state = saved(*one);
  return lived;
}

/// A log full of retries, reorderings, expiries and evictions. Tokens are unique by session and
/// serial, so that a token that is applied twice shows.
std::vector<core::entry> any_log() {
  const session_limits tight{.time_to_live = std::chrono::seconds(1),
                             .window = *rc::gen::inRange<std::uint32_t>(1, 6),
                             .answer_bytes = *rc::gen::inRange<std::uint32_t>(0, 80),
                             .sessions = *rc::gen::inRange<std::uint32_t>(1, 4)};
  std::vector<core::entry> log;
  std::vector<session_id> opened{99};  // one that never was
  std::int64_t time = 0;
  const auto length = *rc::gen::inRange<std::uint64_t>(1, 60);
  for (std::uint64_t index = 1; index <= length; ++index) {
    time += *rc::gen::weightedElement<std::int64_t>({{20, 1}, {2, 400'000}, {1, 1'100'000}});
    const auto session = opened[*rc::gen::inRange<std::size_t>(0, opened.size())];
    switch (*rc::gen::weightedElement<int>({{2, 0}, {14, 1}, {1, 2}, {2, 3}, {1, 4}})) {
      case 0:
        log.push_back(open(index, tight));
        opened.push_back(index);
        break;
      case 1: {
        const auto serial = *rc::gen::inRange<std::uint64_t>(0, 8);
        const auto token = "<" + std::to_string(session) + "." + std::to_string(serial) + ">";
        log.push_back(
            session_entry(index, {.limits = {},
                                  .session = session,
                                  .serial = serial,
                                  .lowest_waiting = *rc::gen::inRange<std::uint64_t>(0, 4),
                                  .command = shared_bytes::copy_of(token)}));
        break;
      }
      case 2:
        log.push_back(session_entry(index, {.operation = session_operation::close,
                                            .limits = {},
                                            .session = session,
                                            .command = {}}));
        break;
      case 3:
        log.push_back(command(index, "p"));
        break;
      default:
        log.push_back(entry_of(index, core::entry_kind::no_op, {}));
    }
    log.back().time = log_time{time};
  }
  return log;
}

// Replicas apply the same log in batches of their own making.
RC_GTEST_PROP(SessionProperty, AnswersAndStateDoNotDependOnBatches, ()) {
  const auto log = any_log();
  const auto stretches = *rc::gen::container<std::vector<int>>(5, rc::gen::inRange(1, 12));

  const life apart = live(log, {}, false);
  const life together = live(log, stretches, false);

  RC_ASSERT(together.answers == apart.answers);
  RC_ASSERT(together.state == apart.state);
}

RC_GTEST_PROP(SessionProperty, AnswersAndStateDoNotDependOnRestartsFromSnapshots, ()) {
  const auto log = any_log();
  const auto stretches = *rc::gen::container<std::vector<int>>(5, rc::gen::inRange(1, 12));

  const life once = live(log, {}, false);
  const life restarted = live(log, stretches, true);

  RC_ASSERT(restarted.answers == once.answers);
  RC_ASSERT(restarted.state == once.state);
}

// Whatever is retried, reordered, discarded and forgotten: no token is ever applied twice.
RC_GTEST_PROP(SessionProperty, NoCommandIsAppliedTwice, ()) {
  const auto applied = live(any_log(), {7}, true).applied;

  for (auto from = applied.find('<'); from != std::string::npos;
       from = applied.find('<', from + 1)) {
    const auto token = applied.substr(from, applied.find('>', from) + 1 - from);
    RC_ASSERT(applied.rfind(token) == from);
  }
}

}  // namespace
}  // namespace mainstay::detail
