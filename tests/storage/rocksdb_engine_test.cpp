// The engine on RocksDB: what every engine promises, and what is its own: group commit, failures,
// want of space, damage, identity.
#include "mainstay/storage/rocksdb/rocksdb_engine.hpp"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "mainstay/storage/rocksdb/database_log.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

#include "tests/conformance/persistence_engine.hpp"
#include "tests/conformance/snapshot_storage.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay {

namespace {

using conformance::batch_of;
using conformance::entries_of;
using conformance::entry_at;
using testing::HasSubstr;

rocksdb_options options_in(const std::string& directory) {
  rocksdb_options options;
  options.directory = directory;
  options.cluster = cluster_id(7);
  options.node = node_id(1);
  options.bootstrap.voters = {{node_id(1), "127.0.0.1:7101"}};
  options.seed = 42;
  options.write_buffer_bytes = 1 << 20;
  return options;
}

std::unique_ptr<rocksdb_engine> open_engine(const rocksdb_options& options) {
  auto engine = rocksdb_engine::open(options);
  EXPECT_TRUE(engine.has_value()) << engine.error().message;
  return engine ? std::move(*engine) : nullptr;
}

/// Why it cannot be opened.
error refusal_of(const rocksdb_options& options) {
  const auto opened = rocksdb_engine::open(options);
  return opened ? error{error_code::invalid_argument, "it was opened", {}} : opened.error();
}

struct rocksdb_world {
  std::unique_ptr<rocksdb_engine> open() { return open_engine(options_in(directory.path())); }
  template <class Predicate>
  void wait(Predicate until) {
    while (!until()) std::this_thread::yield();
  }

