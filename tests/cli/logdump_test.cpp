/// logdump on directories that the real log wrote: whole, damaged, and none at all.
#include <fstream>
#include <future>
#include <iterator>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

#include "cli/logdump_command.hpp"
#include "tests/storage/scratch_directory.hpp"

namespace mainstay::cli {
namespace {

core::entry entry_at(std::uint64_t index, const char* payload) {
  return {log_index(index), term(3), core::entry_kind::command, log_time{5},
          shared_bytes::copy_of(payload)};
}

/// A closed log of node 2 in cluster 10 with term 3, a vote for node 2, and three entries.
void write_log(const std::string& directory) {
  wal_options options;
  options.directory = directory;
  options.cluster = cluster_id(10);
  options.node = node_id(2);
  options.bootstrap.voters = {{node_id(2), "host:1"}};
  options.seed = 1;
  options.segment_bytes = 64 * 1024;
  auto log = wal_engine::open(options);
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE((*log)->recover(group_id(1), 1024));
  core::persist_batch batch;
  batch.sequence = 1;
  batch.has_hard_state = true;
  batch.state = {term(3), node_id(2)};
  batch.entries = {entry_at(1, "first"), entry_at(2, "second payload"), entry_at(3, "third")};
  std::promise<result<void>> written;
  (*log)->append(group_id(1), std::move(batch),
                 [&](result<void> outcome) { written.set_value(std::move(outcome)); });
  ASSERT_TRUE(written.get_future().get());
  (*log)->stop();
}

/// A directory and what logdump makes of it.
struct dumped {
  scratch_directory scratch;
  wal::posix_file_system files;
  std::ostringstream out;
  std::ostringstream err;

  std::string path() const { return scratch.path(); }
  exit_code run(logdump_options options = {}, bool json = false) {
    options.directory = path();
    out.str("");
    return run_logdump(options, files, {out, err, json});
  }
  bool says(const std::string& text) const { return out.str().find(text) != std::string::npos; }
};

TEST(Logdump, WholeLogIsShownRecordByRecord) {
  dumped log;
  write_log(log.path());

  const auto code = log.run();

  EXPECT_EQ(code, exit_code::done);
  EXPECT_TRUE(log.says("cluster 10, node 2")) << log.out.str();
  EXPECT_TRUE(log.says("group 1 term 3 voted for 2")) << log.out.str();
  EXPECT_TRUE(log.says("group 1 index 2 term 3 command of 14 bytes, time 5")) << log.out.str();
  EXPECT_TRUE(log.says("group 1: 3 entries of 24 bytes, indexes 1 to 3, last of term 3"));
  EXPECT_TRUE(log.says("last hard state: term 3, voted for 2"));
  EXPECT_TRUE(log.says("0 damaged places"));
}

TEST(Logdump, RangeOfIndexesLeavesTheOthersOut) {
  dumped log;
  write_log(log.path());

  log.run({.first_index = 2, .last_index = 2});

  EXPECT_FALSE(log.says("index 1 term"));
  EXPECT_TRUE(log.says("index 2 term"));
  EXPECT_FALSE(log.says("index 3 term"));
}

TEST(Logdump, SummaryShowsNoRecords) {
  dumped log;
  write_log(log.path());

  log.run({.summary = true});

  EXPECT_FALSE(log.says("index 1 term"));
  EXPECT_TRUE(log.says("3 entries"));
}

TEST(Logdump, DamagedByteIsToldWithItsFileAndDegradesTheStatus) {
  dumped log;
  write_log(log.path());
  {
    const auto name = log.path() + "/0000000000000001.wal";
    std::fstream file(name, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    file.clear();
    file.seekp(static_cast<std::streamoff>(bytes.find("second payload")));
    file.put('S');
  }

  const auto code = log.run();

  EXPECT_EQ(code, exit_code::damaged);
  EXPECT_TRUE(log.says("DAMAGED")) << log.out.str();
}

TEST(Logdump, JsonIsOneObjectALine) {
  dumped log;
  write_log(log.path());

  log.run({}, true);

  std::istringstream lines(log.out.str());
  std::uint64_t entries = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line);
    if (object.contains("record") && object["record"]["type"] == "entry") ++entries;
  }
  EXPECT_EQ(entries, 3U);
}

TEST(Logdump, DirectoryWithoutLogIsAnError) {
  dumped log;

  EXPECT_EQ(log.run(), exit_code::io_failed);
}

}  // namespace
}  // namespace mainstay::cli
