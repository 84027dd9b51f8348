/// What the tests of the log share: options of a small log, and a log with its runner on
/// simulated files.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"

#include "tests/conformance/log_batches.hpp"

namespace mainstay {

using simulation::crash_kind;
using simulation::file_operation;
using simulation::simulated_disk;

inline const std::string log_directory = "log";

inline wal::log_options small_log_options() {
  wal::log_options options;
  options.directory = log_directory;
  options.identity = {cluster_id(7), node_id(1), incarnation(99)};
  options.bootstrap.voters = {{node_id(1), "host:1"}, {node_id(2), "host:2"}};
  options.segment_size = wal::min_segment_size;
  return options;
}

/// A log that was opened, with what it stands on.
struct opened_log {
  std::unique_ptr<wal::inline_runner> runner;
  std::unique_ptr<wal::segmented_log> log;

  /// Closes the log as a process does that ends without warning. Needed before another is opened.
  void close() {
    log.reset();
    runner.reset();
  }

  wal::segmented_log* operator->() const { return log.get(); }
};

inline result<opened_log> try_open(wal::file_system& files,
                                   const wal::log_options& options = small_log_options()) {
  opened_log opened;
  opened.runner = std::make_unique<wal::inline_runner>(files);
  auto log = wal::segmented_log::open(options, files, *opened.runner);
  if (!log) return std::unexpected(log.error());
  opened.log = std::move(*log);
  return opened;
}

inline opened_log open_log(wal::file_system& files,
                           const wal::log_options& options = small_log_options()) {
  auto opened = try_open(files, options);
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
  return std::move(*opened);
}

/// Adds a batch and flushes it.
inline result<void> write_durably(wal::segmented_log& log, const core::persist_batch& batch,
                                  group_id group = group_id(1)) {
  if (auto ok = log.add(group, batch); !ok) return ok;
  if (auto ok = log.flush(); !ok) return ok;
  return log.maintain();
}

inline std::vector<core::entry> entries_in(const wal::segmented_log& log,
                                           group_id group = group_id(1)) {
  auto state = log.state_of(group, ~std::uint64_t{0});
  EXPECT_TRUE(state.has_value()) << state.error().message;
  return state ? state->tail : std::vector<core::entry>{};
}

inline std::string segment_path(std::uint64_t sequence, std::string_view suffix = ".wal") {
  return log_directory + "/" + wal::segment_name(sequence, suffix);
}

}  // namespace mainstay
