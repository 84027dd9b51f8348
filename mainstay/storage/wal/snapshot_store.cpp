#include "mainstay/storage/wal/snapshot_store.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/storage/wal/image_reader.hpp"
#include "mainstay/storage/wal/image_writer.hpp"

namespace mainstay::wal {

namespace {

constexpr std::uint64_t most_ahead = 4 * 1024 * 1024;

auto age_of(const core::snapshot_id& id) {
  return std::tuple(id.last_included_index, id.last_included_term);
}

std::unexpected<error> refuse(std::string message) {
  return fail(error_code::invalid_argument, std::move(message));
}

std::string describe(const core::snapshot_id& id) {
  return fmt::format("the image of index {}, term {}, with digest {:016x}",
                     id.last_included_index.value(), id.last_included_term.value(), id.digest);
}

}  // namespace

// ---- Opening ----------------------------------------------------------------------------------

result<std::unique_ptr<snapshot_store>> snapshot_store::open(file_system& files,
                                                             const std::string& directory) {
  std::unique_ptr<snapshot_store> store(new snapshot_store(files, directory));
  auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::ranges::sort(*names);
  if (auto ok = store->take_over(*names); !ok) return std::unexpected(ok.error());
  return store;
}

result<void> snapshot_store::take_over(const std::vector<std::string>& names) {
  std::map<group_id, found_file> newest;
  std::vector<std::string> unneeded;
  for (const auto& name : names) {
    const auto parsed = image_name_of(name);
    if (!parsed) continue;
    auto path = directory_ + "/" + name;
    if (parsed->what == image_name::kind::saving) {
      unneeded.push_back(std::move(path));
    } else if (parsed->what == image_name::kind::partial) {
      // The names are sorted by index and term: the last is the newest.
      auto& found = found_partials_[parsed->group];
      if (!found.path.empty()) unneeded.push_back(found.path);
      found = {parsed->id, std::move(path)};
    } else {
      auto& found = newest[parsed->group];
      if (!found.path.empty()) unneeded.push_back(found.path);
      found = {parsed->id, std::move(path)};
    }
  }
  for (const auto& [group, found] : newest) {
    if (auto ok = verify_newest(group, found.path); !ok) return ok;
    const auto partial = found_partials_.find(group);
    if (partial == found_partials_.end()) continue;
    if (age_of(partial->second.id) > age_of(found.id)) continue;
    unneeded.push_back(partial->second.path);
    found_partials_.erase(partial);
  }
  // Whoever put an image in place may have been killed before the flush of its name.
  if (!newest.empty()) {
    if (auto ok = files_->sync_directory(directory_); !ok) return ok;
  }
  for (const auto& path : unneeded) {
    if (auto ok = files_->remove(path); !ok) return ok;
  }
  return {};
}

result<void> snapshot_store::verify_newest(group_id group, const std::string& path) {
  const auto advise = [](error why) {
    why.message +=
        "; entries that it stands for may be gone from the log: restore this file from a "
        "copy, or remove the whole directory and let the node join again as a new one "
        "(docs/operations.md, \"A damaged snapshot\")";
    return std::unexpected(std::move(why));
  };
  auto file = files_->open(path, open_mode::read_only);
  if (!file) return std::unexpected(file.error());
  image_reader reader(*std::move(file), path);
  auto snapshot = reader.read_all();
  if (!snapshot) {
    return snapshot.error().code == error_code::corrupt ? advise(snapshot.error())
                                                        : std::unexpected(snapshot.error());
  }
  const image_name named{image_name::kind::whole, reader.seen().header()->group, snapshot->id};
  if (directory_ + "/" + name_of(named) != path) {
    return advise({error_code::corrupt,
                   fmt::format("{}: the header says group {}, index {}, term {}: not what the name "
                               "says",
                               path, named.group.value(), named.id.last_included_index.value(),
                               named.id.last_included_term.value())});
  }
  newest_[group] = {*std::move(snapshot), path};
  return {};
}

std::optional<core::snapshot> snapshot_store::newest(group_id group) const {
  const std::lock_guard guard(mutex_);
  const auto found = newest_.find(group);
  if (found == newest_.end()) return {};
  return found->second.snapshot;
}

// ---- Names ------------------------------------------------------------------------------------

/// Removes a file that means nothing any more. If it cannot be removed, the next opening does it.
void snapshot_store::remove_quietly(const std::string& path) { (void)files_->remove(path); }

/// Makes a whole, flushed file the group's newest image, and removes the one before.
result<core::snapshot> snapshot_store::put_in_place(group_id group, const std::string& from,
                                                    const core::snapshot& made) {
  const std::lock_guard guard(mutex_);
  if (failure_) return std::unexpected(*failure_);
  const auto before = newest_.find(group);
  if (before != newest_.end() && age_of(made.id) < age_of(before->second.snapshot.id)) {
    return refuse(fmt::format("group {}: {} is older than the one that is there", group.value(),
                              describe(made.id)));
  }
  auto path = directory_ + "/" + name_of({image_name::kind::whole, group, made.id});
  auto placed = files_->rename(from, path);
  if (placed) placed = files_->sync_directory(directory_);
  if (!placed) {
    failure_ = placed.error();
    return std::unexpected(placed.error());
  }
  const auto replaced = before == newest_.end() ? path : before->second.path;
  newest_[group] = {made, path};
  if (replaced != path) remove_quietly(replaced);
  return made;
}

// ---- Saving -----------------------------------------------------------------------------------

/// Writes beside the images, and puts the file in place when it is whole.
class snapshot_store::sink final : public snapshot_sink {
 public:
  sink(snapshot_store& store, image_header header, std::string path, block_appender file)
      : store_(&store),
        group_(header.group),
        path_(std::move(path)),
        file_(std::move(file)),
        writer_(std::move(header), [this](auto pieces) { return file_->append(pieces); }) {}
  sink(const sink&) = delete;
  sink& operator=(const sink&) = delete;
  ~sink() override {
    file_.reset();
    if (!in_place_) store_->remove_quietly(path_);
    const std::lock_guard guard(store_->mutex_);
    store_->saving_.erase(group_);
  }

