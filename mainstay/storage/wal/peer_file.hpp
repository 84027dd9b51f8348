/// Which disk stands behind the id of each peer, kept beside the log (docs/formats/peers.md), so
/// that a wiped disk is noticed although everybody was restarted in between. It judges nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/format.hpp"

namespace mainstay::wal {

/// The name in the log's directory.
inline constexpr std::string_view peer_file_name = "peers";
/// How many peers a file may have.
inline constexpr std::size_t max_known_peers = 4096;

/// A peer's disk, and in which of its lives as a member the peer had it.
struct known_disk {
  incarnation disk;
  log_index joined;  ///< as `core::member::joined`
  friend bool operator==(const known_disk&, const known_disk&) = default;
};

/// What a file says.
struct known_peers {
  identity owner;                             ///< whose file it is
  std::map<node_id, known_disk> disk_behind;  ///< never the owner's own
  friend bool operator==(const known_peers&, const known_peers&) = default;
};

/// The bytes of a file. Precondition: at most `max_known_peers`, no id or incarnation is 0.
std::vector<std::byte> encode(const known_peers& peers);
/// Errors: `corrupt`, with the offset; `unsupported` for another version.
result<known_peers> decode_peers(std::span<const std::byte> bytes);

/// The file of a directory; none when there is none. Errors: `corrupt` (with file and offset),
/// `unsupported`, `io_failed`.
result<std::optional<known_peers>> read_peers(file_system& files, const std::string& directory);

/// The file of a directory whose lock is held. One thread at a time, which need not be that of the
/// log: they share no file.
class peer_file {
 public:
  /// Reads what is known; nothing without a file. Writes nothing. Errors: those of `read_peers`,
  /// and `wrong_identity` when it is not the file of `owner`.
  static result<peer_file> open(file_system& files, const std::string& directory,
                                const identity& owner);

  /// The disk behind every id that is known.
  const std::map<node_id, known_disk>& known() const { return content_.disk_behind; }

  /// Remembers a peer's disk, durable when this returns; blocks for two flushes. Errors:
  /// `invalid_argument` for a 0 or the owner, `overloaded` when the file is full, `no_space`; then
  /// nothing has changed. After any other error every later change fails with it, because what a
  /// failed flush left on the disk is not known.
  result<void> remember(node_id peer, known_disk met);
  /// Forgets a peer; nothing happens when it is not known. Durable and errors as above.
  result<void> forget(node_id peer);

 private:
  peer_file(file_system& files, std::string directory, known_peers content)
      : files_(&files), directory_(std::move(directory)), content_(std::move(content)) {}

  result<void> replace(known_peers content);
  result<void> write_beside(std::span<const std::byte> bytes);
  result<void> put_in_place();

  file_system* files_;
  std::string directory_;
  known_peers content_;
  std::optional<error> failure_;
};

}  // namespace mainstay::wal
