/// The core's view of the replicated log: the term of every index, and the newest entries
/// themselves. Older entries live in storage only and come back through log reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mainstay/base/ids.hpp"
#include "mainstay/core/entry.hpp"

namespace mainstay::core {

/// No honest log gets there; a message or disk that claims more would wedge the index arithmetic.
inline constexpr log_index largest_index{std::uint64_t{1} << 62};

/// Entries (base_index, last_index], of which [window_first, last_index] are in memory. Terms are
/// kept as runs, so that consistency checks never need storage.
class log {
 public:
  /// An empty log.
  log() = default;
  /// A log as storage recovered it. Precondition: `runs` covers (base_index, last_index] in order,
  /// `tail` is consecutive and ends at last_index or is empty.
  log(term_run base, log_index last_index, std::vector<term_run> runs, std::vector<entry> tail);

  /// The last index that compaction removed, and its term; 0 when the log is whole.
  log_index base_index() const { return base_.first; }
  term base_term() const { return base_.term; }
  log_index last_index() const { return last_index_; }
  term last_term() const { return runs_.empty() ? base_.term : runs_.back().term; }
  /// The first index whose entry is in memory; last_index + 1 when none is.
  log_index window_first() const { return window_first_; }
  /// Bytes of the entries in memory, as `size_of` counts them.
  std::uint64_t window_bytes() const { return window_bytes_; }
  /// The time of the newest entry that this log has seen.
  log_time last_time() const { return last_time_; }

  /// True when this log holds an entry, or its base, with this index and term; index 0 has term 0.
  bool matches(log_index index, mainstay::term term) const;
  /// The term at an index in [base_index, last_index].
  term term_at(log_index index) const;
  /// The first index after the base that belongs to the same run of terms as `index`.
  log_index first_index_of_term_at(log_index index) const;
  /// The last index at or below `limit` whose term is at most `bound`; the base when none is.
  log_index last_index_with_term_at_most(mainstay::term bound, log_index limit) const;

  /// The entry at an index in the window.
  const entry& at(log_index index) const;
  /// Copies entries from `first` on, within the window, up to `last` and up to `max_bytes`, but at
  /// least one. Precondition: window_first <= first <= last <= last_index.
  std::vector<entry> copy(log_index first, log_index last, std::uint64_t max_bytes) const;

  /// Adds the next entry. Precondition: its index is last_index + 1, its term not below last_term.
  void append(entry e);
  /// Removes `from` and all after it. Precondition: base_index < from <= last_index.
  void truncate_from(log_index from);
  /// Forgets everything up to `base`, which a snapshot covers. Precondition: base_index < base <=
  /// last_index.
  void compact_to(log_index base);
  /// Starts anew behind a snapshot whose last included entry has this index, term and time.
  void reset(term_run base, log_time time);
  /// Later entries are not older than this.
  void note_time(log_time time) { last_time_ = std::max(last_time_, time); }
  /// Forgets the oldest entries in memory while their bytes exceed `max_bytes`, up to `last`.
  void trim_window(std::uint64_t max_bytes, log_index last);

  friend bool operator==(const log&, const log&) = default;

 private:
  entry& slot(log_index index) { return ring_[index.value() & (ring_.size() - 1)]; }
  const entry& slot(log_index index) const { return ring_[index.value() & (ring_.size() - 1)]; }
  std::vector<term_run>::const_iterator run_at(log_index index) const;
  void grow_ring();

  term_run base_;  // .first is the base index itself
  log_index last_index_;
  std::vector<term_run> runs_;
  log_time last_time_;

  std::vector<entry> ring_ = std::vector<entry>(16);  // index i lives in slot i mod size
  log_index window_first_{1};
  std::uint64_t window_bytes_ = 0;
};

}  // namespace mainstay::core
