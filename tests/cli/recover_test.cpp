/// recover on directories that the real engine wrote: what a node finds that starts on the new one,
/// and that nothing happens where it must not.
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

#include "cli/recover_command.hpp"
#include "tests/conformance/snapshot_states.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay::cli {
namespace {

using conformance::batch_of;
using conformance::contents_at;
using conformance::entries_of;
using conformance::state_of;
using testing::HasSubstr;

constexpr group_id group(1);

/// The directory of node 1 of cluster 10, in which nodes 1 to 3 vote.
class Recover : public testing::Test {
 protected:
  Recover() { std::filesystem::create_directories(directory_); }

  std::unique_ptr<wal_engine> open(cluster_id cluster) const {
    wal_options options;
    options.directory = directory_;
    options.cluster = cluster;
    options.node = node_id(1);
    options.bootstrap.voters = {
        {node_id(1), "host:1"}, {node_id(2), "host:2"}, {node_id(3), "host:3"}};
    options.seed = 1;
    options.segment_bytes = 64 * 1024;
    auto engine = wal_engine::open(options);
    EXPECT_TRUE(engine) << engine.error().message;
    return engine ? *std::move(engine) : nullptr;
  }
  /// Writes a batch to the log of the old cluster.
  static void write(wal_engine& engine, core::persist_batch batch) {
    std::promise<result<void>> written;
    engine.append(group, std::move(batch), [&](result<void> r) { written.set_value(r); });
    EXPECT_TRUE(written.get_future().get().has_value());
  }
  /// Entries 1 to 6 of term 2.
  static core::persist_batch six_entries() {
    auto batch = batch_of(entries_of(1, 6, 2));
    batch.has_hard_state = true;
    batch.state = {term(2), node_id()};
    return batch;
  }
  /// Entries 1 to 6 of term 2, of which the fourth brings a member, voted for node 2 in term 5.
  void write_old_log() const {
    auto engine = open(cluster_id(10));
    auto batch = batch_of(entries_of(1, 6, 2));
    core::configuration members = engine->bootstrap();
    members.learners = {{.id = node_id(4), .address = "host:4", .joined = log_index(4)}};
    batch.entries[3].kind = core::entry_kind::configuration;
    batch.entries[3].payload = core::encode(members);
    batch.has_hard_state = true;
    batch.state = {term(5), node_id(2)};
    write(*engine, std::move(batch));
  }
  exit_code run(bool force, std::string address = {}, std::uint64_t cluster = 77) {
    const recover_options options{directory_, force, std::move(address), cluster, 5};
    return run_recover(options, files_, {out_, err_, false});
  }
  recovered_state found() const {
    const auto engine = open(cluster_id(77));
    auto state = engine->recover(group, 1 << 20);
    EXPECT_TRUE(state.has_value()) << state.error().message;
    return *std::move(state);
  }
  std::string kept() const { return directory_ + ".before-recovery"; }

