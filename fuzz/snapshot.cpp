/// Fuzzes what reads snapshot images: from a file, from a peer in pieces, and from a directory that
/// an earlier life left. The first byte chooses: plain bytes, or parts with any sizes and numbers
/// whose checksums are made good, so that the rules behind the checksums are reached; and who reads
/// them.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/simulation/simulated_disk.hpp"
#include "mainstay/storage/wal/image_format.hpp"
#include "mainstay/storage/wal/image_restore.hpp"
#include "mainstay/storage/wal/image_verifier.hpp"
#include "mainstay/storage/wal/image_writer.hpp"
#include "mainstay/storage/wal/snapshot_store.hpp"

namespace {

using namespace mainstay;
using simulation::simulated_disk;
using byte_view = std::span<const std::byte>;

const std::string directory = "data";

wal::image_header header_of(std::uint8_t group, std::uint8_t index) {
  wal::image_header header{group_id(group), {log_index(index), term(3), log_time{9}, {}}};
  header.contents.configuration.voters = {{node_id(1), "host:1"}};
  return header;
}

/// Parts as an image has them, one after the other, each sealed with a good checksum.
class forger {
 public:
  void run(byte_view input) {
    if (input.size() < 2) return;
    header(input[0], input[1]);
    input = input.subspan(2);
    while (input.size() >= 2) {
      const auto what = std::to_integer<std::uint8_t>(input[0]);
      const auto number = std::to_integer<std::uint8_t>(input[1]);
      input = input.subspan(2);
      if (what % 4 == 0) {
        footer(number);
      } else if (what % 4 == 1) {
        chunk(wal::chunk_payload_size, number);
      } else {
        chunk(std::size_t{number} + 1, what);
      }
    }
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void header(std::byte group, std::byte index) {
    const auto encoded = wal::encode(
        header_of(std::to_integer<std::uint8_t>(group), std::to_integer<std::uint8_t>(index)));
    checksum_ = wal::checksum_of_header(encoded);
    put(encoded);
  }
  void chunk(std::size_t size, std::uint8_t filling) {
    if (bytes_.size() > 4 * wal::chunk_payload_size) return;
    const std::vector<std::byte> payload(size, std::byte{filling});
    const auto front = wal::encode_chunk_header(payload, checksum_);
    checksum_ = front.checksum;
    state_size_ += size;
    put(front.bytes);
    put(payload);
  }
  void footer(std::uint8_t wrong_by) {
    const auto end = bytes_.size() + wal::image_footer_size;
    const auto encoded = wal::encode(
        wal::image_footer{state_size_ + wrong_by % 2, end + wrong_by / 2 % 2}, checksum_);
    checksum_ = encoded.digest;
    put(encoded.bytes);
  }
  void put(byte_view more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }

  std::vector<std::byte> bytes_;
  std::uint64_t checksum_ = 0;
  std::uint64_t state_size_ = 0;
};

/// What the verifier makes of bytes that come in pieces of this size; it and the reader of files
/// must agree.
void verify(byte_view bytes, std::size_t piece, const result<wal::inspected_image>& file_says) {
  std::uint64_t state = 0;
  wal::image_verifier verifier([&](byte_view part) { state += part.size(); });
  bool holds = true;
  for (auto rest = bytes; holds && !rest.empty();) {
    const auto next = rest.first(std::min(piece, rest.size()));
    holds = verifier.feed(next).has_value();
    rest = rest.subspan(next.size());
    MAINSTAY_ASSERT(verifier.verified() <= verifier.taken());
  }
  MAINSTAY_ASSERT((holds && verifier.complete().has_value()) == file_says.has_value());
  if (!file_says) return;
  MAINSTAY_ASSERT(*verifier.complete() == file_says->snapshot);
  MAINSTAY_ASSERT(verifier.state_size() == state && state == file_says->state_size);
  MAINSTAY_ASSERT(file_says->snapshot.id.size == bytes.size());
}

/// Reads all of an image that a store gives out.
std::vector<std::byte> load(wal::snapshot_store& store, group_id group,
                            const core::snapshot_id& id) {
  auto source = store.open_image(group, id);
  MAINSTAY_ASSERT(source.has_value());
  std::vector<std::byte> state;
  std::vector<std::byte> room(100'000);
  while (true) {
    const auto got = (*source)->read(room);
    MAINSTAY_ASSERT(got.has_value());
    if (*got == 0) return state;
    state.insert(state.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

/// A sound image has one form: written anew, its state gives the same bytes, unless its
/// configuration is in an earlier format. A store takes it, from its own directory and from a peer.
void use(byte_view bytes, const wal::inspected_image& image, std::size_t piece) {
  const auto& s = image.snapshot;
  simulated_disk files;
  files.replace(directory + "/" + wal::name_of({wal::image_name::kind::whole, image.group, s.id}),
                {bytes.begin(), bytes.end()});
  auto store = wal::snapshot_store::open(files, directory);
  MAINSTAY_ASSERT(store.has_value());
  MAINSTAY_ASSERT((*store)->newest(image.group) == s);
  const auto state = load(**store, image.group, s.id);

  const wal::image_header header{
      image.group, {s.id.last_included_index, s.id.last_included_term, s.time, s.configuration}};
  const auto front = wal::encode(header);
  std::vector<std::byte> again;
  wal::image_writer writer(header, [&](auto pieces) {
    for (const auto one : pieces) again.insert(again.end(), one.begin(), one.end());
    return result<void>{};
  });
  MAINSTAY_ASSERT(writer.begin().has_value() && writer.write(state).has_value());
  const auto written = writer.finish();
  MAINSTAY_ASSERT(written.has_value());
  if (front.size() <= bytes.size() && std::ranges::equal(front, bytes.first(front.size()))) {
    MAINSTAY_ASSERT(*written == s && std::ranges::equal(again, bytes));
  }

  simulated_disk other;
  MAINSTAY_ASSERT(other.create_directory(directory).has_value());
  auto receiver = wal::snapshot_store::open(other, directory);
  MAINSTAY_ASSERT(receiver.has_value());
  received_snapshot got;
  while (!got.complete) {
    const auto at = static_cast<std::size_t>(got.next_offset);
    const auto next =
        bytes.subspan(at, std::min(std::max<std::size_t>(piece, 1024), bytes.size() - at));
    const auto told = (*receiver)->receive(image.group, s.id, at, shared_bytes::copy_of(next));
    MAINSTAY_ASSERT(told.has_value());
    MAINSTAY_ASSERT(told->complete || told->next_offset > at);
    got = *told;
  }
  MAINSTAY_ASSERT((*receiver)->install(image.group, s.id) == s);
}

/// A partial image of an earlier life: whatever is in it, what is announced can be received.
void resume(byte_view left) {
  const std::vector<std::byte> state(300'000, std::byte{1});
  std::vector<std::byte> bytes;
  wal::image_writer writer(header_of(1, 200), [&](auto pieces) {
    for (const auto one : pieces) bytes.insert(bytes.end(), one.begin(), one.end());
    return result<void>{};
  });
  MAINSTAY_ASSERT(writer.begin().has_value() && writer.write(state).has_value());
  const auto made = writer.finish();
  simulated_disk files;
  files.replace(
      directory + "/" + wal::name_of({wal::image_name::kind::partial, group_id(1), made->id}),
      {left.begin(), left.end()});
  auto store = wal::snapshot_store::open(files, directory);
  MAINSTAY_ASSERT(store.has_value());
  received_snapshot got;
  // One that turns out to be another image is dropped, once.
  for (int failures = 0; !got.complete;) {
    const auto rest = byte_view(bytes).subspan(static_cast<std::size_t>(got.next_offset));
    const auto told =
        (*store)->receive(group_id(1), made->id, got.next_offset, shared_bytes::copy_of(rest));
    if (!told) {
      MAINSTAY_ASSERT(++failures == 1);
      got = {};
      continue;
    }
    MAINSTAY_ASSERT(told->complete || told->next_offset != got.next_offset);
    got = *told;
    if (got.next_offset > bytes.size()) got.next_offset = 0;
  }
  MAINSTAY_ASSERT((*store)->install(group_id(1), made->id) == *made);
  MAINSTAY_ASSERT(load(**store, group_id(1), made->id) == state);
}

void name(byte_view bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto read = wal::image_name_of(text);
  if (read) MAINSTAY_ASSERT(wal::name_of(*read) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  if (data[0] % 8 == 7) return name(input), 0;

  std::vector<std::byte> bytes(input.begin(), input.end());
  if (data[0] % 2 == 1) {
    forger forged;
    forged.run(input);
    bytes = forged.take();
  }
  if (data[0] % 8 >= 5) return resume(bytes), 0;
  simulated_disk files;
  files.replace("image", bytes);
  const auto told = wal::inspect_image(files, "image");
  const std::size_t piece = std::size_t{1} << (data[0] / 8 % 20);
  verify(bytes, bytes.size() > 4096 ? std::max<std::size_t>(piece, 64) : piece, told);
  if (told) use(bytes, *told, piece);
  return 0;
}