  scratch_directory directory;
};

/// What the disk does, for every log file of the database. Any thread.
class disk_behaviour {
 public:
  /// A flush: held while the gate is shut, failing when it is told to.
  ::rocksdb::IOStatus flush() {
    std::unique_lock lock(mutex_);
    ++flushes_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return failing_ ? ::rocksdb::IOStatus::IOError("told to fail") : ::rocksdb::IOStatus::OK();
  }
  ::rocksdb::IOStatus write() {
    const std::lock_guard guard(mutex_);
    return full_ ? ::rocksdb::IOStatus::NoSpace("told to be full") : ::rocksdb::IOStatus::OK();
  }
  std::uint64_t free_bytes() {
    const std::lock_guard guard(mutex_);
    return free_bytes_;
  }
  void hold() {
    const std::lock_guard guard(mutex_);
    open_ = false;
  }
  void release(bool failing = false) {
    const std::lock_guard guard(mutex_);
    open_ = true;
    failing_ = failing;
    changed_.notify_all();
  }
  void fill(bool full) {
    const std::lock_guard guard(mutex_);
    full_ = full;
  }
  void leave_free(std::uint64_t bytes) {
    const std::lock_guard guard(mutex_);
    free_bytes_ = bytes;
  }
  std::uint64_t flushes() {
    const std::lock_guard guard(mutex_);
    return flushes_;
  }
  void wait_for_flush(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return flushes_ >= number; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t flushes_ = 0;
  std::uint64_t free_bytes_ = 1ULL << 40;
  bool open_ = true;
  bool failing_ = false;
  bool full_ = false;
};

class watched_file final : public ::rocksdb::FSWritableFileOwnerWrapper {
 public:
  watched_file(std::unique_ptr<::rocksdb::FSWritableFile> inside, disk_behaviour& disk)
      : FSWritableFileOwnerWrapper(std::move(inside)), disk_(disk) {}
  using FSWritableFileOwnerWrapper::Append;
  ::rocksdb::IOStatus Append(const ::rocksdb::Slice& data, const ::rocksdb::IOOptions& how,
                             ::rocksdb::IODebugContext* context) override {
    if (auto status = disk_.write(); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Append(data, how, context);
  }
  ::rocksdb::IOStatus Sync(const ::rocksdb::IOOptions& how,
                           ::rocksdb::IODebugContext* context) override {
    if (auto status = disk_.flush(); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Sync(how, context);
  }

 private:
  disk_behaviour& disk_;
};

class watched_files final : public ::rocksdb::FileSystemWrapper {
 public:
  explicit watched_files(disk_behaviour& disk)
      : FileSystemWrapper(::rocksdb::FileSystem::Default()), disk_(disk) {}
  const char* Name() const override { return "watched_files"; }
  ::rocksdb::IOStatus NewWritableFile(const std::string& path, const ::rocksdb::FileOptions& how,
                                      std::unique_ptr<::rocksdb::FSWritableFile>* file,
                                      ::rocksdb::IODebugContext* context) override {
    auto status = FileSystemWrapper::NewWritableFile(path, how, file, context);
    if (status.ok() && path.ends_with(".log")) {
      *file = std::make_unique<watched_file>(std::move(*file), disk_);
    }
    return status;
  }
  ::rocksdb::IOStatus GetFreeSpace(const std::string&, const ::rocksdb::IOOptions&,
                                   std::uint64_t* free, ::rocksdb::IODebugContext*) override {
    *free = disk_.free_bytes();
    return ::rocksdb::IOStatus::OK();
  }

 private:
  disk_behaviour& disk_;
};

class RocksdbEngine : public testing::Test {
 protected:
  RocksdbEngine() {
    environment_ = ::rocksdb::NewCompositeEnv(std::make_shared<watched_files>(disk_));
    options_.environment = environment_.get();
    reopen();
  }
  ~RocksdbEngine() override {
    disk_.release();
    engine_.reset();
  }

  void reopen() {
    engine_.reset();
    engine_ = open_engine(options_);
    ASSERT_NE(engine_, nullptr);
  }
  void send(core::persist_batch batch) {
    engine_->append(group_id(1), std::move(batch), [this](result<void> ok) {
      const std::lock_guard guard(mutex_);
      outcomes_.push_back(std::move(ok));
      changed_.notify_all();
    });
  }
  void append(std::uint64_t index) { send(batch_of({entry_at(index, 1)})); }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return outcomes_.size() >= count; });
  }
  result<void> outcome_of(core::persist_batch batch) {
    const auto number = outcomes().size();
    send(std::move(batch));
    wait_for(number + 1);
    return outcomes()[number];
  }
  result<void> compact(std::uint64_t index) {
    std::promise<result<void>> done;
    engine_->compact(group_id(1), log_index(index), [&](result<void> ok) { done.set_value(ok); });
    return done.get_future().get();
  }
  core::snapshot save_image(std::uint64_t index) {
    auto sink =
        engine_->begin_snapshot(group_id(1), {log_index(index), term(1), {}, options_.bootstrap});
    const std::string state = "the state";
    EXPECT_TRUE((*sink)->write(std::as_bytes(std::span(state))).has_value());
    return (*sink)->commit().value();
  }
  std::vector<result<void>> outcomes() {
    const std::lock_guard guard(mutex_);
    return outcomes_;
  }
  log_index last_index() { return engine_->recover(group_id(1), 0)->last_index; }

