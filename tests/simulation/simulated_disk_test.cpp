// A disk that misbehaves on request: each fault, and what a power failure may leave.
#include "mainstay/simulation/simulated_disk.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace mainstay::simulation {

namespace {

using namespace std::chrono_literals;

const std::string path = "log/a";

instant at(duration since_start) { return instant(since_start); }

std::unique_ptr<wal::file> create(simulated_disk& disk, const std::string& name = path) {
  auto made = disk.create(name);
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}

/// A file whose name and size are durable.
std::unique_ptr<wal::file> durable_file(simulated_disk& disk, std::size_t size,
                                        const std::string& name = path) {
  disk.replace(name, std::vector<std::byte>(size));
  return std::move(*disk.open(name, wal::open_mode::read_write));
}

result<void> write(wal::file& file, std::string_view text, std::uint64_t offset = 0) {
  const std::array pieces{std::as_bytes(std::span(text))};
  return file.write(pieces, offset);
}

std::string text_of(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const auto one : bytes) text += one == std::byte{} ? '.' : static_cast<char>(one);
  return text;
}

std::string text_in(const simulated_disk& disk, const std::string& name = path) {
  return text_of(disk.contents(name));
}

std::string read(wal::file& file, std::size_t size) {
  std::vector<std::byte> room(size);
  const auto length = file.read(room, 0);
  if (!length) return length.error().message;
  room.resize(*length);
  return text_of(room);
}

/// Everything that the power failing at a moment can leave of one file, over many seeds.
template <class Work>
std::set<std::string> leavings(instant when, Work work) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    simulated_disk disk(seed);
    work(disk);
    const auto left = disk.crash(when);
    found.insert(left->paths().empty() ? "no file" : text_in(*left));
  }
  return found;
}

}  // namespace

// ---- Without a clock --------------------------------------------------------------------------

TEST(SimulatedDisk, FlushedBytesOutliveAnyPowerFailure) {
  const auto found = leavings(instant::max(), [](simulated_disk& disk) {
    const auto file = durable_file(disk, 4);
    ASSERT_TRUE(write(*file, "kept").has_value());
    ASSERT_TRUE(file->datasync().has_value());
  });

  EXPECT_EQ(found, std::set<std::string>{"kept"});
}

TEST(SimulatedDisk, UnflushedBytesAreThereOrNotSectorBySectorAndOutOfOrder) {
  const auto found = leavings(instant::max(), [](simulated_disk& disk) {
    const auto file = durable_file(disk, disk_sector + 1);
    ASSERT_TRUE(write(*file, "1").has_value());
    ASSERT_TRUE(write(*file, "2", disk_sector).has_value());
  });

  std::set<std::string> ends;
  for (const auto& text : found) ends.insert({text.front(), text.back()});
  EXPECT_EQ(ends, (std::set<std::string>{"..", "1.", ".2", "12"}));
}

TEST(SimulatedDisk, NoSectorIsTornInsideUnlessItsWriteWasCutShort) {
  simulated_disk disk;
  const auto file = durable_file(disk, 2 * disk_sector);
  ASSERT_TRUE(write(*file, std::string(2 * disk_sector, 'x')).has_value());
  random_generator random(1);

  std::set<std::size_t> written;
  for (int i = 0; i < 100; ++i) {
    const auto left = disk.crash(crash_kind::torn, random);
    const auto text = text_in(*left);
    written.insert(static_cast<std::size_t>(std::ranges::count(text, 'x')));
  }

  EXPECT_EQ(written, (std::set<std::size_t>{0, disk_sector, 2 * disk_sector}));
}

TEST(SimulatedDisk, AnAllocatedFileHasItsSizeAndKeepsItOnceFlushed) {
  const auto found = leavings(instant::max(), [](simulated_disk& disk) {
    const auto file = durable_file(disk, 0);
    ASSERT_TRUE(file->allocate(2).has_value());
    ASSERT_EQ(file->size(), 2U);
  });
  const auto found_after_flush = leavings(instant::max(), [](simulated_disk& disk) {
    const auto file = durable_file(disk, 0);
    ASSERT_TRUE(file->allocate(2).has_value());
    ASSERT_TRUE(file->datasync().has_value());
  });

  EXPECT_EQ(found, (std::set<std::string>{"", ".."}));
  EXPECT_EQ(found_after_flush, std::set<std::string>{".."});
}

TEST(SimulatedDisk, AWritePastTheCacheZeroesTheRestOfItsBlock) {
  simulated_disk disk;
  const auto file = durable_file(disk, 2 * wal::block_size);
  ASSERT_TRUE(write(*file, std::string(2 * wal::block_size, 'x')).has_value());

  file->bypass_cache();
  ASSERT_TRUE(write(*file, "y", 1).has_value());

  const auto text = text_in(disk);
  EXPECT_EQ(text.substr(0, 3), "xy.");
  EXPECT_EQ(text.substr(wal::block_size - 1, 2), ".x");
}

