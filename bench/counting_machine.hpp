/// The state machine of the benchmarks: adds up what it is given. Next to nothing, so that the
/// figures are those of replication.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mainstay/seams/state_machine.hpp"

namespace mainstay::bench {

/// Counts commands and their bytes. A `batch_state_machine`; every answer is empty.
class counting_machine {
 public:
  result<shared_bytes> apply(const applied_command& command) {
    count(command);
    return shared_bytes();
  }
  result<void> apply(std::span<const applied_command> commands, std::span<shared_bytes>) {
    for (const auto& command : commands) count(command);
    return {};
  }
  /// Answers with the request itself, which costs nothing.
  result<shared_bytes> query(const shared_bytes& request) { return request; }
  result<void> save(const snapshot_writer&) { return unsupported(); }
  result<void> restore(const snapshot_reader&) { return unsupported(); }

 private:
  static result<void> unsupported() {
    return fail(error_code::unsupported, "the benchmark's machine has no snapshots");
  }
  void count(const applied_command& command) {
    ++commands_;
    bytes_ += command.payload.size();
  }

  std::uint64_t commands_ = 0;
  std::uint64_t bytes_ = 0;
};

static_assert(batch_state_machine<counting_machine>);

}  // namespace mainstay::bench
