#include "tests/core/simulated_disk.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace mainstay::core_test {

std::uint64_t chain(std::uint64_t before, const core::entry& e) {
  std::uint64_t hash = before;
  const auto mix = [&hash](std::uint64_t value) {
    hash = random_generator(hash ^ value).next() + 0x632be59bd9b4e019ULL;
  };
  mix(e.index.value());
  mix(e.term.value());
  mix(static_cast<std::uint64_t>(e.kind));
  mix(static_cast<std::uint64_t>(e.time.microseconds));
  mix(std::hash<std::string_view>{}(e.payload.text()));
  return hash;
}

void simulated_disk::write(core::persist_batch batch) {
  if (busy()) throw std::logic_error("the core handed out a second batch before the first's end");
  pending_ = std::move(batch);
}

std::uint64_t simulated_disk::complete() {
  const std::uint64_t sequence = pending_->sequence;
  crash(pending_->entries.size() + 2);
  return sequence;
}

std::uint64_t simulated_disk::refuse() {
  const std::uint64_t sequence = pending_->sequence;
  pending_.reset();
  return sequence;
}

void simulated_disk::crash(std::size_t steps) {
  if (!pending_) return;
  core::persist_batch batch = *std::exchange(pending_, std::nullopt);
  if (steps > 0 && batch.has_hard_state) state_ = batch.state;
  if (steps > 1 && batch.truncate_from) truncate_from(batch.truncate_from);
  for (std::size_t i = 0; i + 2 < steps && i < batch.entries.size(); ++i) {
    preload(std::move(batch.entries[i]));
  }
}

void simulated_disk::truncate_from(log_index from) {
  if (from > last_index()) return;
  entries_.resize(from.value() - 1);
  hashes_.truncate_from(from);
}

void simulated_disk::preload(core::entry e) {
  if (e.index != last_index().next()) {
    throw std::logic_error("the core wrote index " + std::to_string(e.index.value()) + " after " +
                           std::to_string(last_index().value()));
  }
  hashes_.append(e);
  entries_.push_back(std::move(e));
}

std::vector<core::entry> simulated_disk::read(const core::log_read_request& request) const {
  std::vector<core::entry> found;
  std::uint64_t bytes = 0;
  for (log_index i = request.first; i <= std::min(request.last, last_index()); i = i.next()) {
    bytes += core::size_of(at(i));
    if (!found.empty() && bytes > request.max_bytes) break;
    found.push_back(at(i));
  }
  return found;
}

core::initial_state simulated_disk::recover(std::uint64_t tail_bytes) const {
  core::initial_state recovered{.hard_state = state_, .last_index = last_index()};
  for (const auto& e : entries_) {
    if (recovered.term_runs.empty() || recovered.term_runs.back().term != e.term) {
      recovered.term_runs.push_back({e.index, e.term});
    }
    if (e.kind == core::entry_kind::configuration) recovered.configurations.push_back(e);
  }
  std::uint64_t bytes = 0;
  auto first = entries_.end();
  while (first != entries_.begin() && bytes + core::size_of(*(first - 1)) <= tail_bytes) {
    --first;
    bytes += core::size_of(*first);
  }
  recovered.tail.assign(first, entries_.end());
  return recovered;
}

}  // namespace mainstay::core_test
