/// snapshot inspect and restore, on images that the real engine wrote; and that what was restored
/// is what a node finds when it starts.
#include "cli/image_commands.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

#include "tests/conformance/snapshot_states.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay::cli {
namespace {

using conformance::contents_at;
using conformance::state_of;
using testing::HasSubstr;
using testing::Not;

constexpr group_id group(1);

std::unique_ptr<wal_engine> open_engine(const std::string& directory, cluster_id cluster,
                                        node_id node) {
  wal_options options;
  options.directory = directory;
  options.cluster = cluster;
  options.node = node;
  options.bootstrap.voters = {{node_id(1), "ignored:1"}};
  options.seed = 1;
  auto engine = wal_engine::open(options);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? *std::move(engine) : nullptr;
}

/// A data directory with an image, and a place for new ones.
class ImageCommands : public testing::Test {
 protected:
  ImageCommands() {
    std::filesystem::create_directory(elsewhere_.path());
    auto engine = open_engine(scratch_.path(), cluster_id(10), node_id(1));
    auto sink = *engine->begin_snapshot(group, contents_at(7, 3));
    EXPECT_TRUE(sink->write(state_).has_value());
    saved_ = *sink->commit();
    for (const auto& one : std::filesystem::directory_iterator(scratch_.path())) {
      if (one.path().extension() == ".image") image_ = one.path().string();
    }
  }
  exit_code inspect(const std::string& path, bool json = false) {
    return run_snapshot_inspect({path}, files_, {out_, err_, json});
  }
  exit_code restore(const std::string& name, std::uint64_t node,
                    std::vector<std::string> members = {"2=b:1", "1=a:1"}) {
    const snapshot_restore_options options{image_, place(name), node, std::move(members), 77, 5};
    return run_snapshot_restore(options, files_, {out_, err_, false});
  }
  std::string place(const std::string& name) const { return elsewhere_.path() + "/" + name; }
  void damage() {
    std::fstream file(image_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file.put('!');
  }

  scratch_directory scratch_;
  scratch_directory elsewhere_;
  wal::posix_file_system files_;
  std::vector<std::byte> state_ = state_of(300'000);
  core::snapshot saved_;
  std::string image_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ImageCommands, InspectShowsWhatAnImageSays) {
  EXPECT_EQ(inspect(image_), exit_code::done);

  EXPECT_THAT(out_.str(), HasSubstr("group 1, after entry 7 of term 3, time 7000"));
  EXPECT_THAT(out_.str(), HasSubstr("300000 bytes of state in 2 chunks"));
  EXPECT_THAT(out_.str(), HasSubstr("voters 1=host:1, 2=host:2; learners 3=host:3"));
}

TEST_F(ImageCommands, InspectShowsAllImagesOfADirectoryAsJson) {
  EXPECT_EQ(inspect(scratch_.path(), true), exit_code::done);

  const auto seen = nlohmann::json::parse(out_.str());
  EXPECT_EQ(seen["file"], image_);
  EXPECT_EQ(seen["last_included_index"], 7);
  EXPECT_EQ(seen["bytes"], saved_.id.size);
  EXPECT_EQ(seen["voters"], (std::vector<std::string>{"1=host:1", "2=host:2"}));
}

TEST_F(ImageCommands, InspectNamesDamageWithFileAndPlace) {
  damage();

  EXPECT_EQ(inspect(scratch_.path()), exit_code::damaged);

  EXPECT_THAT(err_.str(), HasSubstr(image_ + ": at offset"));
}

TEST_F(ImageCommands, InspectTellsAbsenceApart) {
  EXPECT_EQ(inspect(elsewhere_.path()), exit_code::not_found);
  EXPECT_EQ(inspect(place("nothing")), exit_code::io_failed);
}

TEST_F(ImageCommands, RestoreMakesADirectoryThatANodeOfTheNewClusterStartsFrom) {
  ASSERT_EQ(restore("new", 1), exit_code::done) << err_.str();

  const auto engine = open_engine(place("new"), cluster_id(77), node_id(1));
  ASSERT_NE(engine, nullptr);
  const auto found = engine->recover(group, 0);
  ASSERT_TRUE(found.has_value());
  const std::vector<core::member> members{{node_id(1), "a:1"}, {node_id(2), "b:1"}};
  ASSERT_TRUE(found->snapshot.has_value());
  EXPECT_EQ(found->snapshot->configuration.voters, members);
  EXPECT_EQ(found->snapshot->time, log_time{7000});
  EXPECT_EQ(engine->bootstrap().voters, members);
  EXPECT_EQ(found->base_index, log_index(7));
  EXPECT_EQ(found->base_term, term(3));
  EXPECT_EQ(found->hard_state, (core::hard_state{term(3), node_id()}));
  std::vector<std::byte> state(state_.size() + 1);
  std::size_t size = 0;
  auto source = *engine->open_snapshot(group, found->snapshot->id);
  while (const auto got = source->read(std::span(state).subspan(size)).value()) size += got;
  state.resize(size);
  EXPECT_EQ(state, state_);
}

TEST_F(ImageCommands, RestoreTellsTheCommandsThatComeNext) {
  ASSERT_EQ(restore("new", 1), exit_code::done) << err_.str();

  const auto common = [&](int node) {
    return fmt::format("--data {} --id {} --cluster 2=b:1,1=a:1 --cluster-id 77\n", place("new"),
                       node);
  };
  EXPECT_THAT(out_.str(), HasSubstr("  mainstayctl snapshot restore " + image_ + " " + common(2)));
  EXPECT_THAT(out_.str(), HasSubstr("  mainstayd " + common(1)));
  EXPECT_THAT(out_.str(), Not(HasSubstr("restore " + image_ + " " + common(1))));
}

TEST_F(ImageCommands, AllNodesOfTheNewClusterHaveTheSameImage) {
  ASSERT_EQ(restore("one", 1), exit_code::done);
  ASSERT_EQ(restore("two", 2, {"1=a:1", "2=b:1"}), exit_code::done);

  const auto one = open_engine(place("one"), cluster_id(77), node_id(1))->recover(group, 0);
  const auto two = open_engine(place("two"), cluster_id(77), node_id(2))->recover(group, 0);
  EXPECT_EQ(one->snapshot, two->snapshot);
}

TEST_F(ImageCommands, RestoreRefusesAUsedDirectory) {
  ASSERT_EQ(restore("new", 1), exit_code::done);

  EXPECT_EQ(restore("new", 1), exit_code::usage);

  EXPECT_THAT(err_.str(), HasSubstr("is not empty"));
  std::filesystem::create_directory(place("other"));
  std::ofstream(place("other") + "/notes") << "mine";
  EXPECT_EQ(restore("other", 1), exit_code::usage);
}

TEST_F(ImageCommands, RestoreRefusesADamagedImageAndLeavesNothing) {
  damage();

  EXPECT_EQ(restore("new", 1), exit_code::damaged);

  EXPECT_FALSE(std::filesystem::exists(place("new")));
}

TEST_F(ImageCommands, RestoreRefusesMembersThatAreNone) {
  const std::vector<std::vector<std::string>> wrong{
      {"1"}, {"=a:1"}, {"1="}, {"0=a:1"}, {"x=a:1"}, {"2=a:1"}, {"1=a:1", "1=b:1"}};
  for (const auto& members : wrong) {
    EXPECT_EQ(restore("new", 1, members), exit_code::usage) << members.front();
  }
  EXPECT_FALSE(std::filesystem::exists(place("new")));
}

}  // namespace
}  // namespace mainstay::cli