  scratch_directory directory_;
  disk_behaviour disk_;
  std::unique_ptr<::rocksdb::Env> environment_;
  rocksdb_options options_ = options_in(directory_.path());
  std::unique_ptr<rocksdb_engine> engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<result<void>> outcomes_;
};

/// Changes a closed database behind the engine's back.
void tamper(const std::string& directory,
            const std::function<void(database::open_database&)>& change) {
  auto opened = database::open_database::open({directory + "/rocksdb", 1 << 20, nullptr});
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  change(**opened);
}

// ---- Durability -------------------------------------------------------------------------------

TEST_F(RocksdbEngine, WhatGathersDuringAFlushSharesTheNext) {
  const auto before = disk_.flushes();
  disk_.hold();
  append(1);
  disk_.wait_for_flush(before + 1);
  for (std::uint64_t i = 2; i <= 101; ++i) append(i);

  disk_.release();
  wait_for(101);

  EXPECT_EQ(disk_.flushes(), before + 2);
}

// Hazard 100: nothing is answered before its flush is over.
TEST_F(RocksdbEngine, NothingIsCompletedWhileItsFlushStalls) {
  const auto before = disk_.flushes();
  disk_.hold();
  append(1);
  disk_.wait_for_flush(before + 1);

  EXPECT_TRUE(outcomes().empty());
  disk_.release();
  wait_for(1);
}

TEST_F(RocksdbEngine, WhatWasCompletedOutlivesAProcessThatIsKilled) {
  ASSERT_TRUE(outcome_of(batch_of(core::hard_state{term(3), node_id(2)})).has_value());
  ASSERT_TRUE(outcome_of(batch_of(entries_of(1, 20, 3))).has_value());
  ASSERT_TRUE(compact(5).has_value());
  // What lies there while the database is open is what a killed process leaves.
  const auto left = directory_.path() + "-left";
  std::filesystem::copy(directory_.path(), left, std::filesystem::copy_options::recursive);

  auto again = open_engine(options_in(left));
  ASSERT_NE(again, nullptr);
  const auto found = again->recover(group_id(1), conformance::unlimited);

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->hard_state, (core::hard_state{term(3), node_id(2)}));
  EXPECT_EQ(found->base_index, log_index(5));
  EXPECT_EQ(found->tail, entries_of(6, 20, 3));
}

// A record that a crash cut short was never reported: it is not there, and the rest is.
TEST_F(RocksdbEngine, RecordThatACrashCutShortIsNotThere) {
  ASSERT_TRUE(outcome_of(batch_of(entries_of(1, 3, 1))).has_value());
  ASSERT_TRUE(outcome_of(batch_of(entries_of(4, 4, 1, 5000))).has_value());
  const auto left = directory_.path() + "-left";
  std::filesystem::copy(directory_.path(), left, std::filesystem::copy_options::recursive);
  for (const auto& file : std::filesystem::directory_iterator(left + "/rocksdb")) {
    if (file.path().extension() != ".log" || file.file_size() < 5000) continue;
    std::filesystem::resize_file(file.path(), file.file_size() - 100);
  }

  auto again = open_engine(options_in(left));

  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->recover(group_id(1), conformance::unlimited)->tail, entries_of(1, 3, 1));
}

// ---- Failures ---------------------------------------------------------------------------------

// Hazard 98: a flush that failed is not tried again, and nothing behind it is reported durable.
TEST_F(RocksdbEngine, FailedFlushFailsItsBatchAndEverythingAfter) {
  const auto before = disk_.flushes();
  disk_.hold();
  append(1);
  disk_.wait_for_flush(before + 1);
  append(2);
  disk_.release(true);
  wait_for(2);
  disk_.release();
  append(1);
  wait_for(3);

  for (const auto& seen : outcomes()) {
    ASSERT_FALSE(seen.has_value());
    EXPECT_EQ(seen.error().code, error_code::io_failed);
    EXPECT_THAT(seen.error().message, HasSubstr(directory_.path() + "/rocksdb"));
    EXPECT_THAT(seen.error().message, HasSubstr("told to fail"));
  }
}

TEST_F(RocksdbEngine, LittleRoomIsKeptForTheDatabaseAndWritesAreRefused) {
  ASSERT_TRUE(outcome_of(batch_of(entries_of(1, 3, 1))).has_value());
  disk_.leave_free(4 << 20);
  const auto flushes = disk_.flushes();

  const auto refused = outcome_of(batch_of(entries_of(4, 4, 1)));

  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, error_code::no_space);
  EXPECT_THAT(refused.error().message, HasSubstr("4194304 bytes are free"));
  EXPECT_EQ(disk_.flushes(), flushes);
  disk_.leave_free(1 << 30);
  EXPECT_TRUE(outcome_of(batch_of(entries_of(4, 4, 1))).has_value());
  reopen();
  EXPECT_EQ(last_index(), log_index(4));
}

