/// Changes of the members as callers ask for them, and what they will lead through. Pure functions:
/// the leader carries changes out (core/membership.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/configuration.hpp"

namespace mainstay {

/// A change of the members, told by its differences. Whoever is not named stays as it is.
struct membership_request {
  /// Newcomers, as learners; those with `promote` set become voters once they have caught up. A
  /// member's address or priority is changed by adding it again.
  std::vector<core::member> add;
  std::vector<node_id> remove;
  std::vector<node_id> promote;  ///< learners that vote from now on, caught up or not
  std::uint64_t change_id = 0;   ///< asked for again under the same id, it is made once; 0: any
  std::string credential;        ///< whatever the membership manager wants to see
  bool dry_run = false;          ///< plan it only

  friend bool operator==(const membership_request&, const membership_request&) = default;
};

/// One configuration on the way of a change.
struct membership_step {
  core::configuration members;
  std::size_t quorum = 0;              ///< voters that have to agree; while joint of the new ones
  std::size_t outgoing_quorum = 0;     ///< while joint, of the old ones; else 0
  std::size_t tolerated_failures = 0;  ///< voters that may fail, whichever they are

  friend bool operator==(const membership_step&, const membership_step&) = default;
};

/// What became of a change, or what it would lead through.
struct membership_result {
  core::configuration members;
  log_index index;                     ///< of the configuration in force
  std::vector<membership_step> steps;  ///< those of the change, in order; none: nothing to do
};

/// As an operation completes. Errors: those of `core::raft::change_configuration`, those of the
/// membership manager, `overwritten` when another leader's change took its place, `leadership_lost`
/// and `timed_out` when the outcome is unknown.
using membership_outcome = result<membership_result>;

/// The members as they have just become.
struct membership_news {
  core::configuration members;
  log_index index;          ///< of the entry that brought them
  bool is_settled = false;  ///< committed here, and not joint: there is no way back
};

/// Decides who may come and go: given the members in force, those that are asked for, and the
/// request's credential. Called on the loop of the leader; must not block.
using membership_manager =
    std::function<result<void>(const core::configuration& now, const core::configuration& wanted,
                               const std::string& credential)>;

/// The members that a request asks for, based on those in force. Errors: `invalid_argument`, with
/// the node that makes it impossible.
result<core::configuration_change> target_of(const core::configuration& now,
                                             const membership_request& request);

/// Whether a new node that asks to be taken in has to be added; false when it was before, and has
/// not come yet. `is_met`: a node with this id has connected. Errors: `wrong_identity` when the id
/// is another node's, or this one's before it lost its disk.
result<bool> judge_newcomer(const core::configuration& now, const core::member& newcomer,
                            bool is_met);

/// The configurations that lead from `now` to the change's members, as the leader will append them.
std::vector<membership_step> plan_change(const core::configuration& now,
                                         const core::configuration_change& change);

/// The members in one line: "1,2,3; leaving 4; learning 5+", where + waits for promotion.
std::string describe(const core::configuration& members);

/// The usual manager: no two members may have one address. `unchanged` addresses are not looked at.
result<void> allow_distinct_addresses(const core::configuration& now,
                                      const core::configuration& wanted,
                                      const std::string& credential);

/// A manager that lets newcomers in only with this token, and then as the usual one does.
membership_manager require_token(std::string token);

}  // namespace mainstay
