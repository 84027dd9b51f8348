/// Follows changes of the members from the request to the last configuration's commitment, and
/// completes whoever asked.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mainstay/node/membership.hpp"
#include "mainstay/seams/future.hpp"

namespace mainstay {

/// What of a replica the synchronizer looks at after each turn.
struct membership_view {
  const core::configuration& members;
  log_index index;
  bool is_changing = false;
  bool leads = false;
};

/// The callers of one replica. On its loop only.
class configuration_synchronizer {
 public:
  /// Waits for the end of the change with this id; its plan comes back with the outcome.
  void watch(std::uint64_t change_id, std::vector<membership_step> steps, instant deadline,
             completion_handler<membership_outcome> done) {
    waiting_.push_back({change_id, std::move(steps), deadline, std::move(done)});
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
      } else if (now.members.change_id != w.change_id && !now.is_changing) {
        w.done(fail(error_code::overwritten, "another change of members took its place"));
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
  struct waiter {
    std::uint64_t change_id;
    std::vector<membership_step> steps;
    instant deadline;
    completion_handler<membership_outcome> done;
  };
  std::vector<waiter> waiting_;
};

}  // namespace mainstay
