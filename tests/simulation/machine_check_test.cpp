/// The test kit for machines finds what is wrong with machines that are wrong on purpose, each in
/// one way, and names it; and it lets a sound one pass.
#include "mainstay/simulation/machine_check.hpp"

#include <cstdlib>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstay::simulation {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

shared_bytes as_bytes(const std::string& text) { return shared_bytes::copy_of(text); }
long number_in(const shared_bytes& bytes) { return std::atol(std::string(bytes.text()).c_str()); }

/// Fills the numbers from an image, however it is cut.
result<void> read_all(const snapshot_reader& read, std::span<long> numbers) {
  for (auto room = std::as_writable_bytes(numbers); !room.empty();) {
    const auto got = read(room);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return fail(error_code::malformed, "cut off");
    room = room.subspan(*got);
  }
  return {};
}

/// A sum, and how many numbers are in it. The others differ from it in one function.
struct sound {
  long total = 0;
  long count = 0;

  result<shared_bytes> apply(const applied_command& command) {
    total += number_in(command.payload);
    ++count;
    return as_bytes(std::to_string(total) + " of " + std::to_string(count));
  }
  result<shared_bytes> query(const shared_bytes& /*request*/) {
    return as_bytes(std::to_string(total));
  }
  result<void> save(const snapshot_writer& write) const {
    const long both[] = {total, count};
    return write(std::as_bytes(std::span(both)));
  }
  result<void> restore(const snapshot_reader& read) {
    long both[2] = {};
    if (auto all = read_all(read, both); !all) return all;
    total = both[0];
    count = both[1];
    return {};
  }
};

/// Numbers from 1 to 9.
machine_subject numbers() {
  return {
      .command =
          [](random_generator& random) { return as_bytes(std::to_string(1 + random.below(9))); },
      .query = [](random_generator& /*random*/) { return shared_bytes(); }};
}

/// The sequential model of `sound`.
std::string model(std::string& state, const shared_bytes& asked, bool changes) {
  const auto blank = state.find(' ');
  long total = std::atol(state.c_str());
  long count = blank == std::string::npos ? 0 : std::atol(state.c_str() + blank);
  if (!changes) return std::to_string(total);
  total += number_in(asked);
  ++count;
  state = std::to_string(total) + " " + std::to_string(count);
  return std::to_string(total) + " of " + std::to_string(count);
}

template <class Machine>
machine_report check(const machine_subject& subject = numbers(),
                     const machine_check_options& options = {.seeds = 3}) {
  return check_machine([] { return Machine(); }, subject, options);
}

TEST(MachineCheck, ASoundMachinePasses) {
  auto subject = numbers();
  subject.model = model;

  const auto report = check<sound>(subject);

  EXPECT_TRUE(report.is_sound()) << report.text();
  EXPECT_GT(report.operations, 50U);
  EXPECT_GT(report.faults, 5U);
  EXPECT_LT(report.undecided, 2U);
}

TEST(MachineCheck, TheMachineAloneIsAModelToo) {
  const auto report = check<sound>();

  EXPECT_TRUE(report.is_sound()) << report.text();
}

TEST(MachineCheck, TheSameSeedsGiveTheSameReport) {
  EXPECT_EQ(check<sound>().text(), check<sound>().text());
}

/// Answers with something that no log holds.
struct nondeterministic : sound {
  result<shared_bytes> apply(const applied_command& command) {
    static long calls = 0;
    auto answer = sound::apply(command);
    if (count < 20) return answer;
    return as_bytes(std::to_string(++calls));
  }
};

TEST(MachineCheck, FindsAnswersThatDifferFromMachineToMachine) {
  const auto report = check<nondeterministic>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "determinism");
  EXPECT_EQ(report.found->seed, 1U);
  EXPECT_EQ(report.found->command, 20U);
  EXPECT_THAT(report.text(), StartsWith("determinism does not hold: seed 1, command 20: a second "
                                        "machine answers it with \"30\", not with \"1\""));
}

/// Its state holds something that the log does not.
struct of_its_own : sound {
  result<shared_bytes> apply(const applied_command& command) {
    static long calls = 0;
    auto answer = sound::apply(command);
    if (count == 7) total += ++calls;
    return answer;
  }
};

TEST(MachineCheck, FindsStatesThatDifferFromMachineToMachine) {
  const auto report = check<of_its_own>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_THAT(report.text(), StartsWith("determinism does not hold: seed 1, command 7:"));
}

/// Its snapshots leave the count out.
struct forgetful : sound {
  result<void> save(const snapshot_writer& write) const {
    const long both[] = {total, 0};
    return write(std::as_bytes(std::span(both)));
  }
};

TEST(MachineCheck, FindsASnapshotThatLosesAField) {
  const auto report = check<forgetful>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "snapshots");
  EXPECT_EQ(report.found->command, 2U);
  EXPECT_THAT(report.found->text, HasSubstr("restored from the snapshot after command 1"));
}

/// Its snapshots hold nothing, and its next command makes up for that.
struct last_word {
  std::string word;

