/// The last resort after a majority was lost for good: makes a surviving node's directory that of a
/// new cluster, whose only member it is. Offline. What the others had acknowledged and this node
/// never got is lost; docs/decisions/0014 says why it is done in this way.
#pragma once

#include <optional>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/messages.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

/// What a directory holds of a group.
struct survivor {
  wal::identity identity;
  core::hard_state hard_state;
  log_index last_index;  ///< of the log, or of the snapshot that takes its place
  mainstay::term last_term;
  std::optional<core::snapshot> snapshot;
  core::configuration configuration;  ///< the newest, committed or not
};

/// Looks without changing what counts, with the directory's lock. Errors: `invalid_argument` when
/// there is no log, `io_failed` also when a node is running, `corrupt`, `unsupported`.
result<survivor> inspect_survivor(file_system& files, const std::string& directory, group_id group);

/// Whose directory becomes which cluster's.
struct forced_cluster_options {
  std::string directory;
  group_id group{1};
  cluster_id cluster;          ///< the new one's; never the old one's
  mainstay::incarnation disk;  ///< a new one
  std::string address;         ///< where the node is reached; empty: as its configuration says
};

/// Where the new cluster's node is reached: as given, or as its own log says; empty when it is no
/// member by that.
std::string address_of(const survivor& found, const std::string& given);

/// Where what was there before is kept.
std::string kept_directory(const std::string& directory);

/// The directory then holds the same entries and snapshot as the log of the new cluster, in a term
/// of its own, with this node as the only voter from the beginning. It is written beside, and put
/// in place by two renames; what was there stays under `kept_directory`. Gives what was found.
/// Errors: as above, `no_space`, and `invalid_argument` when the node is no member and no address
/// is given, or something stands in the way.
result<survivor> force_new_cluster(file_system& files, const forced_cluster_options& options);

}  // namespace mainstay::wal