// What could give room back must not wait for room.
TEST_F(RocksdbEngine, CompactionMayTakeOfTheRoomThatIsKept) {
  ASSERT_TRUE(outcome_of(batch_of(entries_of(1, 9, 1))).has_value());
  disk_.leave_free(3 << 20);

  EXPECT_EQ(outcome_of(batch_of(entries_of(10, 10, 1))).error().code, error_code::no_space);
  EXPECT_TRUE(compact(5).has_value());
}

// Room that was there when it was asked for is gone when the write needs it: bytes may be half
// written, so that this is no refusal.
TEST_F(RocksdbEngine, WriteThatRunsOutOfRoomInTheMiddleIsAFailure) {
  ASSERT_TRUE(outcome_of(batch_of(entries_of(1, 3, 1))).has_value());
  disk_.fill(true);

  const auto failed = outcome_of(batch_of(entries_of(4, 4, 1)));
  disk_.fill(false);

  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, error_code::io_failed);
  EXPECT_EQ(outcome_of(batch_of(entries_of(4, 4, 1))), failed);
  reopen();
  EXPECT_EQ(engine_->recover(group_id(1), conformance::unlimited)->tail, entries_of(1, 3, 1));
}

TEST_F(RocksdbEngine, RoomOfCompactedEntriesComesBack) {
  for (std::uint64_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(outcome_of(batch_of(entries_of(100 * i + 1, 100 * i + 100, 1, 10000))).has_value());
  }
  const auto size_of_tables = [&] {
    std::uintmax_t size = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path() + "/rocksdb")) {
      std::error_code gone;
      if (file.path().extension() == ".sst")
        size += std::max<std::uintmax_t>(1, file.file_size(gone));
    }
    return size;
  };
  ASSERT_TRUE(compact(790).has_value());

  while (size_of_tables() > 1 << 20) std::this_thread::yield();
  EXPECT_EQ(engine_->recover(group_id(1), 0)->base_index, log_index(790));
}

// ---- Damage -----------------------------------------------------------------------------------

class RocksdbDamage : public RocksdbEngine {
 protected:
  RocksdbDamage() {
    EXPECT_TRUE(outcome_of(batch_of(entries_of(1, 9, 1))).has_value());
    EXPECT_TRUE(compact(2).has_value());
    engine_.reset();
  }
  /// What the engine says after a change to an entry's key.
  error after(const std::function<::rocksdb::Status(::rocksdb::DB&, ::rocksdb::ColumnFamilyHandle*,
                                                    const std::string&)>& change,
              std::uint64_t index, database::family which = database::family::entries) {
    const auto key = which == database::family::entries
                         ? database::key_of(database::entry_place{group_id(1), log_index(index)})
                         : database::key_of(group_id(1));
    tamper(directory_.path(), [&](database::open_database& in) {
      EXPECT_TRUE(change(in.raw(), in.handle(which), key).ok());
    });
    return refusal_of(options_);
  }
  void expect_damage(const error& seen, const char* family, const std::string& what) {
    EXPECT_EQ(seen.code, error_code::corrupt);
    EXPECT_THAT(seen.message, HasSubstr(directory_.path() + "/rocksdb: column family " + family));
    EXPECT_THAT(seen.message, HasSubstr(what));
    EXPECT_THAT(seen.message, HasSubstr("restore the directory"));
  }
  static ::rocksdb::Status remove(::rocksdb::DB& database, ::rocksdb::ColumnFamilyHandle* in,
                                  const std::string& key) {
    return database.Delete({}, in, key);
  }
  static ::rocksdb::Status flip(::rocksdb::DB& database, ::rocksdb::ColumnFamilyHandle* in,
                                const std::string& key) {
    std::string value;
    if (auto status = database.Get({}, in, key, &value); !status.ok()) return status;
    value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
    return database.Put({}, in, key, value);
  }
};

