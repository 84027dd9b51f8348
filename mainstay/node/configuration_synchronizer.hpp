/// Follows changes of the members from the request to the last configuration's commitment, and
/// completes whoever asked.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mainstay/core/log.hpp"
#include "mainstay/node/membership.hpp"
#include "mainstay/seams/future.hpp"

namespace mainstay {

/// What of a replica the synchronizer looks at after each turn.
struct membership_view {
  const core::configuration& members;
  log_index index;
  bool is_changing = false;
  bool leads = false;
  log_index commit_index;
  const core::log& log;
};

/// The entry that a change began with.
struct change_entry {
  log_index index;
  mainstay::term term;
};

/// The callers of one replica. On its loop only.
class configuration_synchronizer {
 public:
  /// Waits for the end of the change with this id; its plan comes back with the outcome.
  void watch(std::uint64_t change_id, change_entry entry, std::vector<membership_step> steps,
             instant deadline, completion_handler<membership_outcome> done) {
    waiting_.push_back({change_id, entry, std::move(steps), deadline, std::move(done)});
  }
  /// The first deadline of all; `instant::max()` when nobody waits.
  instant next_deadline() const {
    instant next = instant::max();
    for (const auto& w : waiting_) next = std::min(next, w.deadline);
    return next;
  }
  /// Completes those whose change has come to its end, or cannot be followed any further.
  void look(const membership_view& now, instant at) {
    for (auto& w : std::exchange(waiting_, {})) {
      if (now.members.change_id == w.change_id && !now.is_changing) {
        w.done(membership_result{now.members, now.index, std::move(w.steps)});
      } else if (is_overwritten(w.entry, now)) {
        w.done(fail(error_code::overwritten, "another entry took the place of the change"));
      } else if (!now.leads) {
        w.done(fail(error_code::leadership_lost,
                    "the leader stepped down; the members may yet change"));
      } else if (w.deadline <= at) {
        w.done(
            fail(error_code::timed_out, "the deadline passed first; the members may yet change"));
      } else {
        waiting_.push_back(std::move(w));
      }
    }
  }
  void fail_all(const error& why) {
    for (auto& w : std::exchange(waiting_, {})) w.done(std::unexpected(why));
  }

 private:
  /// Only what is committed in its place keeps the entry from coming back: until then another node
  /// may have it, and lead (paper §5.4).
  static bool is_overwritten(const change_entry& entry, const membership_view& now) {
    const bool is_decided = entry.index <= now.commit_index && entry.index >= now.log.base_index();
    return is_decided && now.log.term_at(entry.index) != entry.term;
  }

  struct waiter {
    std::uint64_t change_id;
    change_entry entry;
    std::vector<membership_step> steps;
    instant deadline;
    completion_handler<membership_outcome> done;
  };
  std::vector<waiter> waiting_;
};

}  // namespace mainstay
