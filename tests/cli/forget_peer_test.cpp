/// forget-peer on directories that the real log wrote: with peers, without, in use, and damaged.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/storage/wal/peer_file.hpp"
#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

#include "cli/forget_peer_command.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay::cli {
namespace {

using testing::HasSubstr;

/// A data directory of node 1, and what forget-peer makes of it.
class ForgetPeer : public testing::Test {
 protected:
  std::unique_ptr<wal_engine> open_log() {
    wal_options options;
    options.directory = scratch_.path();
    options.cluster = cluster_id(10);
    options.node = node_id(1);
    options.bootstrap.voters = {{node_id(1), "host:1"}};
    options.seed = 1;
    options.segment_bytes = 64 * 1024;
    auto log = wal_engine::open(options);
    EXPECT_TRUE(log) << log.error().message;
    return *std::move(log);
  }
  void meet(node_id peer, incarnation disk) {
    EXPECT_TRUE(open_log()->peers().remember(peer, {disk}).has_value());
  }
  exit_code run(std::uint64_t node, bool json = false) {
    return run_forget_peer({scratch_.path(), node}, files_, {out_, err_, json});
  }

  scratch_directory scratch_;
  wal::posix_file_system files_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ForgetPeer, TakesOnePeerOutAndSaysWhichDiskItHad) {
  meet(node_id(2), incarnation(0x2a));
  meet(node_id(3), incarnation(0x3a));

  EXPECT_EQ(run(3), exit_code::done);

  EXPECT_THAT(out_.str(), HasSubstr("000000000000003a of node 3"));
  const auto log = open_log();
  EXPECT_EQ(log->peers().known().size(), 1U);
  EXPECT_TRUE(log->peers().known().contains(node_id(2)));
}

TEST_F(ForgetPeer, UnknownPeersGiveAStatusOfTheirOwn) {
  meet(node_id(2), incarnation(0x2a));

  EXPECT_EQ(run(3), exit_code::not_found);

  EXPECT_THAT(out_.str(), HasSubstr("knows no disk of node 3"));
}

TEST_F(ForgetPeer, ADirectoryInUseIsLeftAlone) {
  const auto log = open_log();
  ASSERT_TRUE(log->peers().remember(node_id(3), {incarnation(1)}).has_value());

  EXPECT_EQ(run(3), exit_code::io_failed);

  EXPECT_THAT(err_.str(), HasSubstr("lock"));
  EXPECT_TRUE((*wal::read_peers(files_, scratch_.path()))->disk_behind.contains(node_id(3)));
}

TEST_F(ForgetPeer, DamageIsToldAndNothingIsWritten) {
  meet(node_id(3), incarnation(1));
  const auto path = scratch_.path() + "/peers";
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(50).put('x');

  EXPECT_EQ(run(3), exit_code::damaged);

  EXPECT_THAT(err_.str(), HasSubstr(path + ": at offset"));
}

TEST_F(ForgetPeer, ADirectoryWithoutLogGetsNoLockFile) {
  ASSERT_TRUE(files_.create_directory(scratch_.path()).has_value());

  EXPECT_EQ(run(3), exit_code::not_found);

  EXPECT_FALSE(std::filesystem::exists(scratch_.path() + "/lock"));
}

TEST_F(ForgetPeer, JsonIsOneObject) {
  meet(node_id(3), incarnation(0x3a));

  EXPECT_EQ(run(3, true), exit_code::done);

  EXPECT_EQ(out_.str(), "{\"node\":3,\"incarnation\":\"000000000000003a\",\"forgotten\":true}\n");
}

}  // namespace
}  // namespace mainstay::cli
