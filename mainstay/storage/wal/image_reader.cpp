#include "mainstay/storage/wal/image_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"

namespace mainstay::wal {

namespace {

// While one part is checked, the disk reads the next ones.
constexpr std::uint64_t fetched_ahead = 1024 * 1024;

}  // namespace

std::unexpected<error> image_reader::refuse(const error& why) const {
  return fail(why.code, fmt::format("{}: {}", path_, why.message));
}

/// Reads the first `wanted` bytes of the part that comes next.
result<void> image_reader::fill(std::size_t wanted) {
  const auto has = part_.size();
  part_.resize(wanted);
  const auto got = file_->read(std::span(part_).subspan(has), verifier_.verified() + has);
  if (!got) return std::unexpected(got.error());
  if (*got == wanted - has) return {};
  return refuse({error_code::corrupt, fmt::format("at offset {}: the file ends within the image",
                                                  verifier_.verified() + has + *got)});
}

result<std::span<const std::byte>> image_reader::next() {
  MAINSTAY_ASSERT(!verifier_.complete());
  part_.clear();
  state_ = {};
  if (auto ok = fill(image_prefix_size); !ok) return std::unexpected(ok.error());
  const auto size = verifier_.part_size(part_);
  if (!size) return refuse(size.error());
  file_->will_read(verifier_.verified() + *size, fetched_ahead);
  if (auto ok = fill(*size); !ok) return std::unexpected(ok.error());
  if (auto ok = verifier_.feed(part_); !ok) return refuse(ok.error());
  return state_;
}

result<core::snapshot> image_reader::read_all() {
  while (!verifier_.complete()) {
    if (auto part = next(); !part) return std::unexpected(part.error());
  }
  const auto size = file_->size();
  if (!size) return std::unexpected(size.error());
  if (const auto ends = verifier_.verified(); *size != ends) {
    return refuse({error_code::corrupt,
                   fmt::format("at offset {}: bytes behind the end of the image", ends)});
  }
  return *verifier_.complete();
}

result<std::size_t> image_source::read(std::span<std::byte> room) {
  while (left_.empty() && !reader_.seen().complete()) {
    auto part = reader_.next();
    if (!part) return std::unexpected(part.error());
    left_ = *part;
  }
  if (left_.empty() && reader_.seen().complete()->id != expected_) {
    return fail(error_code::corrupt, reader_.path() + ": it is another image than the log's");
  }
  const auto length = std::min(room.size(), left_.size());
  std::ranges::copy(left_.first(length), room.begin());
  left_ = left_.subspan(length);
  return length;
}

}  // namespace mainstay::wal
