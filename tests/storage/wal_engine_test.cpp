// The durable engine: what every engine promises, on real files and on simulated ones; and what is
// its own: group commit, failures, identity.
#include "mainstay/storage/wal/wal_engine.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"

#include "tests/conformance/persistence_engine.hpp"
#include "tests/conformance/snapshot_storage.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay {

using simulation::crash_kind;
using simulation::file_operation;
using simulation::simulated_disk;

namespace {

using conformance::batch_of;
using conformance::entries_of;
using conformance::entry_at;

wal_options options_in(const std::string& directory) {
  wal_options options;
  options.directory = directory;
  options.cluster = cluster_id(7);
  options.node = node_id(1);
  options.bootstrap.voters = {{node_id(1), "127.0.0.1:7101"}};
  options.seed = 42;
  options.segment_bytes = 16 * 1024;
  return options;
}

std::unique_ptr<wal_engine> open_engine(const wal_options& options) {
  auto engine = wal_engine::open(options);
  EXPECT_TRUE(engine.has_value()) << engine.error().message;
  return engine ? std::move(*engine) : nullptr;
}

struct posix_world {
  std::unique_ptr<wal_engine> open() { return open_engine(options_in(directory.path())); }
  template <class Predicate>
  void wait(Predicate until) {
    while (!until()) std::this_thread::yield();
  }

  scratch_directory directory;
};

struct simulated_world {
  std::unique_ptr<wal_engine> open() {
    auto options = options_in("log");
    options.files = &files;
    return open_engine(options);
  }
  template <class Predicate>
  void wait(Predicate until) {
    while (!until()) std::this_thread::yield();
  }

  simulated_disk files;
};

/// Lets flushes through, holds them, or fails them.
class flush_gate {
 public:
  result<void> pass(const file_operation& operation) {
    if (operation.what != file_operation::kind::datasync) return {};
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    if (failing_) return fail(error_code::io_failed, "fdatasync " + operation.path + ": EIO");
    return {};
  }
  void hold() {
    const std::lock_guard guard(mutex_);
    open_ = false;
    arrived_ = 0;
  }
  void release(bool failing = false) {
    const std::lock_guard guard(mutex_);
    failing_ = failing;
    open_ = true;
    changed_.notify_all();
  }
  /// Waits until a flush stands at the gate.
  void wait_for_arrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  bool failing_ = false;
  int arrived_ = 0;
};

class WalEngine : public testing::Test {
 protected:
  WalEngine() {
    files_.hook = [this](const file_operation& operation) { return gate_.pass(operation); };
    options_.files = &files_;
    // One large segment and no timer: no flushes but those that the test asks for.
    options_.segment_bytes = 64 * 1024;
    options_.idle_before_proof = std::chrono::hours(1);
    engine_ = open_engine(options_);
    append(1);
    wait_for(1);
    settle();
  }
  ~WalEngine() override { gate_.release(); }

  void append(std::uint64_t index) {
    engine_->append(group_id(1), batch_of({entry_at(index, 1)}), [this](result<void> ok) {
      const std::lock_guard guard(mutex_);
      outcomes_.push_back(std::move(ok));
      changed_.notify_all();
    });
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.size() >= count; });
  }
  /// Waits until the preparation of the next segment, which flushes too, is over.
  void settle() {
    while (true) {
      for (const auto& path : files_.paths()) {
        if (path.ends_with("02.wal")) return;
      }
      std::this_thread::yield();
    }
  }
  std::vector<result<void>> outcomes() {
    const std::lock_guard guard(mutex_);
    return outcomes_;
  }

  simulated_disk files_;
  flush_gate gate_;
  wal_options options_ = options_in("log");
  std::unique_ptr<wal_engine> engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<result<void>> outcomes_;
};

TEST_F(WalEngine, WhatGathersDuringAFlushSharesTheNext) {
  gate_.hold();
  append(2);
  gate_.wait_for_arrival();
  const auto before = files_.flushes();
  for (std::uint64_t i = 3; i <= 102; ++i) append(i);

  gate_.release();
  wait_for(102);

  EXPECT_EQ(files_.flushes(), before + 2);
}

TEST_F(WalEngine, NothingIsCompletedWhileItsFlushStalls) {
  gate_.hold();
  append(2);
  gate_.wait_for_arrival();

  EXPECT_EQ(outcomes().size(), 1U);
  gate_.release();
  wait_for(2);
}

TEST_F(WalEngine, StopWaitsForAStalledFlushAndCompletesIt) {
  gate_.hold();
  append(2);
  gate_.wait_for_arrival();
  std::thread stopper([this] { engine_->stop(); });

  gate_.release();
  stopper.join();

  EXPECT_EQ(outcomes(), (std::vector<result<void>>{{}, {}}));
}

