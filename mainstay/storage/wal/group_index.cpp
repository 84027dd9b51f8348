#include "mainstay/storage/wal/group_index.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::wal {

namespace {

// An anchor after so many entries or bytes: a read walks over at most that much in vain.
constexpr std::uint64_t anchor_entries = 32;
constexpr std::uint64_t anchor_bytes = 16 * 1024;

// What `core::size_of` counts for an entry with no payload.
constexpr std::uint64_t least_entry_size = 64;

}  // namespace

term group_index::term_at(log_index index) const {
  MAINSTAY_ASSERT(base_.first <= index && index <= last_index_);
  if (index == base_.first) return base_.term;
  const auto behind = std::ranges::upper_bound(runs_, index, {}, &core::term_run::first);
  MAINSTAY_ASSERT(behind != runs_.begin());
  return std::prev(behind)->term;
}

std::optional<std::string_view> group_index::objection_to_entry(log_index index, term t) const {
  if (index != last_index_.next()) return "its index does not follow the last entry's";
  if (!t) return "its term is 0";
  if (t < last_term()) return "its term is below the last entry's";
  return {};
}

std::optional<std::string_view> group_index::objection_to_truncation(log_index from) const {
  if (from <= base_.first) return "it removes entries that compaction already removed";
  if (from > last_index_) return "it removes entries that do not exist";
  return {};
}

std::optional<std::string_view> group_index::objection_to_base(log_index index, term t) const {
  if (index < base_.first) return "the base goes back";
  if (index > last_index_) return "the base lies beyond the last entry";
  if (t < base_.term) return "the base's term goes back";
  if (index > gone_last_ && t != term_at(index)) return "the base has another term than its entry";
  return {};
}

std::optional<std::string_view> group_index::objection_to_reset(log_index index, term t) const {
  if (index < base_.first) return "the reset goes back behind the base";
  if (!t || t < base_.term) return "the term of the reset goes back";
  if (index == base_.first && t != base_.term) return "the reset changes the base's term";
  return {};
}

std::optional<std::string_view> group_index::objection_to_hard_state(
    const core::hard_state& state) const {
  if (state.current_term < hard_state_.current_term) return "the term goes back";
  return {};
}

bool group_index::needs_anchor(log_index index, const record_place& place) const {
  if (restart_ || anchors_.empty()) return true;
  const auto& last = anchors_.back();
  return place.sequence != last.sequence || index - last.index >= anchor_entries ||
         place.offset - last.offset() >= anchor_bytes;
}

void group_index::append(log_index index, term t, core::entry_kind kind,
                         const record_place& place) {
  MAINSTAY_ASSERT(index == last_index_.next());
  if (needs_anchor(index, place)) {
    const auto offset = static_cast<std::uint32_t>(place.offset) | (restart_ ? 1U : 0U);
    anchors_.push_back(
        {index, static_cast<std::uint32_t>(place.sequence), offset, place.previous_checksum});
    restart_ = false;
  }
  if (runs_.empty() || runs_.back().term != t) runs_.push_back({index, t});
  if (kind == core::entry_kind::configuration) configurations_.push_back(index);
  last_index_ = index;
  highest_ = std::max(highest_, index);
}

void group_index::truncate_from(log_index from) {
  MAINSTAY_ASSERT(base_.first < from && from <= last_index_);
  while (!runs_.empty() && runs_.back().first >= from) runs_.pop_back();
  while (!configurations_.empty() && configurations_.back() >= from) configurations_.pop_back();
  while (!anchors_.empty() && anchors_.back().index >= from) anchors_.pop_back();
  last_index_ = from.previous();
  gone_last_ = std::min(gone_last_, last_index_);
  restart_ = true;
}

void group_index::set_base(log_index index, term t) {
  MAINSTAY_ASSERT(base_.first <= index && index <= last_index_);
  while (runs_.size() > 1 && runs_[1].first <= index.next()) runs_.erase(runs_.begin());
  if (!runs_.empty()) runs_.front().first = std::max(runs_.front().first, index.next());
  if (index == last_index_) runs_.clear();
  std::erase_if(configurations_, [index](log_index i) { return i <= index; });
  while (anchors_.size() > 1 && anchors_[1].index <= index.next()) anchors_.pop_front();
  if (index == last_index_) {
    anchors_.clear();
    restart_ = true;
  }
  base_ = {index, t};
}

void group_index::reset(log_index index, term t) {
  MAINSTAY_ASSERT(base_.first <= index);
  base_ = {index, t};
  last_index_ = index;
  runs_.clear();
  configurations_.clear();
  anchors_.clear();
  gone_last_ = {};
  restart_ = true;
  highest_ = {};
}

void group_index::start_at(core::term_run base, core::term_run last) {
  MAINSTAY_ASSERT(base.first <= last.first);
  base_ = base;
  last_index_ = last.first;
  gone_last_ = last.first;
  runs_.clear();
  // Of the terms between, only the bounds are known; the lower one never refuses a legal entry.
  if (last.first > base.first.next()) runs_.push_back({base.first.next(), base.term});
  if (last.first > base.first) runs_.push_back(last);
  anchors_.clear();
  restart_ = true;
}

std::size_t group_index::anchor_at(log_index index) const {
  const auto behind = std::ranges::upper_bound(anchors_, index, {}, &anchor::index);
  MAINSTAY_ASSERT(behind != anchors_.begin());
  return static_cast<std::size_t>(behind - anchors_.begin()) - 1;
}

std::vector<entry_stretch> group_index::locate(log_index first, log_index last,
                                               std::uint64_t max_bytes) const {
  MAINSTAY_ASSERT(base_.first < first && first <= last && last <= last_index_);
  last = std::min(last, first + max_bytes / least_entry_size);
  std::vector<entry_stretch> found;
  for (std::size_t i = anchor_at(first); i < anchors_.size(); ++i) {
    const auto& a = anchors_[i];
    const bool goes_on =
        !found.empty() && !a.restart() && found.back().place.sequence == a.sequence;
    if (!found.empty()) {
      auto& open = found.back();
      open.to = std::min(last, a.index.previous());
      if (open.place.sequence == a.sequence) open.end_offset = a.offset();
    }
    if (a.index > last) return found;
    if (!goes_on) found.push_back({{a.sequence, a.offset(), a.previous_checksum}, a.index, last});
    found.back().to = last;
    found.back().end_offset = 0;
  }
  return found;
}

log_index group_index::read_start_before(log_index before) const {
  constexpr std::size_t step = 8;
  const auto at = anchor_at(before.previous());
  const auto start = anchors_[at >= step ? at - step : 0].index;
  return std::max(start, base_.first.next());
}

log_index group_index::take_highest() { return std::exchange(highest_, log_index{}); }

}  // namespace mainstay::wal
