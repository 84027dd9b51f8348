#include "mainstay/storage/memory/memory_disk.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace mainstay {

namespace {

std::unexpected<error> refuse(const char* why) {
  return fail(error_code::invalid_argument, std::string("memory log: ") + why);
}

}  // namespace

void memory_disk::set_mood(disk_mood mood) {
  const std::lock_guard guard(mutex_);
  mood_ = mood;
}

result<void> memory_disk::take_writes() {
  const std::lock_guard guard(mutex_);
  return check_mood();
}

result<void> memory_disk::check_mood() {
  if (mood_ == disk_mood::broken && !failure_) {
    failure_ = error{error_code::io_failed, "memory log: the disk was told to fail"};
  }
  if (failure_) return std::unexpected(*failure_);
  if (mood_ == disk_mood::full) return fail(error_code::no_space, "memory log: told to be full");
  return {};
}

result<void> memory_disk::validate(const stored_log& log, const core::persist_batch& batch) {
  if (batch.has_hard_state && batch.state.current_term < log.hard_state.current_term) {
    return refuse("the hard state's term goes back");
  }
  log_index last = log.last_index();
  term last_term = log.last_term();
  if (batch.reset_to) {
    const auto& to = *batch.reset_to;
    if (batch.truncate_from) return refuse("a reset that also truncates");
    const bool changes_base = to.first == log.base_index && to.term != log.base_term;
    if (to.first < log.base_index || changes_base || !to.term || to.term < log.base_term) {
      return refuse("the reset goes back");
    }
    last = to.first;
    last_term = to.term;
  }
  if (batch.truncate_from && batch.truncate_from <= last) {
    if (batch.truncate_from <= log.base_index) return refuse("truncation of compacted entries");
    last = batch.truncate_from.previous();
    last_term = last == log.base_index ? log.base_term : log.at(last).term;
  }
  for (const auto& e : batch.entries) {
    if (e.index != last.next()) return refuse("an entry's index does not follow");
    if (!e.term || e.term < last_term) return refuse("an entry's term is out of order");
    last = e.index;
    last_term = e.term;
  }
  return {};
}

result<void> memory_disk::append(group_id group, const core::persist_batch& batch) {
  const std::lock_guard guard(mutex_);
  if (auto ok = check_mood(); !ok) return ok;
  auto& log = logs_[group];
  if (auto ok = validate(log, batch); !ok) return ok;
  if (batch.has_hard_state) log.hard_state = batch.state;
  if (batch.truncate_from && batch.truncate_from <= log.last_index()) {
    log.entries.resize(batch.truncate_from - log.base_index - 1);
  }
  if (batch.reset_to) {
    log.entries.clear();
    log.base_index = batch.reset_to->first;
    log.base_term = batch.reset_to->term;
  }
  log.entries.insert(log.entries.end(), batch.entries.begin(), batch.entries.end());
  return {};
}

result<void> memory_disk::compact(group_id group, log_index index) {
  const std::lock_guard guard(mutex_);
  if (auto ok = check_mood(); !ok) return ok;
  const auto found = logs_.find(group);
  if (found == logs_.end() || index > found->second.last_index()) {
    return refuse("compaction beyond the last entry");
  }
  auto& log = found->second;
  if (index <= log.base_index) return {};
  log.base_term = log.at(index).term;
  const auto removed = static_cast<std::ptrdiff_t>(index - log.base_index);
  log.entries.erase(log.entries.begin(), log.entries.begin() + removed);
  log.base_index = index;
  return {};
}

result<std::vector<core::entry>> memory_disk::read(group_id group, log_index first, log_index last,
                                                   std::uint64_t max_bytes) const {
  const std::lock_guard guard(mutex_);
  if (failure_) return std::unexpected(*failure_);
  const auto found = logs_.find(group);
  const bool there = found != logs_.end() && first > found->second.base_index &&
                     first <= found->second.last_index() && first <= last;
  if (!there) return refuse("read of an entry that is not in the log");
  const auto& log = found->second;
  std::vector<core::entry> entries;
  std::uint64_t bytes = 0;
  for (auto i = first; i <= std::min(last, log.last_index()); i = i.next()) {
    bytes += core::size_of(log.at(i));
    if (!entries.empty() && bytes > max_bytes) break;
    entries.push_back(log.at(i));
  }
  return entries;
}

result<recovered_state> memory_disk::recover(group_id group, std::uint64_t max_tail_bytes) const {
  const std::lock_guard guard(mutex_);
  if (failure_) return std::unexpected(*failure_);
  recovered_state state;
  const auto images = images_.find(group);
  if (images != images_.end() && !images->second.images.empty()) {
    state.snapshot = images->second.images.back().snapshot;
  }
  const auto found = logs_.find(group);
  if (found == logs_.end()) return state;
  const auto& log = found->second;
  state.hard_state = log.hard_state;
  state.base_index = log.base_index;
  state.base_term = log.base_term;
  state.last_index = log.last_index();
  for (const auto& e : log.entries) {
    const bool new_run = state.term_runs.empty() || state.term_runs.back().term != e.term;
    if (new_run) state.term_runs.push_back({e.index, e.term});
    if (e.kind == core::entry_kind::configuration) state.configurations.push_back(e);
  }
  auto start = log.entries.end();
  std::uint64_t bytes = 0;
  while (start != log.entries.begin()) {
    bytes += core::size_of(*std::prev(start));
    if (bytes > max_tail_bytes && start != log.entries.end()) break;
    --start;
  }
  state.tail.assign(start, log.entries.end());
  return state;
}

}  // namespace mainstay