// Hazard 98: a flush that failed is not tried again, and nothing behind it is reported durable.
TEST_F(WalEngine, FailedFlushFailsItsBatchAndEverythingAfter) {
  gate_.hold();
  append(2);
  gate_.wait_for_arrival();
  append(3);
  append(4);

  gate_.release(true);
  wait_for(4);
  gate_.release();
  append(2);
  wait_for(5);

  const auto seen = outcomes();
  for (std::size_t i = 1; i < seen.size(); ++i) {
    ASSERT_FALSE(seen[i].has_value());
    EXPECT_EQ(seen[i].error().code, error_code::io_failed);
    EXPECT_NE(seen[i].error().message.find("fdatasync log/0000000000000001.wal: EIO"),
              std::string::npos);
  }
}

TEST_F(WalEngine, BatchesBehindOneThatWasRefusedForSpaceAreRefusedToo) {
  files_.capacity = 0;
  gate_.hold();
  append(2);
  gate_.wait_for_arrival();
  const auto send = [this](core::persist_batch batch) {
    engine_->append(group_id(1), std::move(batch), [this](result<void> ok) {
      const std::lock_guard guard(mutex_);
      outcomes_.push_back(std::move(ok));
      changed_.notify_all();
    });
  };
  // More than both prepared segments hold, so that a third would be needed.
  send(batch_of(entries_of(3, 20, 1, 8000)));
  send(batch_of(core::hard_state{term(9), node_id(1)}));
  gate_.release();
  wait_for(4);

  const auto seen = outcomes();
  EXPECT_TRUE(seen[1].has_value());
  EXPECT_EQ(seen[2].error().code, error_code::no_space);
  EXPECT_EQ(seen[3].error().code, error_code::no_space);
  files_.capacity.reset();
  send(batch_of(entries_of(3, 20, 1, 8000)));
  send(batch_of(core::hard_state{term(9), node_id(1)}));
  wait_for(6);
  EXPECT_TRUE(outcomes()[4].has_value());
  EXPECT_TRUE(outcomes()[5].has_value());
}

TEST_F(WalEngine, ReadsDoNotWaitForAStalledFlushOnceTheyAreUnderWay) {
  std::atomic<int> reads{0};
  for (int i = 0; i < 50; ++i) {
    engine_->read(group_id(1), log_index(1), log_index(1), 1000,
                  [&](result<std::vector<core::entry>> found) {
                    EXPECT_EQ(found, entries_of(1, 1, 1));
                    ++reads;
                  });
  }
  append(2);
  wait_for(2);
  engine_->stop();

  EXPECT_EQ(reads.load(), 50);
}

TEST_F(WalEngine, IdleLogProvesItsLastFlush) {
  engine_.reset();
  options_.idle_before_proof = std::chrono::milliseconds(1);
  engine_ = open_engine(options_);
  const auto before = files_.flushes();
  append(2);
  while (files_.flushes() < before + 2) std::this_thread::yield();
  random_generator random(1);
  auto image = files_.crash(crash_kind::lost, random);
  engine_->stop();

  auto bytes = image->contents("log/0000000000000001.wal");
  const auto text = entry_at(2, 1).payload;
  const auto at = std::ranges::search(bytes, text.span()).begin();
  *at ^= std::byte{1};
  image->replace("log/0000000000000001.wal", std::move(bytes));
  options_.files = image.get();
  EXPECT_EQ(wal_engine::open(options_).error().code, error_code::corrupt);
}

TEST_F(WalEngine, LogThatIsClosedProvesItsLastFlush) {
  append(2);
  wait_for(2);
  engine_->stop();

  auto bytes = files_.contents("log/0000000000000001.wal");
  const auto text = entry_at(2, 1).payload;
  *std::ranges::search(bytes, text.span()).begin() ^= std::byte{1};
  files_.replace("log/0000000000000001.wal", std::move(bytes));
  engine_.reset();
  EXPECT_EQ(wal_engine::open(options_).error().code, error_code::corrupt);
}

// Hazard 68: a disk has an identity of its own, and a new one only when it is new.
TEST_F(WalEngine, IncarnationIsDrawnOnceAndKept) {
  const auto drawn = engine_->incarnation();
  engine_.reset();
  options_.seed = 4711;
  engine_ = open_engine(options_);

  EXPECT_TRUE(drawn);
  EXPECT_EQ(engine_->incarnation(), drawn);
  EXPECT_EQ(engine_->cluster(), cluster_id(7));
  EXPECT_EQ(engine_->node(), node_id(1));

  simulated_disk wiped;
  options_.files = &wiped;
  EXPECT_NE(open_engine(options_)->incarnation(), drawn);
}

