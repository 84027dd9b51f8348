// How a snapshot_store takes in an image from elsewhere: chunk by chunk, and at last in one step.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "mainstay/storage/wal/image_reader.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"

namespace mainstay::wal {

namespace {

constexpr std::size_t resume_piece = 1024 * 1024;

}  // namespace

void snapshot_store::drop_partial(group_id group) {
  const auto found = partials_.find(group);
  if (found == partials_.end()) return;
  const auto path = found->second->path;
  partials_.erase(found);
  remove_quietly(path);
}

/// Reads again what an earlier life left, and goes on behind the last part that holds.
result<void> snapshot_store::resume(partial_image& partial) {
  auto left = files_->open(partial.path, open_mode::read_only);
  if (!left) return std::unexpected(left.error());
  auto& file = **left;
  image_verifier seen;
  std::vector<std::byte> piece(resume_piece);
  while (true) {
    const auto got = file.read(piece, seen.taken());
    if (!got) return std::unexpected(got.error());
    if (*got == 0 || !seen.feed(std::span(piece).first(*got))) break;
  }
  // From its own first byte, so that what follows is checked against just these bytes.
  const auto holds = seen.verified();
  while (partial.verifier.taken() < holds) {
    const auto rest = std::min<std::uint64_t>(piece.size(), holds - partial.verifier.taken());
    const auto room = std::span(piece).first(static_cast<std::size_t>(rest));
    const auto got = file.read(room, partial.verifier.taken());
    if (!got) return std::unexpected(got.error());
    if (*got != room.size()) return fail(error_code::io_failed, partial.path + ": cut off");
    // Written again, because after a failed flush the system may show bytes that are not there.
    const std::array<std::span<const std::byte>, 1> pieces{room};
    if (auto ok = partial.file->append(pieces); !ok) return ok;
    if (auto ok = partial.verifier.feed(room); !ok) return ok;
  }
  return {};
}

/// The image that is being received; begun, or resumed, when it is another one.
result<snapshot_store::partial_image*> snapshot_store::partial_of(group_id group,
                                                                  const core::snapshot_id& id) {
  const auto known = partials_.find(group);
  if (known != partials_.end()) {
    if (known->second->id == id) return known->second.get();
    drop_partial(group);
  }
  auto made = std::make_unique<partial_image>();
  made->id = id;
  made->path = directory_ + "/" + name_of({image_name::kind::partial, group, id});
  const auto found = found_partials_.extract(group);
  const bool resumes = !found.empty() && found.mapped().path == made->path;
  if (!found.empty() && !resumes) remove_quietly(found.mapped().path);
  auto file = resumes ? block_appender::over(*files_, made->path)
                      : block_appender::create(*files_, made->path);
  if (!file) return std::unexpected(file.error());
  made->file = *std::move(file);
  if (resumes) {
    if (auto ok = resume(*made); !ok) return std::unexpected(ok.error());
  }
  return (partials_[group] = std::move(made)).get();
}

/// Takes the bytes that come next.
result<void> snapshot_store::take(partial_image& partial, const shared_bytes& data) {
  const std::array<std::span<const std::byte>, 1> pieces{data.span()};
  if (auto ok = partial.file->append(pieces); !ok) return ok;
  if (auto ok = partial.verifier.feed(data.span()); !ok) {
    return fail(ok.error().code, fmt::format("{}: {}", partial.path, ok.error().message));
  }
  return {};
}

/// Nothing, before the last byte has come.
result<void> snapshot_store::complete_if_whole(group_id group, partial_image& partial) const {
  if (partial.complete || partial.verifier.taken() < partial.id.size) return {};
  const auto& whole = partial.verifier.complete();
  if (!whole || whole->id != partial.id || partial.verifier.header()->group != group) {
    return fail(error_code::corrupt,
                fmt::format("{}: what came is not the image that was announced", partial.path));
  }
  if (auto ok = partial.file->finish(); !ok) return ok;
  partial.complete = true;
  return {};
}

result<received_snapshot> snapshot_store::receive(group_id group, const core::snapshot_id& id,
                                                  std::uint64_t offset, const shared_bytes& data) {
  if (const auto there = newest(group); there && there->id == id) {
    return received_snapshot{id.size, true};
  }
  auto found = partial_of(group, id);
  if (!found) return std::unexpected(found.error());
  auto& partial = **found;
  const auto taken = partial.verifier.taken();
  if (offset == taken && data.size() > id.size - taken) {
    return fail(error_code::invalid_argument, "a chunk reaches behind the end of its image");
  }
  result<void> ok;
  if (offset == taken && !data.empty()) ok = take(partial, data);
  // A partial image that an earlier life left may lack nothing.
  if (ok) ok = complete_if_whole(group, partial);
  if (!ok) {
    // What is on the disk now, or whether it is what was announced, is not known.
    drop_partial(group);
    return std::unexpected(ok.error());
  }
  return received_snapshot{partial.verifier.taken(), partial.complete};
}

result<core::snapshot> snapshot_store::install(group_id group, const core::snapshot_id& id) {
  if (auto there = newest(group); there && there->id == id) return *std::move(there);
  const auto found = partials_.find(group);
  if (found == partials_.end() || found->second->id != id || !found->second->complete) {
    return fail(error_code::invalid_argument,
                fmt::format("group {}: the image of index {} is not whole", group.value(),
                            id.last_included_index.value()));
  }
  const auto& partial = *found->second;
  auto installed = put_in_place(group, partial.path, *partial.verifier.complete());
  if (installed) {
    partials_.erase(found);
  } else {
    drop_partial(group);
  }
  return installed;
}

}  // namespace mainstay::wal
