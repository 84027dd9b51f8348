/// The load generator: keeps an exact number of pipelined commands outstanding over a few
/// connections, with one thread that spends as little as it can, and measures what comes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "mainstay/base/error.hpp"

#include "cli/command_ring.hpp"
#include "cli/endpoint.hpp"
#include "cli/load_connection.hpp"

namespace mainstay::cli {

/// What to send, how much of it, and for how long.
struct load_options {
  std::vector<endpoint> endpoints;  ///< connections are spread over them
  command_shape shape;
  std::uint64_t outstanding = 1000;         ///< commands in flight over all connections
  std::uint64_t connections = 4;            ///< no more than `outstanding`
  double seconds = 5;                       ///< of measurement, when `requests` is 0
  std::uint64_t requests = 0;               ///< measure until so many have an outcome
  double warmup_seconds = 1;                ///< before the measurement, with the same load
  std::chrono::milliseconds timeout{5000};  ///< without any reply, after which the run ends
};

/// Progress of a run, once a second.
struct load_progress {
  double elapsed_seconds = 0;
  double per_second = 0;  ///< replies in the last second
  const load_tally& tally;
};

/// What was measured.
struct load_report {
  load_tally tally;
  std::uint64_t unanswered = 0;  ///< outstanding when the run ended for want of replies
  double seconds = 0;            ///< that the measurement took
  double generator_cpu_seconds = 0;
  std::uint64_t distinct_keys = 0;
  bool stalled = false;  ///< ended because no reply came within the timeout

  /// Replies without error, a second.
  double throughput() const {
    return seconds > 0 ? static_cast<double>(tally.replies.succeeded) / seconds : 0;
  }
};

/// Runs the load. Blocks. Errors: `invalid_argument` (which option), `unreachable` (no endpoint
/// takes connections). Broken connections are opened again, at the next endpoint.
result<load_report> run_load(const load_options& options,
                             const std::function<void(const load_progress&)>& progress);

}  // namespace mainstay::cli
