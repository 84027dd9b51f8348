#include "mainstay/core/log.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::core {

log::log(term_run base, log_index last_index, std::vector<term_run> runs, std::vector<entry> tail)
    : base_(base), last_index_(last_index), runs_(std::move(runs)) {
  MAINSTAY_ASSERT(base_.first <= last_index_);
  MAINSTAY_ASSERT(runs_.empty() == (base_.first == last_index_));
  MAINSTAY_ASSERT(tail.empty() || tail.back().index == last_index_);
  MAINSTAY_ASSERT(tail.size() <= last_index_ - base_.first);
  window_first_ = last_index_.next();
  if (tail.empty()) return;

  window_first_ = tail.front().index;
  last_time_ = tail.back().time;
  while (ring_.size() < tail.size() + 1) ring_.resize(ring_.size() * 2);
  for (auto& e : tail) {
    window_bytes_ += size_of(e);
    const log_index index = e.index;
    slot(index) = std::move(e);
  }
}

bool log::matches(log_index index, mainstay::term term) const {
  if (index < base_.first || index > last_index_) return false;
  return term_at(index) == term;
}

term log::term_at(log_index index) const {
  MAINSTAY_ASSERT(index >= base_.first && index <= last_index_);
  if (index == base_.first) return base_.term;
  return run_at(index)->term;
}

log_index log::first_index_of_term_at(log_index index) const {
  MAINSTAY_ASSERT(index > base_.first && index <= last_index_);
  return run_at(index)->first;
}

log_index log::last_index_with_term_at_most(mainstay::term bound, log_index limit) const {
  log_index last = std::min(limit, last_index_);
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->first > last) continue;
    if (run->term <= bound) return last;
    last = run->first.previous();
  }
  return base_.first;
}

const entry& log::at(log_index index) const {
  MAINSTAY_ASSERT(index >= window_first_ && index <= last_index_);
  return slot(index);
}

std::vector<entry> log::copy(log_index first, log_index last, std::uint64_t max_bytes) const {
  MAINSTAY_ASSERT(window_first_ <= first && first <= last && last <= last_index_);
  std::uint64_t bytes = size_of(slot(first));
  log_index end = first.next();
  while (end <= last && bytes + size_of(slot(end)) <= max_bytes) {
    bytes += size_of(slot(end));
    end = end.next();
  }
  std::vector<entry> copied;
  copied.reserve(end - first);
  for (log_index i = first; i < end; i = i.next()) copied.push_back(slot(i));
  return copied;
}

void log::append(entry e) {
  MAINSTAY_ASSERT(e.index == last_index_.next());
  MAINSTAY_ASSERT(e.term >= last_term());
  if (runs_.empty() || runs_.back().term != e.term) runs_.push_back({e.index, e.term});
  if (last_index_.next() - window_first_ + 1 > ring_.size()) grow_ring();
  window_bytes_ += size_of(e);
  last_time_ = std::max(last_time_, e.time);
  last_index_ = e.index;
  slot(last_index_) = std::move(e);
}

void log::truncate_from(log_index from) {
  MAINSTAY_ASSERT(base_.first < from && from <= last_index_);
  for (log_index i = std::max(from, window_first_); i <= last_index_; i = i.next()) {
    window_bytes_ -= size_of(slot(i));
    slot(i) = entry{};
  }
  while (!runs_.empty() && runs_.back().first >= from) runs_.pop_back();
  last_index_ = from.previous();
  window_first_ = std::min(window_first_, from);
}

void log::compact_to(log_index base) {
  MAINSTAY_ASSERT(base_.first < base && base <= last_index_);
  base_ = {base, term_at(base)};
  if (base == last_index_) {
    runs_.clear();
  } else {
    runs_.erase(runs_.begin(), run_at(base.next()));
    runs_.front().first = base.next();
  }
  trim_window(0, base);
}

void log::reset(term_run base, log_time time) {
  *this = log(base, base.first, {}, {});
  last_time_ = time;
}

void log::trim_window(std::uint64_t max_bytes, log_index last) {
  while (window_bytes_ > max_bytes && window_first_ <= last && window_first_ <= last_index_) {
    window_bytes_ -= size_of(slot(window_first_));
    slot(window_first_) = entry{};
    window_first_ = window_first_.next();
  }
}

std::vector<term_run>::const_iterator log::run_at(log_index index) const {
  // Nearly every question is about the newest run.
  if (index >= runs_.back().first) return runs_.end() - 1;
  return std::ranges::upper_bound(runs_, index, {}, &term_run::first) - 1;
}

void log::grow_ring() {
  std::vector<entry> larger(ring_.size() * 2);
  for (log_index i = window_first_; i <= last_index_; i = i.next()) {
    larger[i.value() & (larger.size() - 1)] = std::move(slot(i));
  }
  ring_ = std::move(larger);
}

}  // namespace mainstay::core
