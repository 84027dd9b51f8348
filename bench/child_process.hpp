/// A process that a benchmark starts, talks to in lines, and looks at from outside: its CPU time
/// and its peak of memory. It never outlives whoever started it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mainstay/base/error.hpp"

#include "bench/file_descriptor.hpp"

namespace mainstay::bench {

/// One child. Movable; killed and waited for when destroyed.
class child_process {
 public:
  /// Starts this very program with other arguments. Errors: `io_failed`.
  static result<child_process> start_self(const std::vector<std::string>& arguments);
  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  /// Writes a line to its standard input. Errors: `disconnected`.
  result<void> send(std::string line);
  /// The next line of its standard output. Errors: `timed_out`, `disconnected`.
  result<std::string> receive(std::chrono::milliseconds timeout);
  /// Sends a line and gives the next line that comes.
  result<std::string> ask(std::string line, std::chrono::milliseconds timeout);

  /// CPU time so far, of all its threads, in seconds.
  double cpu_seconds() const;
  /// Forgets the peak of memory so far.
  void reset_peak_memory() const;
  /// The most memory that it had resident since the last reset, in bytes.
  std::uint64_t peak_memory_bytes() const;
  pid_t id() const { return id_; }

 private:
  child_process(pid_t id, file_descriptor input, file_descriptor output);

  pid_t id_ = -1;
  file_descriptor input_;
  file_descriptor output_;
  std::string received_;
};

}  // namespace mainstay::bench