  result<shared_bytes> apply(const applied_command& command) {
    word = command.payload.text();
    return as_bytes(word);
  }
  result<shared_bytes> query(const shared_bytes& /*request*/) { return as_bytes(word); }
  result<void> save(const snapshot_writer& /*write*/) { return {}; }
  result<void> restore(const snapshot_reader& /*read*/) { return {}; }
};

TEST(MachineCheck, FindsASnapshotThatOnlyAQueryRightAfterItShows) {
  const auto report = check<last_word>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "snapshots");
}

/// Restoring leaves something of before.
struct clinging : sound {
  result<void> restore(const snapshot_reader& read) {
    const long before = count;
    auto restored = sound::restore(read);
    count = std::max(count, before);
    return restored;
  }
};

TEST(MachineCheck, FindsThatRestoringKeepsSomethingOfBefore) {
  const auto report = check<clinging>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "snapshots");
  EXPECT_THAT(report.found->text, HasSubstr("restores to another state"));
}

/// Takes the first piece for all.
struct hasty : sound {
  result<void> restore(const snapshot_reader& read) {
    long both[2] = {};
    const auto got = read(std::as_writable_bytes(std::span(both)));
    if (!got) return std::unexpected(got.error());
    total = both[0];
    count = both[1];
    return {};
  }
};

TEST(MachineCheck, FindsThatImagesComeInPieces) {
  const auto report = check<hasty>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "snapshots");
}

/// Refuses a damaged image too late.
struct torn : sound {
  result<void> restore(const snapshot_reader& read) {
    *this = {};
    return sound::restore(read);
  }
};

TEST(MachineCheck, FindsThatARefusedImageChangesTheState) {
  struct begun : torn {
    begun() { total = 5; }
  };

  const auto report = check<begun>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_THAT(report.found->text, HasSubstr("is refused, but changes the state"));
}

/// What it froze goes on changing.
struct melting : sound {
  struct view {
    std::shared_ptr<sound> shared;
    result<void> save(const snapshot_writer& write) const { return shared->save(write); }
  };
  std::shared_ptr<sound> shared = std::make_shared<sound>();

  result<shared_bytes> apply(const applied_command& command) {
    shared->apply(command).value();
    return sound::apply(command);
  }
  view freeze() { return {shared}; }
};

TEST(MachineCheck, FindsThatAFrozenStateChanges) {
  const auto report = check<melting>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "snapshots");
  EXPECT_THAT(report.found->text, HasSubstr("frozen"));
}

/// Leaves out the last command of a batch of four.
struct careless : sound {
  using sound::apply;
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes> answers) {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const sound before = *this;
      answers[i] = *sound::apply(commands[i]);
      if (i == 3) total = before.total;
    }
    return {};
  }
};

TEST(MachineCheck, FindsThatABatchDiffersFromItsCommands) {
  const auto report = check<careless>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "batches");
  EXPECT_THAT(report.found->text, HasSubstr("a batch of"));
}

/// A query that counts.
struct curious : sound {
  result<shared_bytes> query(const shared_bytes& request) {
    ++count;
    return sound::query(request);
  }
};

TEST(MachineCheck, FindsAQueryThatChangesTheState) {
  const auto report = check<curious>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_THAT(report.text(), StartsWith("queries does not hold: seed 1, command 0:"));
}

/// Answers reads from before the last command: deterministic, and wrong.
struct outdated : sound {
  long before = 0;

  result<shared_bytes> apply(const applied_command& command) {
    before = total;
    return sound::apply(command);
  }
  result<shared_bytes> query(const shared_bytes& /*request*/) {
    return as_bytes(std::to_string(before));
  }
  result<void> save(const snapshot_writer& write) const {
    const long three[] = {total, count, before};
    return write(std::as_bytes(std::span(three)));
  }
  result<void> restore(const snapshot_reader& read) {
    long three[3] = {};
    if (auto all = read_all(read, three); !all) return all;
    total = three[0];
    count = three[1];
    before = three[2];
    return {};
  }
};

TEST(MachineCheck, FindsAStaleRead) {
  auto subject = numbers();
  subject.model = model;

  const auto report = check<outdated>(subject);

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "linearizability") << report.text();
  EXPECT_GT(report.found->command, 0U);
  EXPECT_THAT(report.found->text, HasSubstr("no order explains"));
}

/// Cannot carry out the number 5.
struct failing : sound {
  result<shared_bytes> apply(const applied_command& command) {
    if (number_in(command.payload) == 5) return fail(error_code::invalid_argument, "no fives");
    return sound::apply(command);
  }
};

TEST(MachineCheck, FindsACommandThatStopsTheReplica) {
  const auto report = check<failing>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_THAT(report.found->text, HasSubstr("no fives"));
}

/// Something expires, and expires, and expires.
struct restless : sound {
  log_time next{1};
  void advance_time(log_time time) { next.microseconds = time.microseconds + 1; }
  std::optional<log_time> next_expiry() const { return next; }
};

TEST(MachineCheck, FindsATimeThatNeverComesToRest) {
  const auto report = check<restless>();

  ASSERT_FALSE(report.is_sound());
  EXPECT_EQ(report.found->property, "time");
}

}  // namespace
}  // namespace mainstay::simulation