  result<void> begin() { return keep_failure(writer_.begin()); }

  result<void> write(std::span<const std::byte> bytes) override {
    if (failure_) return std::unexpected(*failure_);
    return keep_failure(writer_.write(bytes));
  }

  result<core::snapshot> commit() override {
    if (failure_) return std::unexpected(*failure_);
    auto made = writer_.finish();
    if (!made) return made;
    if (auto ok = file_->finish(); !ok) return std::unexpected(ok.error());
    made = store_->put_in_place(group_, path_, *made);
    in_place_ = made.has_value();
    return made;
  }

 private:
  result<void> keep_failure(result<void> outcome) {
    if (!outcome) failure_ = outcome.error();
    return outcome;
  }

  snapshot_store* store_;
  group_id group_;
  std::string path_;
  std::optional<block_appender> file_;
  bool in_place_ = false;
  std::optional<error> failure_;
  image_writer writer_;
};

result<std::unique_ptr<snapshot_sink>> snapshot_store::begin(
    group_id group, const core::snapshot_contents& contents) {
  if (!contents.last_included_index || !contents.last_included_term) {
    return refuse("an image must name an entry");
  }
  if (auto ok = core::check(contents.configuration); !ok) return std::unexpected(ok.error());
  {
    const std::lock_guard guard(mutex_);
    if (failure_) return std::unexpected(*failure_);
    if (!saving_.insert(group).second) {
      return refuse(fmt::format("group {}: another image is being written", group.value()));
    }
  }
  const core::snapshot_id id{contents.last_included_index, contents.last_included_term, 0, 0};
  auto path = directory_ + "/" + name_of({image_name::kind::saving, group, id});
  auto file = block_appender::create(*files_, path);
  if (!file) {
    const std::lock_guard guard(mutex_);
    saving_.erase(group);
    return std::unexpected(file.error());
  }
  auto made = std::make_unique<sink>(*this, image_header{group, contents}, std::move(path),
                                     *std::move(file));
  if (auto ok = made->begin(); !ok) return std::unexpected(ok.error());
  return made;
}

// ---- Giving out -------------------------------------------------------------------------------

result<std::unique_ptr<snapshot_source>> snapshot_store::open_image(group_id group,
                                                                    const core::snapshot_id& id) {
  // The name must still be that of this image when it is opened.
  const std::lock_guard guard(mutex_);
  const auto found = newest_.find(group);
  if (found == newest_.end() || found->second.snapshot.id != id) {
    return refuse(fmt::format("group {}: {} is not the newest", group.value(), describe(id)));
  }
  const auto& path = found->second.path;
  auto file = files_->open(path, open_mode::read_only);
  if (!file) return std::unexpected(file.error());
  return std::make_unique<image_source>(*std::move(file), path, id);
}

/// The file of an image, opened now if it is the newest and was not.
result<snapshot_store::open_image_file*> snapshot_store::opened(group_id group,
                                                                const core::snapshot_id& id) {
  const auto known = std::ranges::find_if(
      open_images_, [&](const auto& one) { return one.group == group && one.id == id; });
  if (known != open_images_.end()) {
    open_images_.splice(open_images_.begin(), open_images_, known);
    return &open_images_.front();
  }
  const std::lock_guard guard(mutex_);
  const auto found = newest_.find(group);
  if (found == newest_.end() || found->second.snapshot.id != id) {
    return refuse(fmt::format("group {}: {} is not there any more", group.value(), describe(id)));
  }
  auto file = files_->open(found->second.path, open_mode::read_only);
  if (!file) return std::unexpected(file.error());
  open_images_.push_front({group, id, *std::move(file), {}});
  if (open_images_.size() > max_open_images) open_images_.pop_back();
  return &open_images_.front();
}

result<shared_bytes> snapshot_store::read(group_id group, const core::snapshot_id& id,
                                          std::uint64_t offset, std::uint64_t max_bytes,
                                          instant now) {
  auto image = opened(group, id);
  if (!image) return std::unexpected(image.error());
  (*image)->last_used = now;
  release_idle(now);
  if (offset >= id.size) return refuse("read behind the end of an image");
  const auto wanted = static_cast<std::size_t>(std::min(max_bytes, id.size - offset));
  // The next chunk is asked for when this one has arrived: so long the disk has time to read it.
  (*image)->file->will_read(offset + wanted, std::min<std::uint64_t>(2 * max_bytes, most_ahead));
  byte_arena arena(wanted);
  const auto got = (*image)->file->read(arena.reserve(wanted).first(wanted), offset);
  if (!got) return std::unexpected(got.error());
  // Less than there must be would look like the end to whoever receives it.
  if (*got != wanted) {
    return fail(error_code::corrupt, fmt::format("group {}: the file of {} ends at offset {}",
                                                 group.value(), describe(id), offset + *got));
  }
  return arena.commit(wanted);
}

void snapshot_store::release_idle(instant now) {
  std::erase_if(open_images_,
                [&](const open_image_file& one) { return now - one.last_used > kept_for; });
}

}  // namespace mainstay::wal
