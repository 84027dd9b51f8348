#include "mainstay/storage/wal/image_restore.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/storage/wal/image_reader.hpp"
#include "mainstay/storage/wal/segmented_log.hpp"

namespace mainstay::wal {

namespace {

result<void> refuse_used(file_system& files, const std::string& directory) {
  if (auto ok = files.create_directory(directory); !ok) return ok;
  const auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    if (name == "." || name == "..") continue;
    return fail(error_code::invalid_argument,
                fmt::format("{} is not empty: it holds {}; a new cluster begins in a new directory",
                            directory, name));
  }
  return {};
}

/// Copies the state of an image into a new one.
result<core::snapshot> copy_state(file_system& files, const restore_options& options,
                                  const inspected_image& from, snapshot_store& to) {
  const auto& id = from.snapshot.id;
  auto sink = to.begin(from.group, {id.last_included_index, id.last_included_term,
                                    from.snapshot.time, options.configuration});
  if (!sink) return std::unexpected(sink.error());
  auto file = files.open(options.image, open_mode::read_only);
  if (!file) return std::unexpected(file.error());
  image_reader reader(*std::move(file), options.image);
  while (!reader.seen().complete()) {
    const auto state = reader.next();
    if (!state) return std::unexpected(state.error());
    if (auto ok = (*sink)->write(*state); !ok) return std::unexpected(ok.error());
  }
  return (*sink)->commit();
}

}  // namespace

result<inspected_image> inspect_image(file_system& files, const std::string& path) {
  auto file = files.open(path, open_mode::read_only);
  if (!file) return std::unexpected(file.error());
  image_reader reader(*std::move(file), path);
  auto snapshot = reader.read_all();
  if (!snapshot) return std::unexpected(snapshot.error());
  const auto& seen = reader.seen();
  return inspected_image{seen.header()->group, *std::move(snapshot), seen.state_size(),
                         seen.chunks()};
}

result<core::snapshot> restore_image(file_system& files, const restore_options& options) {
  if (auto ok = core::check(options.configuration); !ok) return std::unexpected(ok.error());
  const auto image = inspect_image(files, options.image);
  if (!image) return std::unexpected(image.error());
  if (auto ok = refuse_used(files, options.directory); !ok) return std::unexpected(ok.error());

  inline_runner runner(files);
  auto log = segmented_log::open({.directory = options.directory,
                                  .identity = options.identity,
                                  .bootstrap = options.configuration,
                                  .segment_size = options.segment_size},
                                 files, runner);
  if (!log) return std::unexpected(log.error());
  auto made = copy_state(files, options, *image, (*log)->snapshots());
  if (!made) return made;
  core::persist_batch batch;
  batch.has_hard_state = true;
  batch.state = {made->id.last_included_term, node_id()};
  batch.reset_to = core::term_run{made->id.last_included_index, made->id.last_included_term};
  if (auto ok = (*log)->add(image->group, batch); !ok) return std::unexpected(ok.error());
  if (auto ok = (*log)->flush(); !ok) return std::unexpected(ok.error());
  if (auto ok = (*log)->prove(); !ok) return std::unexpected(ok.error());
  return made;
}

}  // namespace mainstay::wal