TEST(SimulatedDisk, ANameIsLostUnlessItsDirectoryWasFlushed) {
  const auto make = [](simulated_disk& disk) {
    const auto file = create(disk);
    ASSERT_TRUE(write(*file, "x").has_value());
    ASSERT_TRUE(file->datasync().has_value());
  };
  const auto make_durable = [&](simulated_disk& disk) {
    make(disk);
    ASSERT_TRUE(disk.sync_directory("elsewhere").has_value());
    ASSERT_TRUE(disk.sync_directory("log").has_value());
  };

  EXPECT_EQ(leavings(instant::max(), make), (std::set<std::string>{"no file", "x"}));
  EXPECT_EQ(leavings(instant::max(), make_durable), std::set<std::string>{"x"});
}

TEST(SimulatedDisk, UnflushedNamesAreLostInAnySelection) {
  std::set<std::vector<std::string>> found;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    simulated_disk disk(seed);
    create(disk, "log/a");
    create(disk, "log/b");
    ASSERT_TRUE(disk.remove("log/b").has_value());
    ASSERT_TRUE(disk.rename("log/a", "log/c").has_value());
    found.insert(disk.crash(instant::max())->paths());
  }

  using list = std::vector<std::string>;
  EXPECT_EQ(found,
            (std::set<list>{
                {}, {"log/a"}, {"log/b"}, {"log/c"}, {"log/a", "log/b"}, {"log/b", "log/c"}}));
}

/// A durable name and byte, and a byte and a name that no flush has made durable.
void leave_half_unflushed(simulated_disk& disk) {
  const auto file = durable_file(disk, 2);
  ASSERT_TRUE(write(*file, "f").has_value());
  ASSERT_TRUE(file->datasync().has_value());
  ASSERT_TRUE(write(*file, "u", 1).has_value());
  create(disk, "log/b");
}

TEST(SimulatedDisk, APowerFailureThatLosesAllLeavesWhatWasFlushedAndNothingElse) {
  simulated_disk disk;
  leave_half_unflushed(disk);

  const auto left = disk.crash(instant::max(), crash_kind::lost);

  EXPECT_EQ(text_in(*left), "f.");
  EXPECT_EQ(left->paths(), std::vector<std::string>{path});
}

TEST(SimulatedDisk, APowerFailureThatKeepsAllLeavesWhatWasNotFlushedToo) {
  simulated_disk disk;
  leave_half_unflushed(disk);

  const auto left = disk.crash(instant::max(), crash_kind::kept);

  EXPECT_EQ(text_in(*left), "fu");
  EXPECT_EQ(left->paths(), (std::vector<std::string>{path, "log/b"}));
}

// ---- Time -------------------------------------------------------------------------------------

TEST(SimulatedDisk, OperationsFollowOneAnotherAndTakeWhatTheSettingsSay) {
  simulated_disk disk;
  disk.settings.write_latency = 10us;
  disk.settings.kib_latency = 1us;
  disk.settings.flush_latency = 1ms;
  disk.begin_work(at(1s));
  const auto file = durable_file(disk, 1);

  std::vector<time_span> times;
  disk.observer = [&](const finished_operation& one) { times.push_back(one.time); };
  ASSERT_TRUE(write(*file, std::string(100 * 1024, 'x')).has_value());
  ASSERT_TRUE(file->datasync().has_value());

  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times[0].begins, at(1s));
  EXPECT_GE(times[0].ends, at(1s + 55us));
  EXPECT_EQ(times[1].begins, times[0].ends);
  EXPECT_GE(times[1].ends, times[1].begins + 500us);
  EXPECT_EQ(disk.work_ends(), times[1].ends);
  disk.begin_work(at(1s));
  EXPECT_EQ(disk.work_ends(), times[1].ends) << "further work queues behind";
}

TEST(SimulatedDisk, ASlowDiskTakesSoManyTimesAsLong) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  disk.settings.slowness = 1000;
  disk.begin_work(at(0s));

  ASSERT_TRUE(file->datasync().has_value());

  EXPECT_GE(disk.work_ends(), at(50ms));
}

TEST(SimulatedDisk, AStalledDiskCompletesNothingBeforeItWakes) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  disk.settings.stalled_until = at(5s);
  disk.begin_work(at(1s));

  ASSERT_TRUE(write(*file, "x").has_value());

  EXPECT_GT(disk.work_ends(), at(5s));
  EXPECT_LT(disk.work_ends(), at(6s));
}

