/// What the log knows of one group without reading the disk: hard state, terms, and where to find
/// an entry. Small on purpose: about one byte per entry, however long the log.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "mainstay/base/ids.hpp"
#include "mainstay/core/entry.hpp"

namespace mainstay::wal {

/// Where a record stands, and the checksum that its own is seeded with.
struct record_place {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint64_t previous_checksum = 0;
};

/// Part of one segment in which the entries [from, to] of a group follow each other, beginning at
/// `place` (records of other groups, and batch headers, may lie between).
struct entry_stretch {
  record_place place;
  log_index from;
  log_index to;
  std::uint64_t end_offset = 0;  ///< all of them lie before it; 0: before the segment's end
};

/// One group's log. The rules of docs/formats/wal.md are asked for with the `objection_…` functions
/// and are preconditions of the functions that change something.
class group_index {
 public:
  const core::hard_state& hard_state() const { return hard_state_; }
  log_index base_index() const { return base_.first; }
  term base_term() const { return base_.term; }
  log_index last_index() const { return last_index_; }
  term last_term() const { return runs_.empty() ? base_.term : runs_.back().term; }
  const std::vector<core::term_run>& term_runs() const { return runs_; }
  /// Indexes of the configuration entries in the log, in order.
  const std::vector<log_index>& configurations() const { return configurations_; }
  /// The term at an index in [base_index, last_index].
  term term_at(log_index index) const;

  /// Why this cannot be the next entry; none: it can.
  std::optional<std::string_view> objection_to_entry(log_index index, term t) const;
  std::optional<std::string_view> objection_to_truncation(log_index from) const;
  std::optional<std::string_view> objection_to_base(log_index index, term t) const;
  std::optional<std::string_view> objection_to_reset(log_index index, term t) const;
  std::optional<std::string_view> objection_to_hard_state(const core::hard_state& state) const;

  void set_hard_state(const core::hard_state& state) { hard_state_ = state; }
  void append(log_index index, term t, core::entry_kind kind, const record_place& place);
  void truncate_from(log_index from);
  void set_base(log_index index, term t);
  /// Forgets all entries; the log goes on behind `index`, which has term `t`.
  void reset(log_index index, term t);
  /// Starts at the state of a checkpoint (`base.first` is the base index, `last.first` the last
  /// index). Entries between the two lie in segments that are gone; a later base must cover them.
  void start_at(core::term_run base, core::term_run last);
  /// True when every entry above the base has a place.
  bool complete() const { return gone_last_ <= base_.first; }
  /// The last index without a place; meaningful while not `complete`.
  log_index gone_last() const { return gone_last_; }

  /// The stretches that hold [first, last], in order; only as many as may be needed to gather
  /// `max_bytes`. Precondition: base_index < first <= last <= last_index.
  std::vector<entry_stretch> locate(log_index first, log_index last, std::uint64_t max_bytes) const;
  /// An index some way before `before`, from which reading is cheap; base_index + 1 at the lowest.
  log_index read_start_before(log_index before) const;

  /// The highest index that got an entry since the last call; none when there was no entry.
  log_index take_highest();

  /// Bytes of memory that the positions take.
  std::uint64_t memory_bytes() const { return anchors_.size() * sizeof(anchor); }

 private:
  /// The position of one entry among many. 24 bytes each, so they are set sparingly.
  struct anchor {
    log_index index;
    std::uint32_t sequence = 0;
    std::uint32_t offset_and_restart = 0;  // offsets are multiples of 8; bit 0: see restart()
    std::uint64_t previous_checksum = 0;

    std::uint64_t offset() const { return offset_and_restart & ~std::uint32_t{7}; }
    /// Between this anchor and the one before lie entries that do not count any more.
    bool restart() const { return (offset_and_restart & 1) != 0; }
  };

  std::size_t anchor_at(log_index index) const;
  bool needs_anchor(log_index index, const record_place& place) const;

  core::hard_state hard_state_;
  core::term_run base_;  // .first is the base index itself
  log_index last_index_;
  std::vector<core::term_run> runs_;
  std::vector<log_index> configurations_;
  std::deque<anchor> anchors_;
  log_index gone_last_;  // entries up to here have no place, and their terms are not known
  bool restart_ = true;  // the next entry does not follow the last anchor's
  log_index highest_;
};

}  // namespace mainstay::wal
