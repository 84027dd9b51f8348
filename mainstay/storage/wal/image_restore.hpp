/// Makes the data directory of a new cluster's node from a snapshot image: disaster recovery.
/// Offline, and only in a directory that holds nothing yet.
#pragma once

#include <cstdint>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/core/configuration.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

/// What an image says of itself, and how it is laid out.
struct inspected_image {
  group_id group;
  core::snapshot snapshot;
  std::uint64_t state_size = 0;
  std::uint64_t chunks = 0;
};

/// Reads and checks a whole image. Errors: `corrupt` with file and offset, `unsupported`,
/// `io_failed`.
result<inspected_image> inspect_image(file_system& files, const std::string& path);

/// From what to what.
struct restore_options {
  std::string image;                  ///< path of the file
  std::string directory;              ///< made when missing; its parent must exist
  wal::identity identity;             ///< of the new node, with a new incarnation
  core::configuration configuration;  ///< of the new cluster; takes the place of the image's
  std::uint64_t segment_size = 64 * 1024 * 1024;
};

/// The directory then holds an image with the same state at the same entry, with the new
/// configuration, and a log that begins behind it. The same image and configuration give the same
/// image for every node of the new cluster. Errors: `invalid_argument` for a used directory or a
/// configuration that is none; then nothing has changed. `corrupt`, `unsupported`, `io_failed`,
/// `no_space`; a directory that was begun must be removed.
result<core::snapshot> restore_image(file_system& files, const restore_options& options);

}  // namespace mainstay::wal