/// Writes "old" durably, then "new" from the first second on, a second for each operation.
class PowerFailure : public testing::Test {
 protected:
  static std::set<std::string> failing(duration when) {
    return leavings(at(when), [](simulated_disk& disk) {
      const auto file = durable_file(disk, 3);
      ASSERT_TRUE(write(*file, "old").has_value());
      ASSERT_TRUE(file->datasync().has_value());
      disk.settings.kib_latency = 0s;
      disk.begin_work(at(1s));
      disk.settings.stalled_until = at(2s);
      disk.settings.write_latency = 0s;
      ASSERT_TRUE(write(*file, "new").has_value());  // from 1 s to 2 s
      disk.settings.stalled_until = at(3s);
      disk.settings.flush_latency = 0s;
      ASSERT_TRUE(file->datasync().has_value());  // from 2 s to 3 s
    });
  }
};

TEST_F(PowerFailure, BeforeAWriteBeginsItNeverHappened) {
  EXPECT_EQ(failing(1s), std::set<std::string>{"old"});
}

TEST_F(PowerFailure, DuringAWriteAPartOfItMayBeThere) {
  EXPECT_EQ(failing(1500ms), (std::set<std::string>{"old", "nld", "ned", "new"}));
}

TEST_F(PowerFailure, DuringAFlushTheWriteMayBeThereOrNot) {
  EXPECT_TRUE(failing(2999ms).contains("old"));
  EXPECT_TRUE(failing(2999ms).contains("new"));
}

TEST_F(PowerFailure, AfterTheFlushIsCompleteTheWriteIsThere) {
  EXPECT_EQ(failing(3s), std::set<std::string>{"new"});
}

TEST_F(PowerFailure, FindsNothingUnderWayThatAnOrderlyEndWaitedFor) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  disk.begin_work(at(1s));
  ASSERT_TRUE(write(*file, "x").has_value());
  ASSERT_TRUE(file->datasync().has_value());

  disk.complete_work();

  EXPECT_EQ(text_in(*disk.crash(at(1s), crash_kind::lost)), "x");
}

TEST(ProcessKilled, WhatWasBegunStaysVisibleAndCanStillBeLost) {
  std::set<std::string> after_power_failure;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    simulated_disk disk(seed);
    const auto file = durable_file(disk, 1);
    disk.begin_work(at(1s));
    ASSERT_TRUE(write(*file, "x").has_value());
    create(disk, "log/b");
    const auto next = disk.kill(disk.work_ends());
    ASSERT_EQ(text_in(*next), "x");
    ASSERT_EQ(next->paths().size(), 2U);
    after_power_failure.insert(text_in(*next->crash(at(2s))));
  }

  EXPECT_EQ(after_power_failure, (std::set<std::string>{".", "x"}));
}

TEST(ProcessKilled, WhatHadNotBegunNeverHappened) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  disk.begin_work(at(1s));
  ASSERT_TRUE(write(*file, "x").has_value());
  create(disk, "log/b");

  const auto next = disk.kill(at(1s));

  EXPECT_EQ(text_in(*next), ".");
  EXPECT_EQ(next->paths(), std::vector<std::string>{path});
}

// ---- Faults -----------------------------------------------------------------------------------

TEST(DiskFaults, AFailedFlushFailsOnceAndItsPagesCountAsClean) {
  const auto found = leavings(instant::max(), [](simulated_disk& disk) {
    const auto file = durable_file(disk, 1);
    ASSERT_TRUE(write(*file, "x").has_value());
    disk.fail_next(disk_fault::flush_error);
    ASSERT_EQ(file->datasync().error().code, error_code::io_failed);
    ASSERT_EQ(read(*file, 1), "x");
    ASSERT_TRUE(file->datasync().has_value()) << "and makes nothing durable";
    ASSERT_EQ(disk.counters().of(disk_fault::flush_error), 1U);
  });

  EXPECT_EQ(found, (std::set<std::string>{".", "x"}));
}

TEST(DiskFaults, AFailedFlushOfNamesLeavesThemUndecided) {
  const auto found = leavings(instant::max(), [](simulated_disk& disk) {
    create(disk);
    disk.fail_next(disk_fault::flush_error);
    ASSERT_EQ(disk.sync_directory("log").error().code, error_code::io_failed);
  });

  EXPECT_EQ(found, (std::set<std::string>{"no file", ""}));
}

TEST(DiskFaults, AFailedWriteMayHaveWrittenAPart) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    simulated_disk disk(seed);
    const auto file = durable_file(disk, 2);
    disk.fail_next(disk_fault::write_error);
    ASSERT_EQ(write(*file, "xy").error().code, error_code::io_failed);
    found.insert(text_in(disk));
  }

  EXPECT_EQ(found, (std::set<std::string>{"..", "x.", "xy"}));
}

TEST(DiskFaults, AFailedReadSaysWhichFile) {
  simulated_disk disk;
  const auto file = durable_file(disk, 2);
  disk.fail_next(disk_fault::read_error);

  EXPECT_EQ(read(*file, 2), "read log/a: Input/output error");
  EXPECT_EQ(read(*file, 2), "..");
}