TEST_F(WalEngine, BootstrapOfTheFirstOpeningStays) {
  const auto first = engine_->bootstrap();
  engine_.reset();
  options_.bootstrap.voters = {{node_id(5), "elsewhere:1"}};

  EXPECT_EQ(open_engine(options_)->bootstrap(), first);
}

TEST_F(WalEngine, DirectoryOfAnotherClusterIsRefused) {
  engine_.reset();
  options_.cluster = cluster_id(8);

  const auto opened = wal_engine::open(options_);

  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, error_code::wrong_identity);
  EXPECT_NE(opened.error().message.find("node 1 of cluster 7, not to node 1 of cluster 8"),
            std::string::npos);
}

TEST(WalOptions, BrokenOptionsAreRefusedWithFieldAndRule) {
  simulated_disk files;
  const auto refusal = [&](auto change) {
    auto options = options_in("log");
    options.files = &files;
    change(options);
    auto opened = wal_engine::open(options);
    return opened ? std::string("accepted") : opened.error().message;
  };

  EXPECT_NE(refusal([](auto& o) { o.segment_bytes = 20000; }).find("segment_bytes (20000)"),
            std::string::npos);
  EXPECT_NE(refusal([](auto& o) { o.cluster = {}; }).find("must not be 0"), std::string::npos);
  EXPECT_NE(refusal([](auto& o) { o.bootstrap = {}; }).find("voters"), std::string::npos);
  EXPECT_TRUE(files.paths().empty());
}

TEST(WalOnPosixFiles, SecondEngineOnADirectoryIsRefused) {
  scratch_directory directory;
  auto first = open_engine(options_in(directory.path()));

  const auto second = wal_engine::open(options_in(directory.path()));

  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, error_code::io_failed);
  EXPECT_NE(second.error().message.find("another process has this directory open"),
            std::string::npos);
  first.reset();
  EXPECT_TRUE(wal_engine::open(options_in(directory.path())).has_value());
}

TEST(WalOnPosixFiles, FailureNamesTheFileAndTheReason) {
  wal::posix_file_system files;

  const auto opened = files.open("/nonexistent/file", wal::open_mode::read_only);

  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, error_code::io_failed);
  EXPECT_EQ(opened.error().message, "open /nonexistent/file: No such file or directory");
}

TEST(WalOnPosixFiles, LongListOfPiecesIsWrittenInOrder) {
  scratch_directory directory;
  wal::posix_file_system files;
  ASSERT_TRUE(files.create_directory(directory.path()).has_value());
  auto file = files.create(directory.path() + "/pieces");
  std::vector<std::byte> bytes(5000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i % 251);
  std::vector<std::span<const std::byte>> pieces;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    pieces.push_back(std::span(bytes).subspan(i, 2));

  ASSERT_TRUE((*file)->write(pieces, 7).has_value());

  std::vector<std::byte> found(6000);
  EXPECT_EQ((*file)->read(found, 7), bytes.size());
  found.resize(bytes.size());
  EXPECT_EQ(found, bytes);
}

// For the thread sanitizer: groups, reads and compactions from several threads at once.
TEST(WalOnPosixFiles, ThreadsOfDifferentGroupsShareTheLog) {
  scratch_directory directory;
  auto engine = open_engine(options_in(directory.path()));
  std::atomic<int> failures{0};
  const auto work = [&](group_id group) {
    for (std::uint64_t i = 1; i <= 200; ++i) {
      std::atomic<bool> done{false};
      engine->append(group, batch_of({entry_at(i, 1, 200)}), [&](result<void> ok) {
        failures += ok ? 0 : 1;
        done = true;
        done.notify_one();
      });
      done.wait(false);
      if (i % 20 != 0) continue;
      std::atomic<bool> read{false};
      engine->read(group, log_index(i - 9), log_index(i), 100000, [&](auto found) {
        failures += found && found->size() == 10 ? 0 : 1;
        read = true;
        read.notify_one();
      });
      engine->compact(group, log_index(i - 10), [&](result<void> ok) { failures += ok ? 0 : 1; });
      read.wait(false);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t g = 1; g <= 3; ++g) threads.emplace_back(work, group_id(g));
  for (auto& t : threads) t.join();
  engine->stop();

  EXPECT_EQ(failures.load(), 0);
}

}  // namespace

namespace conformance {
using wal_worlds = testing::Types<posix_world, simulated_world>;
INSTANTIATE_TYPED_TEST_SUITE_P(Wal, PersistenceEngine, wal_worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Wal, SnapshotStorage, wal_worlds);
}  // namespace conformance

}  // namespace mainstay