TEST_F(RocksdbDamage, MissingEntryIsNamed) {
  expect_damage(after(remove, 5), "entries", "entry 5 of group 1 is missing");
}

TEST_F(RocksdbDamage, MissingLastEntryIsNamed) {
  expect_damage(after(remove, 9), "entries", "entry 9 of group 1 is missing");
}

TEST_F(RocksdbDamage, MissingFirstEntryIsNamed) {
  expect_damage(after(remove, 3), "entries", "entry 3 of group 1 is missing");
}

TEST_F(RocksdbDamage, DamagedEntryIsNamed) {
  expect_damage(after(flip, 7), "entries", "entry 7 of group 1 does not hold");
}

TEST_F(RocksdbDamage, EntryThatCompactionRemovedMustNotComeBack) {
  const auto put = [](auto& database, auto* in, const std::string& key) {
    return database.Put({}, in, key, "old");
  };
  expect_damage(after(put, 1), "entries", "entry 1 of group 1 was removed, but is there");
}

TEST_F(RocksdbDamage, DamagedHardStateIsNamed) {
  expect_damage(after(flip, 0, database::family::hard_state), "hard_state",
                "the record of group 1 does not hold");
}

TEST_F(RocksdbDamage, MissingHardStateIsNamed) {
  expect_damage(after(remove, 0, database::family::hard_state), "entries",
                "the group's record in hard_state is missing");
}

TEST_F(RocksdbDamage, MissingOwnerIsNamed) {
  tamper(directory_.path(),
         [](database::open_database& in) { EXPECT_TRUE(in.raw().Delete({}, "owner").ok()); });

  expect_damage(refusal_of(options_), "default", "the owner's record is missing");
}

TEST_F(RocksdbDamage, BitThatTurnedInAFileIsNeverTakenForTheEndOfTheLog) {
  for (const auto& file : std::filesystem::directory_iterator(directory_.path() + "/rocksdb")) {
    const auto extension = file.path().extension();
    if (extension != ".log" && extension != ".sst") continue;
    if (file.file_size() == 0) continue;
    std::fstream bytes(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(file.file_size() / 3));
    bytes.put('\x55');
  }

  const auto seen = refusal_of(options_);

  EXPECT_EQ(seen.code, error_code::corrupt) << seen.message;
  EXPECT_THAT(seen.message, HasSubstr(directory_.path() + "/rocksdb"));
}

TEST_F(RocksdbDamage, FolderWithoutItsCurrentFileIsNotBegunAnew) {
  std::filesystem::remove(directory_.path() + "/rocksdb/CURRENT");

  const auto seen = refusal_of(options_);

  EXPECT_EQ(seen.code, error_code::corrupt);
  EXPECT_THAT(seen.message, HasSubstr("CURRENT is missing"));
}

TEST_F(RocksdbEngine, ImageThatTheDatabaseTellsOfMustBeThere) {
  ASSERT_TRUE(outcome_of(batch_of(entries_of(1, 9, 1))).has_value());
  const auto saved = save_image(7);
  ASSERT_TRUE(compact(7).has_value());
  reopen();
  EXPECT_EQ(engine_->recover(group_id(1), 0)->snapshot, saved);
  engine_.reset();
  for (const auto& file : std::filesystem::directory_iterator(directory_.path())) {
    if (file.path().extension() == ".image") std::filesystem::remove(file.path());
  }

  const auto seen = refusal_of(options_);

  EXPECT_EQ(seen.code, error_code::corrupt);
  EXPECT_THAT(seen.message, HasSubstr("column family snapshots"));
  EXPECT_THAT(seen.message, HasSubstr("the image of group 1 at index 7, term 1 is not beside"));
}

// ---- Identity ---------------------------------------------------------------------------------

