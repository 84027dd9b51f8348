/// Entries and batches for tests of storage, short to write and telling in failures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/core/entry.hpp"

namespace mainstay::conformance {

inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};

/// An entry whose payload tells its index and term.
inline core::entry entry_at(std::uint64_t index, std::uint64_t t, std::size_t size = 0) {
  auto text = "entry " + std::to_string(index) + " of term " + std::to_string(t);
  if (text.size() < size) text.resize(size, '.');
  return {log_index(index), term(t), core::entry_kind::command,
          log_time{static_cast<std::int64_t>(index)}, shared_bytes::copy_of(text)};
}

/// Entries [first, last] of one term.
inline std::vector<core::entry> entries_of(std::uint64_t first, std::uint64_t last, std::uint64_t t,
                                           std::size_t size = 0) {
  std::vector<core::entry> entries;
  for (auto i = first; i <= last; ++i) entries.push_back(entry_at(i, t, size));
  return entries;
}

inline core::persist_batch batch_of(std::vector<core::entry> entries, log_index truncate = {}) {
  core::persist_batch batch;
  batch.truncate_from = truncate;
  batch.entries = std::move(entries);
  return batch;
}

inline core::persist_batch batch_of(const core::hard_state& state) {
  core::persist_batch batch;
  batch.has_hard_state = true;
  batch.state = state;
  return batch;
}

}  // namespace mainstay::conformance