TEST(DiskFaults, AFullDiskTakesNoMoreUntilThereIsRoom) {
  simulated_disk disk;
  disk.capacity = 4;
  const auto file = durable_file(disk, 4);

  EXPECT_TRUE(write(*file, "1234").has_value());
  EXPECT_EQ(write(*file, "5", 4).error().code, error_code::no_space);
  EXPECT_EQ(disk.counters().full, 1U);
  disk.capacity = 5;
  EXPECT_TRUE(write(*file, "5", 4).has_value());
  EXPECT_EQ(text_in(disk), "12345");
}

TEST(DiskFaults, ALostWriteIsSeenUntilItsFlushAndNeverAfter) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  disk.fail_next(disk_fault::lost_write);
  ASSERT_TRUE(write(*file, "x").has_value());

  EXPECT_EQ(read(*file, 1), "x");
  ASSERT_TRUE(file->datasync().has_value());
  EXPECT_EQ(read(*file, 1), ".");
  EXPECT_EQ(text_in(*disk.crash(instant::max())), ".");
}

TEST(DiskFaults, AMisdirectedWriteLandsElsewhere) {
  std::set<std::string> found;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    simulated_disk disk(seed);
    const auto file = durable_file(disk, 1);
    durable_file(disk, disk_sector + 1, "log/b");
    disk.fail_next(disk_fault::misdirected_write);
    ASSERT_TRUE(write(*file, "x").has_value());
    ASSERT_TRUE(file->datasync().has_value());
    const auto other = text_in(disk, "log/b");
    found.insert(text_in(disk) + " " + other.front() + other.back());
  }

  EXPECT_EQ(found, (std::set<std::string>{". ..", "x ..", ". x.", ". .x"}));
}

TEST(DiskFaults, RotTurnsOverBitsThatAreAtRest) {
  simulated_disk disk;
  const auto file = durable_file(disk, 3);
  ASSERT_TRUE(write(*file, "aaa").has_value());
  ASSERT_TRUE(file->datasync().has_value());
  ASSERT_TRUE(write(*file, "b", 2).has_value());

  disk.rot(path, 0, 1);
  disk.rot(path, 2, 1);

  EXPECT_EQ(read(*file, 3), "cab") << "what waits in memory hides the damage";
  EXPECT_EQ(disk.rot(7), 7U);
  EXPECT_EQ(disk.counters().rotten_bits, 9U);
}

TEST(DiskFaults, RotAtRandomTurnsOverAnyBitOfWhatIsUsed) {
  std::set<std::size_t> turned;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    simulated_disk disk(seed);
    const auto file = durable_file(disk, 4);
    ASSERT_TRUE(write(*file, "ab").has_value());
    ASSERT_TRUE(file->datasync().has_value());
    const auto before = disk.contents(path);

    disk.rot(1);

    const auto after = disk.contents(path);
    for (std::size_t bit = 0; bit < 32; ++bit) {
      const auto changed = before[bit / 8] ^ after[bit / 8];
      if ((changed >> (bit % 8) & std::byte{1}) != std::byte{}) turned.insert(bit);
    }
  }

  EXPECT_EQ(turned.size(), 16U);
  EXPECT_EQ(*turned.rbegin(), 15U) << "what no one wrote is left alone";
}

TEST(DiskFaults, ARateStrikesAsOftenAsItSays) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  disk.settings.rate(disk_fault::write_error) = 100'000;

  int failed = 0;
  for (int i = 0; i < 10'000; ++i) failed += write(*file, "x").has_value() ? 0 : 1;

  EXPECT_GT(failed, 800);
  EXPECT_LT(failed, 1200);
}

TEST(DiskFaults, CountersGoOnAfterAPowerFailure) {
  simulated_disk disk;
  const auto file = durable_file(disk, 1);
  ASSERT_TRUE(write(*file, "x").has_value());

  const auto next = disk.crash(instant::max())->crash(instant::max());

  EXPECT_EQ(next->counters().writes, 1U);
  EXPECT_EQ(next->counters().bytes_written, 1U);
  EXPECT_EQ(next->counters().power_failures, 2U);
}

TEST(SimulatedDisk, TheSameSeedDoesTheSame) {
  const auto trace = [](std::uint64_t seed) {
    simulated_disk disk(seed);
    disk.begin_work(at(0s));
    const auto file = durable_file(disk, 8 * disk_sector);
    for (std::uint64_t i = 0; i < 8; ++i) (void)write(*file, "x", i * disk_sector);
    return std::pair(disk.work_ends(), text_in(*disk.crash(disk.work_ends(), crash_kind::torn)));
  };

  EXPECT_EQ(trace(1), trace(1));
  EXPECT_NE(trace(1), trace(2));
}

}  // namespace mainstay::simulation
