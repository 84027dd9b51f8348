/// What the tests of images share: making, sending and loading them on a store without threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mainstay/storage/wal/image_writer.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"

#include "tests/conformance/snapshot_states.hpp"
#include "tests/storage/log_fixture.hpp"

namespace mainstay {

using conformance::contents_at;
using conformance::state_of;

inline constexpr group_id tested_group(1);

/// The bytes of an image, and what it is called.
struct made_image {
  core::snapshot snapshot;
  std::vector<std::byte> bytes;

  shared_bytes slice(std::uint64_t offset, std::uint64_t length) const {
    const auto size = std::min<std::uint64_t>(length, bytes.size() - offset);
    return shared_bytes::copy_of(
        std::span(bytes).subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size)));
  }
};

inline made_image make_image(const core::snapshot_contents& contents,
                             std::span<const std::byte> state, group_id group = tested_group) {
  made_image made;
  wal::image_writer writer({group, contents}, [&](auto pieces) {
    for (const auto piece : pieces) {
      made.bytes.insert(made.bytes.end(), piece.begin(), piece.end());
    }
    return result<void>{};
  });
  EXPECT_TRUE(writer.begin().has_value());
  EXPECT_TRUE(writer.write(state).has_value());
  made.snapshot = *writer.finish();
  return made;
}

inline std::unique_ptr<wal::snapshot_store> open_store(wal::file_system& files) {
  auto store = wal::snapshot_store::open(files, log_directory);
  EXPECT_TRUE(store.has_value()) << store.error().message;
  return store ? *std::move(store) : nullptr;
}

inline result<core::snapshot> save(wal::snapshot_store& store,
                                   const core::snapshot_contents& contents,
                                   std::span<const std::byte> state) {
  auto sink = store.begin(tested_group, contents);
  if (!sink) return std::unexpected(sink.error());
  if (auto ok = (*sink)->write(state); !ok) return std::unexpected(ok.error());
  return (*sink)->commit();
}

/// Sends an image from wherever it is wanted on, in pieces.
inline result<received_snapshot> send(wal::snapshot_store& store, const made_image& image,
                                      std::uint64_t piece) {
  auto wanted = store.receive(tested_group, image.snapshot.id, 0, {});
  while (wanted && !wanted->complete) {
    const auto at = wanted->next_offset;
    wanted = store.receive(tested_group, image.snapshot.id, at, image.slice(at, piece));
    if (wanted && !wanted->complete && wanted->next_offset == at) break;  // it would go on for ever
  }
  return wanted;
}

inline result<std::vector<std::byte>> load(wal::snapshot_store& store,
                                           const core::snapshot_id& id) {
  auto source = store.open_image(tested_group, id);
  if (!source) return std::unexpected(source.error());
  std::vector<std::byte> state;
  std::vector<std::byte> room(100'000);
  while (true) {
    auto got = (*source)->read(room);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return state;
    state.insert(state.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

inline std::string image_path(const core::snapshot_id& id) {
  return log_directory + "/" + wal::name_of({wal::image_name::kind::whole, tested_group, id});
}

}  // namespace mainstay
