/// The images of all groups beside the log (docs/formats/snapshot.md): writes, receives, installs
/// and gives them out. It knows nothing of the log; that a log fits its image is the core's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/base/time.hpp"
#include "mainstay/core/snapshot.hpp"
#include "mainstay/seams/persistence_engine.hpp"
#include "mainstay/storage/wal/block_appender.hpp"
#include "mainstay/storage/wal/file_system.hpp"
#include "mainstay/storage/wal/image_verifier.hpp"

namespace mainstay::wal {

/// Of a directory whose lock is held. `read`, `receive` and `install` are for one thread at a time;
/// everything else is for any, besides. All of it blocks.
class snapshot_store {
 public:
  /// An image that was replaced stays open for a transfer that is under way, until it was not asked
  /// for so long; and no more than so many.
  static constexpr duration kept_for = std::chrono::minutes(1);
  static constexpr std::size_t max_open_images = 8;

  /// Looks for images, checks the newest of each group, and cleans up. Errors: `corrupt` (with file
  /// and offset, and what to do), `unsupported`, `io_failed`.
  static result<std::unique_ptr<snapshot_store>> open(file_system& files,
                                                      const std::string& directory);
  snapshot_store(const snapshot_store&) = delete;
  snapshot_store& operator=(const snapshot_store&) = delete;

  /// The newest image of a group.
  std::optional<core::snapshot> newest(group_id group) const;

  /// See `persistence_engine`. One image of a group is written at a time: another is refused with
  /// `invalid_argument`.
  result<std::unique_ptr<snapshot_sink>> begin(group_id group,
                                               const core::snapshot_contents& contents);
  result<std::unique_ptr<snapshot_source>> open_image(group_id group, const core::snapshot_id& id);

  /// See `persistence_engine`. `now` is of any monotonic clock, always the same.
  result<shared_bytes> read(group_id group, const core::snapshot_id& id, std::uint64_t offset,
                            std::uint64_t max_bytes, instant now);
  result<received_snapshot> receive(group_id group, const core::snapshot_id& id,
                                    std::uint64_t offset, const shared_bytes& data);
  result<core::snapshot> install(group_id group, const core::snapshot_id& id);
  /// Closes images that nobody asked for of late, so that replaced ones give their room back. For
  /// the thread of `read`.
  void release_idle(instant now);

 private:
  class sink;
  struct stored_image {
    core::snapshot snapshot;
    std::string path;
  };
  /// A file of an earlier life.
  struct found_file {
    core::snapshot_id id;
    std::string path;
  };
  /// An image that is sent to someone.
  struct open_image_file {
    group_id group;
    core::snapshot_id id;
    std::unique_ptr<wal::file> file;
    instant last_used{};
  };
  /// The image that is being received.
  struct partial_image {
    core::snapshot_id id;
    std::string path;
    std::optional<block_appender> file;
    image_verifier verifier;
    bool complete = false;  // and durable, but for its name
  };

  snapshot_store(file_system& files, std::string directory)
      : files_(&files), directory_(std::move(directory)) {}

  result<void> take_over(const std::vector<std::string>& names);
  result<void> verify_newest(group_id group, const std::string& path);
  result<core::snapshot> put_in_place(group_id group, const std::string& from,
                                      const core::snapshot& made);
  void remove_quietly(const std::string& path);
  result<open_image_file*> opened(group_id group, const core::snapshot_id& id);
  result<partial_image*> partial_of(group_id group, const core::snapshot_id& id);
  result<void> resume(partial_image& partial);
  result<void> take(partial_image& partial, const shared_bytes& data);
  result<void> complete_if_whole(group_id group, partial_image& partial) const;
  void drop_partial(group_id group);

  file_system* files_;
  std::string directory_;
  std::list<open_image_file> open_images_;  // the last used in front
  std::map<group_id, std::unique_ptr<partial_image>> partials_;
  std::map<group_id, found_file> found_partials_;  // of an earlier life

  mutable std::mutex mutex_;  // of what follows
  std::map<group_id, stored_image> newest_;
  std::set<group_id> saving_;
  std::optional<error> failure_;  // of a name: which images a restart finds is not known
};

/// What the name of a file says that belongs to an image.
struct image_name {
  /// By suffix.
  enum class kind : std::uint8_t { whole, saving, partial };
  kind what = kind::whole;
  group_id group;
  core::snapshot_id id;  ///< size and digest are 0, but in the name of a partial image
};

/// The name of a file, without the directory.
std::string name_of(const image_name& name);
/// None when it is no such name.
std::optional<image_name> image_name_of(std::string_view name);

}  // namespace mainstay::wal