// Hazard 68: a disk has an identity of its own, and a new one only when it is new.
TEST_F(RocksdbEngine, IncarnationAndBootstrapAreThoseOfTheFirstOpening) {
  const auto drawn = engine_->incarnation();
  const auto first = engine_->bootstrap();
  options_.seed = 4711;
  options_.bootstrap.voters = {{node_id(5), "elsewhere:1"}};
  reopen();

  EXPECT_TRUE(drawn);
  EXPECT_EQ(engine_->incarnation(), drawn);
  EXPECT_EQ(engine_->bootstrap(), first);
  EXPECT_EQ(engine_->cluster(), cluster_id(7));
  EXPECT_EQ(engine_->node(), node_id(1));
  EXPECT_EQ(rocksdb_engine::find_cluster(directory_.path()), cluster_id(7));
}

TEST_F(RocksdbEngine, DirectoryOfAnotherOwnerIsRefusedAndBothAreNamed) {
  engine_.reset();
  options_.cluster = cluster_id(8);
  const auto other_cluster = refusal_of(options_);
  options_.cluster = cluster_id(7);
  options_.node = node_id(2);
  const auto other_node = refusal_of(options_);

  EXPECT_EQ(other_cluster.code, error_code::wrong_identity);
  EXPECT_THAT(other_cluster.message, HasSubstr("node 1 of cluster 7, not to node 1 of cluster 8"));
  EXPECT_EQ(other_node.code, error_code::wrong_identity);
  EXPECT_THAT(other_node.message, HasSubstr("node 1 of cluster 7, not to node 2 of cluster 7"));
}

TEST_F(RocksdbEngine, SecondEngineOnADirectoryIsRefused) {
  EXPECT_THAT(refusal_of(options_).message, HasSubstr("another process has this directory open"));
}

TEST_F(RocksdbEngine, DirectoryOfTheOtherEngineIsRefusedByEither) {
  wal_options wal;
  wal.directory = directory_.path();
  wal.cluster = cluster_id(7);
  wal.node = node_id(1);
  wal.bootstrap = options_.bootstrap;
  engine_.reset();

  const auto refused = wal_engine::open(wal);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, error_code::wrong_identity);
  EXPECT_THAT(refused.error().message, HasSubstr("engine \"rocksdb\", not of \"wal\""));

  scratch_directory of_wal;
  wal.directory = of_wal.path();
  ASSERT_TRUE(wal_engine::open(wal).has_value());
  const auto seen = refusal_of(options_in(of_wal.path()));
  EXPECT_EQ(seen.code, error_code::wrong_identity);
  EXPECT_THAT(seen.message, HasSubstr("engine \"wal\", not of \"rocksdb\""));
  EXPECT_EQ(rocksdb_engine::find_cluster(of_wal.path()).error().code, error_code::wrong_identity);
}

TEST(RocksdbOptions, BrokenOptionsAreRefusedWithFieldAndRule) {
  scratch_directory directory;
  const auto refusal = [&](auto change) {
    auto options = options_in(directory.path());
    change(options);
    return refusal_of(options).message;
  };

  EXPECT_THAT(refusal([](auto& o) { o.write_buffer_bytes = 100; }),
              HasSubstr("write_buffer_bytes (100)"));
  EXPECT_THAT(refusal([](auto& o) { o.cluster = {}; }), HasSubstr("must not be 0"));
  EXPECT_THAT(refusal([](auto& o) { o.bootstrap = {}; }), HasSubstr("voters"));
  EXPECT_FALSE(std::filesystem::exists(directory.path()));
}

}  // namespace

namespace conformance {
using rocksdb_worlds = testing::Types<rocksdb_world>;
INSTANTIATE_TYPED_TEST_SUITE_P(Rocksdb, PersistenceEngine, rocksdb_worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Rocksdb, SnapshotStorage, rocksdb_worlds);
}  // namespace conformance

}  // namespace mainstay
