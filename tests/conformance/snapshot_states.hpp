/// States to save, and what goes with them, for tests of storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "mainstay/core/snapshot.hpp"

#include "tests/conformance/log_batches.hpp"

namespace mainstay::conformance {

/// A state whose every stretch is different.
inline std::vector<std::byte> state_of(std::size_t size, std::uint64_t seed = 1) {
  std::vector<std::byte> state(size);
  std::uint64_t number = seed;
  for (auto& one : state) {
    number = number * 6364136223846793005U + 1442695040888963407U;
    one = static_cast<std::byte>(number >> 56);
  }
  return state;
}

/// What an image at `index` says of itself.
inline core::snapshot_contents contents_at(std::uint64_t index, std::uint64_t t = 1) {
  core::snapshot_contents contents{
      log_index(index), term(t), log_time{static_cast<std::int64_t>(1000 * index)}, {}};
  contents.configuration.voters = {{node_id(1), "host:1"}, {node_id(2), "host:2"}};
  contents.configuration.learners = {{node_id(3), "host:3"}};
  return contents;
}

/// A batch that begins the log anew behind an index.
inline core::persist_batch reset_batch(std::uint64_t index, std::uint64_t t,
                                       std::vector<core::entry> entries = {}) {
  auto batch = batch_of(std::move(entries));
  batch.reset_to = core::term_run{log_index(index), term(t)};
  return batch;
}

}  // namespace mainstay::conformance
