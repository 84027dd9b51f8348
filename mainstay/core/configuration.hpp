/// Who belongs to the cluster, as the log says it (paper §6). A configuration is in force from the
/// moment its entry is appended.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::core {

/// One server and where its peers reach it ("host:port").
struct member {
  node_id id;
  std::string address;
  std::uint8_t priority = 1;  ///< 0: it never stands for election by itself
  bool promote = false;       ///< learners: the leader makes it a voter once it has caught up
  /// The index whose configuration took it in; none: it is of the first. Who leaves and comes again
  /// has another, by which its disks can be told apart.
  log_index joined;

  friend bool operator==(const member&, const member&) = default;
};

/// A set of voters, in a joint phase a second one, and learners who receive the log but do not
/// vote. The lists are sorted by id.
struct configuration {
  std::vector<member> voters;           ///< C_new while joint, else the voters
  std::vector<member> outgoing_voters;  ///< C_old while joint, else empty
  std::vector<member> learners;
  std::uint64_t change_id = 0;  ///< of the change that brought it, as its caller chose; 0: none

  /// True while two majorities are needed (paper §6, C_old,new).
  bool is_joint() const { return !outgoing_voters.empty(); }
  /// True when `id` votes, in either set.
  bool is_voter(node_id id) const;
  /// True when `id` takes part at all.
  bool contains(node_id id) const;
  /// Every member once, sorted by id.
  std::vector<member> members() const;

  friend bool operator==(const configuration&, const configuration&) = default;
};

/// The members that a caller wants, whole: whoever is not named leaves.
struct configuration_change {
  /// Names the change, so that one that is asked for twice is made once. 0: it has no name.
  std::uint64_t change_id = 0;
  /// Makes the change only while the configuration of this index is in force. None: whichever is.
  log_index based_on;
  std::vector<member> voters;
  std::vector<member> learners;

  friend bool operator==(const configuration_change&, const configuration_change&) = default;
};

/// The configuration that a change brings about from `current`: joint when other nodes vote than
/// before (paper §6), else the new one at once. Who is new has joined at `index`, whatever the
/// change says of that.
configuration first_step(const configuration& current, const configuration_change& change,
                         log_index index);

/// The joint configuration by which a learner becomes a voter (thesis §4.2.1).
configuration promotion_of(const configuration& current, member learner);

/// Refuses empty or doubled ids, an empty voter set or one in which nobody stands for election,
/// voters that wait for promotion, and over-long lists or addresses.
result<void> check(const configuration& c);

/// The configuration's form as an entry's payload and in a snapshot (docs/formats/wal.md).
shared_bytes encode(const configuration& c);

/// Reads what `encode` wrote. Errors: `malformed`, with the field.
result<configuration> decode_configuration(std::span<const std::byte> bytes);

}  // namespace mainstay::core
