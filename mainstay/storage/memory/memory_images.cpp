// The images of a memory_disk: contents and configuration in front, then the state.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "mainstay/base/checksum.hpp"
#include "mainstay/storage/memory/memory_disk.hpp"

namespace mainstay {

namespace {

// As in production, an image outlives the next ones as long as it may be under way to a peer.
constexpr std::size_t kept_images = 3;

struct fixed_part {
  std::uint64_t group = 0;
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::int64_t time = 0;
  std::uint64_t configuration_size = 0;
};

std::unexpected<error> refuse(const char* why) {
  return fail(error_code::invalid_argument, std::string("memory images: ") + why);
}

core::snapshot_id id_of(const fixed_part& front, std::span<const std::byte> image) {
  return {log_index(front.index), term(front.term), image.size(), checksum(image)};
}

/// Where the state begins.
std::size_t state_at(std::span<const std::byte> image) {
  fixed_part front;
  std::memcpy(&front, image.data(), sizeof front);
  return sizeof front + front.configuration_size;
}

std::vector<std::byte> image_of(group_id group, const core::snapshot_contents& contents,
                                std::span<const std::byte> state) {
  const auto configuration = core::encode(contents.configuration);
  const fixed_part front{group.value(), contents.last_included_index.value(),
                         contents.last_included_term.value(), contents.time.microseconds,
                         configuration.size()};
  std::vector<std::byte> image(sizeof front);
  std::memcpy(image.data(), &front, sizeof front);
  image.insert(image.end(), configuration.data(), configuration.data() + configuration.size());
  image.insert(image.end(), state.begin(), state.end());
  return image;
}

/// What an image says of itself, when it is the one that `id` names.
result<core::snapshot> check_image(group_id group, const core::snapshot_id& id,
                                   std::span<const std::byte> image) {
  const auto damaged = [](const char* why) {
    return fail(error_code::corrupt, std::string("memory images: ") + why);
  };
  fixed_part front;
  if (image.size() < sizeof front) return damaged("too short");
  std::memcpy(&front, image.data(), sizeof front);
  if (front.group != group.value()) return damaged("of another group");
  if (id_of(front, image) != id) return damaged("not the image that was announced");
  if (front.configuration_size > image.size() - sizeof front) return damaged("cut off");
  auto configuration =
      core::decode_configuration(image.subspan(sizeof front, front.configuration_size));
  if (!configuration) return damaged("without a configuration");
  return core::snapshot{id, log_time{front.time}, *std::move(configuration)};
}

}  // namespace

bool memory_disk::stored_images::has_newer_than(const core::snapshot_id& id) const {
  return !images.empty() && images.back().snapshot.id.last_included_index > id.last_included_index;
}

void memory_disk::stored_images::add(stored_image one) {
  images.push_back(std::move(one));
  if (images.size() > kept_images) images.pop_front();
}

const memory_disk::stored_image* memory_disk::find(group_id group,
                                                   const core::snapshot_id& id) const {
  const auto group_images = images_.find(group);
  if (group_images == images_.end()) return nullptr;
  const auto& images = group_images->second.images;
  const auto found = std::ranges::find(images, id, [](const auto& one) { return one.snapshot.id; });
  return found == images.end() ? nullptr : &*found;
}

result<core::snapshot> memory_disk::save_snapshot(group_id group,
                                                  const core::snapshot_contents& contents,
                                                  std::span<const std::byte> state) {
  const std::lock_guard guard(mutex_);
  if (auto ok = check_mood(); !ok) return std::unexpected(ok.error());
  const auto image = image_of(group, contents, state);
  const core::snapshot_id id{contents.last_included_index, contents.last_included_term,
                             image.size(), checksum(image)};
  auto& group_images = images_[group];
  if (group_images.has_newer_than(id)) return refuse("a newer image is there");
  core::snapshot made{id, contents.time, contents.configuration};
  group_images.add({made, shared_bytes::copy_of(image)});
  return made;
}

result<shared_bytes> memory_disk::state_in(group_id group, const core::snapshot_id& id) const {
  const std::lock_guard guard(mutex_);
  if (failure_) return std::unexpected(*failure_);
  const auto* image = find(group, id);
  if (image == nullptr) return refuse("no such image");
  const auto at = state_at(image->bytes.span());
  return image->bytes.slice(at, image->bytes.size() - at);
}

result<shared_bytes> memory_disk::read_snapshot(group_id group, const core::snapshot_id& id,
                                                std::uint64_t offset,
                                                std::uint64_t max_bytes) const {
  const std::lock_guard guard(mutex_);
  if (failure_) return std::unexpected(*failure_);
  const auto* image = find(group, id);
  if (image == nullptr) return refuse("no such image");
  if (offset >= image->bytes.size()) return refuse("read behind the end of an image");
  return image->bytes.slice(offset, std::min(max_bytes, image->bytes.size() - offset));
}

result<received_snapshot> memory_disk::receive_snapshot(group_id group, const core::snapshot_id& id,
                                                        std::uint64_t offset,
                                                        const shared_bytes& data) {
  const std::lock_guard guard(mutex_);
  if (auto ok = check_mood(); !ok) return std::unexpected(ok.error());
  auto& group_images = images_[group];
  const bool is_newest =
      !group_images.images.empty() && group_images.images.back().snapshot.id == id;
  if (is_newest) return received_snapshot{id.size, true};
  auto& partial = group_images.partial;
  if (!partial || partial->id != id) partial = partial_image{id, {}, {}};
  auto& bytes = partial->bytes;
  if (offset != bytes.size()) return received_snapshot{bytes.size(), partial->complete.has_value()};
  if (data.size() > id.size - offset) return refuse("more than the whole image");
  bytes.insert(bytes.end(), data.data(), data.data() + data.size());
  if (bytes.size() < id.size) return received_snapshot{bytes.size(), false};
  auto checked = check_image(group, id, bytes);
  if (!checked) {
    partial.reset();
    return std::unexpected(checked.error());
  }
  partial->complete = *std::move(checked);
  return received_snapshot{id.size, true};
}

result<core::snapshot> memory_disk::install_snapshot(group_id group, const core::snapshot_id& id) {
  const std::lock_guard guard(mutex_);
  if (auto ok = check_mood(); !ok) return std::unexpected(ok.error());
  auto& group_images = images_[group];
  const bool is_newest =
      !group_images.images.empty() && group_images.images.back().snapshot.id == id;
  if (is_newest) return group_images.images.back().snapshot;
  auto& partial = group_images.partial;
  if (!partial || partial->id != id || !partial->complete) return refuse("the image is not whole");
  if (group_images.has_newer_than(id)) return refuse("a newer image is there");
  auto installed = *partial->complete;
  group_images.add({installed, shared_bytes::copy_of(partial->bytes)});
  partial.reset();
  return installed;
}

}  // namespace mainstay
