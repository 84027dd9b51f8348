/// Locks by name, each with one owner at a time and a fair queue behind it. An owner keeps a lock
/// for as long as it said, by the time of the log, so that all replicas agree on when it ends.
/// Every grant has a fencing token, greater than all before: whoever is protected by the lock
/// refuses a smaller one than it has seen (Kleppmann, "How to do distributed locking", 2016).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/seams/state_machine.hpp"

namespace mainstay {

/// A `timed_state_machine` and a `freezable_state_machine`. Commands may be repeated: an owner that
/// asks again keeps its token and has its whole time again, and one in the queue keeps its place.
/// Whoever waits asks again within the time that it wants the lock for, else its turn passes.
class distributed_lock {
 public:
  /// Longest name of a lock and of an owner, in bytes, and longest time, in milliseconds: a year.
  /// Part of the machine: all replicas must refuse alike.
  static constexpr std::size_t longest_name = 64 * 1024;
  static constexpr std::uint64_t longest_time = 366ULL * 24 * 3600 * 1000;
  /// So many may wait for one lock.
  static constexpr std::size_t longest_queue = 10'000;

  /// What became of `acquire`.
  struct grant {
    std::uint64_t token = 0;  ///< the owner holds the lock, with this token; 0: it does not
    std::uint64_t place = 0;  ///< in the queue, from 1 on; 0: it does not wait either
  };
  /// What is known of a lock that somebody holds.
  struct holder {
    std::string owner;
    std::uint64_t token = 0;
    log_time until;  ///< from then on it is free, or another's
    std::uint64_t waiting = 0;
  };

  /// The command that asks for a lock for so many milliseconds, and waits for it or not.
  static shared_bytes acquire(std::string_view name, std::string_view owner,
                              std::uint64_t milliseconds, bool waits);
  /// What its answer has. Errors: `invalid_argument`; nothing was changed then.
  static result<grant> grant_in(const shared_bytes& answer);
  /// The command by which an owner gives a lock up, or its place in the queue.
  static shared_bytes release(std::string_view name, std::string_view owner);
  /// Whether it had either. Errors: `invalid_argument`; nothing was changed then.
  static result<bool> released_in(const shared_bytes& answer);
  /// The query for the holder of a lock.
  static shared_bytes look(std::string_view name);
  /// What its answer has; nothing when the lock is free. Errors: `malformed`.
  static result<std::optional<holder>> holder_in(const shared_bytes& answer);

  /// Carries out a command. Never an error; see the functions above.
  result<shared_bytes> apply(const applied_command& command);
  /// Answers a query.
  result<shared_bytes> query(const shared_bytes& request) const;
  /// Locks whose time is over pass on, or become free.
  void advance_time(log_time time);
  /// When the first of them does.
  std::optional<log_time> next_expiry() const;
  /// Whether nobody has ever held a lock.
  bool is_untouched() const { return last_token_ == 0; }
  /// Writes all locks and queues.
  result<void> save(const snapshot_writer& writer) const;
  /// A copy is as good as frozen.
  distributed_lock freeze() const { return *this; }
  /// Takes saved locks over. Errors: those of `image_reader`; nothing is changed then.
  result<void> restore(const snapshot_reader& reader);

 private:
  struct claim {
    std::string owner;
    std::uint64_t milliseconds = 0;
    log_time until;  // of the holder; of one that waits: when its turn passes
  };
  struct lock {
    claim holder;
    std::uint64_t token = 0;
    std::deque<claim> queue;
  };
  using lock_map = std::map<std::string, lock, std::less<>>;

  log_time after(std::uint64_t milliseconds) const;
  grant acquire(const std::string& name, claim wanted, bool waits);
  bool release(lock_map::iterator of, std::string_view owner);
  void hold(lock_map::iterator it, claim next);
  void pass_on(lock_map::iterator it);

  log_time now_;
  std::uint64_t last_token_ = 0;                     // of all locks
  lock_map locks_;                                   // those that somebody holds
  std::set<std::pair<log_time, std::string>> ends_;  // of holders' times
};

}  // namespace mainstay
