/// Three benchmark nodes as processes on loopback, and single measurements with them: the
/// proposer's own figures beside what the system says of the processes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"

#include "bench/child_process.hpp"

namespace mainstay::bench {

/// One measurement.
struct workload {
  bool reads = false;
  std::size_t payload_bytes = 128;
  std::size_t outstanding = 1000;
  std::size_t batch = 1;  ///< commands in one call
  double warmup_seconds = 1;
  double seconds = 2;
};

/// What came of it.
struct measurement {
  workload work;
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  std::map<std::string, std::uint64_t> failed;  ///< by code, such as "not_leader"
  double cpu_us_per_operation = 0;              ///< over all three processes, the proposer included
  double flushes_per_second = 0;                ///< over all three
  double peak_memory_mib = 0;                   ///< of the process that took most
  std::uint64_t log_entries = 0;                ///< in the log when it was over
};

/// Three nodes with fresh logs below a directory, which are removed in the end.
class bench_cluster {
 public:
  /// Starts the nodes and waits for a leader. Errors: `io_failed`, `timed_out`, `disconnected`.
  static result<bench_cluster> start(const std::string& directory);
  bench_cluster(bench_cluster&&) = default;
  bench_cluster& operator=(bench_cluster&&) = delete;
  ~bench_cluster();

  /// Runs a workload in the leader's process. Errors: `timed_out`, `disconnected`.
  result<measurement> measure(const workload& work);

 private:
  explicit bench_cluster(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// What the system and the nodes have counted up to a moment.
  struct totals {
    double cpu_seconds = 0;
    std::uint64_t flushes = 0;
  };

  result<void> start_nodes();
  result<std::size_t> find_leader();
  result<totals> next_edge(std::size_t leader, std::chrono::milliseconds limit);

  std::filesystem::path directory_;
  std::vector<child_process> nodes_;
};

}  // namespace mainstay::bench
