/// What a node says about itself, for status pages and tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mainstay/base/ids.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/progress.hpp"
#include "mainstay/core/ready.hpp"

namespace mainstay {

/// Why a node does less than it should; the worst that holds. In rising weight.
enum class node_health : std::uint8_t {
  sound,
  disk_full,     ///< refuses writes until space returns
  apply_failed,  ///< the state machine reported a failure: this replica applies no further
  stopped,       ///< stopped, by the user or by a failure of its disk
};

/// The name as it stands in status pages: "disk_full".
const char* name_of(node_health health);

/// One member as this node sees it. The log figures are known to the leader only.
struct member_status {
  core::member member;
  bool is_voter = true;
  log_index match_index;  ///< durable and equal there; 0 unless this node leads
  core::progress_state state = core::progress_state::probe;
  duration silence{};               ///< since it last answered the leader
  std::uint64_t snapshot_sent = 0;  ///< bytes of an image that it has; 0 unless one is on its way
  std::uint64_t snapshot_size = 0;  ///< of that image
};

/// A consistent picture of one turn.
struct node_status {
  node_id id;
  core::role role = core::role::follower;
  mainstay::term term;
  node_id leader;  ///< none: unknown
  log_index commit_index;
  log_index applied_index;
  log_index last_index;
  log_index stable_index;
  log_index snapshot_index;          ///< the newest snapshot's last included; none: there is none
  std::uint64_t snapshot_bytes = 0;  ///< of its image
  bool is_installing = false;        ///< taking a leader's snapshot in: answers no reads
  node_health health = node_health::sound;
  std::string problem;  ///< a sentence, when health is not sound
  std::vector<member_status> members;
  core::configuration configuration;  ///< in force
  log_index configuration_index;      ///< of the entry that brought it
  bool is_changing = false;           ///< a change of the members is under way
};

}  // namespace mainstay
