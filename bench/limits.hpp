/// What this machine can do at best: the flush of a small write, alone and with three files at
/// once, and a round trip over loopback. Everything else that a benchmark prints is held against
/// these, so they are measured in the same run. Nothing of the library takes part.
#pragma once

#include <string>

#include "mainstay/base/error.hpp"

#include "cli/latency_histogram.hpp"

namespace mainstay::bench {

/// Where and for how long to measure.
struct limit_options {
  std::string directory;  ///< on the disk in question; must exist
  double seconds = 1;     ///< of each of the three measurements
};

/// The distributions, in nanoseconds.
struct machine_limits {
  cli::latency_histogram flush_alone;  ///< write of 4 KiB into prewritten space, and fdatasync
  cli::latency_histogram flush_three;  ///< the same with three files by three threads at once
  cli::latency_histogram round_trip;   ///< 128 bytes there and back between two threads over TCP
  std::string file_system;             ///< of the directory, such as "ext4" or "tmpfs"

  /// F: the floor of one replicated durable write. The median round trip and the median flush
  /// while three files flush, in microseconds.
  double floor_us() const;
};

/// Measures. Blocks; writes three files of 16 MiB and removes them. Errors: `io_failed`.
result<machine_limits> measure_limits(const limit_options& options);

/// The table for people.
std::string to_text(const machine_limits& limits);
/// The same as a JSON object.
std::string to_json(const machine_limits& limits);

}  // namespace mainstay::bench