  scratch_directory scratch_;
  std::string directory_ = scratch_.path() + "/node";
  wal::posix_file_system files_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Recover, MakesTheNodeTheOnlyVoterOfANewClusterWithAllItsEntries) {
  write_old_log();

  ASSERT_EQ(run(true), exit_code::done) << err_.str();

  const auto state = found();
  EXPECT_EQ(open(cluster_id(77))->bootstrap().voters,
            (std::vector<core::member>{{node_id(1), "host:1"}}));
  EXPECT_TRUE(state.configurations.empty());
  EXPECT_EQ(state.last_index, log_index(6));
  EXPECT_EQ(state.hard_state, (core::hard_state{term(6), node_id()}));
  const auto before = entries_of(1, 6, 2);
  ASSERT_EQ(state.tail.size(), before.size());
  EXPECT_EQ(state.tail[3].kind, core::entry_kind::no_op);
  for (const std::size_t i : {0U, 1U, 2U, 4U, 5U}) EXPECT_EQ(state.tail[i], before[i]);
}

TEST_F(Recover, TakesTheSnapshotAndTheLogBehindItAlong) {
  const auto saved_state = state_of(300'000);
  {
    auto engine = open(cluster_id(10));
    write(*engine, six_entries());
    auto sink = *engine->begin_snapshot(group, contents_at(4, 2));
    ASSERT_TRUE(sink->write(saved_state).has_value());
    ASSERT_TRUE(sink->commit().has_value());
    std::promise<result<void>> compacted;
    engine->compact(group, log_index(3), [&](result<void> r) { compacted.set_value(r); });
    ASSERT_TRUE(compacted.get_future().get().has_value());
  }

  ASSERT_EQ(run(true), exit_code::done) << err_.str();

  const auto engine = open(cluster_id(77));
  const auto state = *engine->recover(group, 1 << 20);
  EXPECT_EQ(state.base_index, log_index(3));
  EXPECT_EQ(state.last_index, log_index(6));
  ASSERT_TRUE(state.snapshot.has_value());
  EXPECT_EQ(state.snapshot->id.last_included_index, log_index(4));
  EXPECT_EQ(state.snapshot->configuration, engine->bootstrap());
  std::vector<std::byte> copy(saved_state.size() + 1);
  std::size_t size = 0;
  auto source = *engine->open_snapshot(group, state.snapshot->id);
  while (const auto got = source->read(std::span(copy).subspan(size)).value()) size += got;
  copy.resize(size);
  EXPECT_EQ(copy, saved_state);
}

// The crash came between an image's installation and the reset of the log, which the image
// replaces.
TEST_F(Recover, ASnapshotBeyondTheLogTakesItsPlace) {
  {
    auto engine = open(cluster_id(10));
    write(*engine, six_entries());
    auto sink = *engine->begin_snapshot(group, contents_at(9, 2));
    ASSERT_TRUE(sink->commit().has_value());
  }

  ASSERT_EQ(run(true), exit_code::done) << err_.str();

  const auto state = found();
  EXPECT_EQ(state.base_index, log_index(9));
  EXPECT_EQ(state.base_term, term(2));
  EXPECT_EQ(state.last_index, log_index(9));
}

TEST_F(Recover, WhatWasThereIsKeptAndStillWhole) {
  write_old_log();
  ASSERT_EQ(run(true), exit_code::done) << err_.str();

  std::filesystem::remove_all(directory_);
  std::filesystem::rename(kept(), directory_);

  const auto engine = open(cluster_id(10));
  EXPECT_EQ(engine->recover(group, 0)->last_index, log_index(6));
}

TEST_F(Recover, OnlyLooksUnlessItIsForced) {
  write_old_log();

  EXPECT_EQ(run(false), exit_code::done) << err_.str();

  EXPECT_THAT(out_.str(), HasSubstr("node 1 of cluster 10, up to entry 6 of term 2"));
  EXPECT_THAT(out_.str(), HasSubstr("1=host:1, 2=host:2, 3=host:3, 4=host:4"));
  EXPECT_THAT(out_.str(), HasSubstr("nothing was changed"));
  EXPECT_EQ(open(cluster_id(10))->recover(group, 0)->last_index, log_index(6));
}

TEST_F(Recover, SaysHowToStartTheNodeAndWhatIsLost) {
  write_old_log();

  ASSERT_EQ(run(true, "elsewhere:1"), exit_code::done) << err_.str();

  EXPECT_THAT(out_.str(), HasSubstr("--cluster 1=elsewhere:1 --cluster-id 77"));
  EXPECT_THAT(out_.str(), HasSubstr("is gone"));
  EXPECT_THAT(out_.str(), HasSubstr("never start another node of the old cluster again"));
}

TEST_F(Recover, ARunningNodeIsLeftAlone) {
  write_old_log();
  const auto engine = open(cluster_id(10));

  EXPECT_EQ(run(true), exit_code::io_failed);
  EXPECT_EQ(run(false), exit_code::io_failed);

  EXPECT_FALSE(std::filesystem::exists(kept()));
}

// Two nodes of the old cluster that are both recovered must not meet, nor the new and the old one.
TEST_F(Recover, TheOldClustersIdIsRefused) {
  write_old_log();

  EXPECT_EQ(run(true, {}, 10), exit_code::usage);

  EXPECT_EQ(open(cluster_id(10))->recover(group, 0)->last_index, log_index(6));
}

TEST_F(Recover, WhatIsLeftOfAnEarlierRecoveryIsNotTouched) {
  write_old_log();
  std::filesystem::create_directory(kept());

  EXPECT_EQ(run(true), exit_code::usage);

  EXPECT_THAT(err_.str(), HasSubstr("move it away first"));
  EXPECT_EQ(open(cluster_id(10))->recover(group, 0)->last_index, log_index(6));
}

TEST_F(Recover, ARecoveryThatWasCutShortAtItsVeryEndIsTold) {
  write_old_log();
  ASSERT_EQ(run(true), exit_code::done);
  std::filesystem::rename(directory_, directory_ + ".recovering");

  EXPECT_EQ(run(true), exit_code::usage);

  EXPECT_THAT(err_.str(), HasSubstr("rename " + directory_ + ".recovering to it"));
}

TEST_F(Recover, ADirectoryWithoutALogIsNone) {
  EXPECT_EQ(run(true), exit_code::usage);
  EXPECT_THAT(err_.str(), HasSubstr("holds no log"));
}

TEST_F(Recover, DamageIsNotCarriedOver) {
  write_old_log();
  for (const auto& one : std::filesystem::directory_iterator(directory_)) {
    if (one.path().extension() != ".wal" || one.file_size() == 0) continue;
    std::fstream file(one.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3);
    file.put('!');
  }

  EXPECT_EQ(run(true), exit_code::damaged);

  EXPECT_FALSE(std::filesystem::exists(kept()));
}

}  // namespace
}  // namespace mainstay::cli
