/// Records in the order in which they were appended, each under an id that only grows: a journal
/// that readers go through at their own pace. Ids are times, so that it can be read by time as
/// well.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// Where a record stands: the log time when it was appended, in milliseconds since the Unix epoch,
/// and a number among those of the same millisecond.
struct record_id {
  std::uint64_t milliseconds = 0;
  std::uint64_t sequence = 0;

  friend constexpr auto operator<=>(record_id, record_id) = default;
};

/// The least and the greatest id.
inline constexpr record_id first_record{};
inline constexpr record_id last_record{~std::uint64_t{0}, ~std::uint64_t{0}};

/// One record.
struct log_record {
  record_id id;
  std::string content;

  friend bool operator==(const log_record&, const log_record&) = default;
};

/// A `freezable_state_machine`. Records are never changed, so that a copy shares them.
class replicated_log {
 public:
  /// Longest record, in bytes. Part of the machine: all replicas must refuse alike.
  static constexpr std::size_t longest_record = 16 * 1024 * 1024;
  /// So many bytes of records are in an answer at most, or one record.
  static constexpr std::size_t longest_answer = 16 * 1024 * 1024;

  /// What an append answers.
  struct appended {
    record_id id;
    std::uint64_t position = 0;  ///< 1 for the first record that there ever was
  };

  /// The command that appends a record now.
  static shared_bytes append(std::string_view record);
  /// The command that appends a record under an id of the caller's choice, which must be greater
  /// than every one before; without a sequence, under the next one of that millisecond.
  static shared_bytes append_at(std::uint64_t milliseconds, std::optional<std::uint64_t> sequence,
                                std::string_view record);
  /// What an answer to them has. Errors: `invalid_argument` when nothing was appended, because the
  /// id does not grow, the record is too long, or the command was none of the above.
  static result<appended> appended_in(const shared_bytes& answer);
  /// The command that drops the oldest records until so many are left; answers how many it dropped.
  static shared_bytes keep_newest(std::uint64_t records);
  /// The query for up to `count` records from one id to another, both included.
  static shared_bytes read(record_id from, record_id to, std::uint64_t count);
  /// The records that an answer to `read` has; fewer than asked for when they would be too long.
  static result<std::vector<log_record>> records_in(const shared_bytes& answer);
  /// The query for how many records there are.
  static shared_bytes length();
  /// The number that an answer to `keep_newest` and `length` has.
  static result<std::uint64_t> count_in(const shared_bytes& answer);

  /// Carries out a command. Never an error; see the functions above.
  result<shared_bytes> apply(const applied_command& command);
  /// Answers a query; any other with no bytes.
  result<shared_bytes> query(const shared_bytes& request) const;
  /// Writes all records.
  result<void> save(const snapshot_writer& writer) const;
  /// The state as it is now, at the cost of a pointer for every few hundred records.
  replicated_log freeze();
  /// Takes saved records over. Errors: those of `image_reader`; nothing is changed then.
  result<void> restore(const snapshot_reader& reader);

 private:
  using block = std::vector<log_record>;

  std::optional<record_id> next_id(std::uint64_t kind, record_id wanted, log_time now) const;
  void add(log_record record);
  std::uint64_t drop(std::uint64_t count);
  void seal();
  template <class Visit>
  void visit_from(record_id from, Visit visit) const;

  std::deque<std::shared_ptr<const block>> sealed_;  // never empty ones
  block open_;                                       // the newest, which no copy shares
  std::uint64_t dropped_ = 0;                        // at the front of the first block
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;  // of the last record that there ever was
  record_id last_;              // its id
};

}  // namespace mainstay
