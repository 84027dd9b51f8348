/// Ten million entries on a real disk: what a node keeps there is bounded by what it has to keep,
/// at every moment, however long it runs.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "mainstay/mainstay.hpp"

#include "tests/storage/scratch_directory.hpp"

namespace mainstay {
namespace {

constexpr std::uint64_t entries = 10'000'000;
constexpr std::uint64_t in_a_batch = 1'000;
constexpr std::uint64_t batches_under_way = 4;
constexpr std::uint64_t kib = 1024;

// What the bound is made of, in bytes on the disk.
constexpr std::uint64_t saved_after = 100'000;  // entries
constexpr std::uint64_t an_entry = 56;          // header, a payload of 8, and its part of a batch's
constexpr std::uint64_t state_size = 512 * kib;
constexpr std::uint64_t tail = 1024 * kib;
constexpr std::uint64_t segment = 1024 * kib;
/// How far the load runs ahead of the newest snapshot before it waits: a machine that gives the
/// saving thread no time must not make the test fail.
constexpr std::uint64_t ahead = 3 * saved_after;

/// Two images, of which one is being written; the log behind the older one, its tail; a segment
/// that is not full at either end; and those that are prepared or kept for being written again.
constexpr std::uint64_t bound =
    2 * (state_size + 64 * kib) + ahead * (an_entry + 8) + tail + 2 * segment + 4 * segment;

/// A state of constant size that every command changes.
struct counters {
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(state_size / 8);
  std::uint64_t next = 0;

  result<shared_bytes> apply(const applied_command&) {
    ++counts[next++ % counts.size()];
    return shared_bytes{};
  }
  result<shared_bytes> query(const shared_bytes&) { return shared_bytes{}; }
  result<void> save(const snapshot_writer& write) {
    return write(std::as_bytes(std::span(counts)));
  }
  result<void> restore(const snapshot_reader&) { return {}; }
};

/// The port was free a moment ago.
std::string free_address() {
  boost::asio::io_context context;
  const boost::asio::ip::tcp::acceptor probe(context, {boost::asio::ip::address_v4::loopback(), 0});
  return "127.0.0.1:" + std::to_string(probe.local_endpoint().port());
}

std::uint64_t disk_use(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    std::error_code gone;  // in between
    const auto size = file.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

/// Submits batches, so many at a time, until all is answered.
class load {
 public:
  explicit load(instance<counters>& node) : node_(node) {}

  /// Runs on this thread; `between` is called all along.
  template <class Between>
  void run(Between&& between) {
    std::uint64_t begun = 0;
    while (done_ < entries / in_a_batch) {
      between();
      if (begun - done_ >= batches_under_way || begun == entries / in_a_batch || is_ahead()) {
        std::this_thread::yield();
        continue;
      }
      ++begun;
      std::vector<shared_bytes> commands(in_a_batch, payload_);
      node_.replica().submit_batch(std::move(commands), {}, [this](const outcomes& answers) {
        for (const auto& one : answers) failed_ += one ? 0 : 1;
        ++done_;
      });
    }
  }
  std::uint64_t failed() const { return failed_; }

 private:
  bool is_ahead() const {
    const auto now = node_.status();
    return now.applied_index.value() > now.snapshot_index.value() + ahead - 10 * in_a_batch;
  }

  instance<counters>& node_;
  shared_bytes payload_ = shared_bytes::copy_of(std::string(8, 'x'));
  std::atomic<std::uint64_t> done_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
};

TEST(LongRun, DiskUseIsBoundedOverTenMillionEntries) {
  scratch_directory scratch;
  std::filesystem::create_directory(scratch.path());
  instance_options options{
      .id = 1, .directory = scratch.path() + "/data", .members = "1=" + free_address()};
  options.core.compaction_tail_bytes = tail;
  options.core.max_command_bytes = 64 * kib;
  options.segment_bytes = segment;
  options.snapshots.after_entries = saved_after;
  auto opened = instance<counters>::open(options, counters{});
  ASSERT_TRUE(opened) << opened.error().message;
  auto& node = **opened;
  while (node.status().role != core::role::leader) std::this_thread::yield();

  std::uint64_t most = 0;
  std::uint64_t turns = 0;
  load all(node);
  all.run([&] {
    if (++turns % 64 == 0) most = std::max(most, disk_use(options.directory));
  });

  EXPECT_EQ(all.failed(), 0U);
  EXPECT_GE(node.status().applied_index.value(), entries);
  EXPECT_LE(most, bound);
  EXPECT_GT(entries * an_entry, 10 * bound);  // or this would show nothing
  EXPECT_GT(most, 2 * state_size);
}

}  // namespace
}  // namespace mainstay
