#include "mainstay/seams/machine_image.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace mainstay {

namespace {

constexpr std::size_t read_step = 1 << 20;

}  // namespace

image_reader::image_reader(const snapshot_reader& reader, std::string_view kind,
                           std::uint64_t newest)
    : reader_(reader) {
  if (text(kind.size()) != kind) {
    refuse("this is not an image of kind " + std::string(kind));
    return;
  }
  version_ = number();
  if (!is_sound() || (version_ >= 1 && version_ <= newest)) return;
  outcome_ = fail(error_code::unsupported, "image of kind " + std::string(kind) + " has version " +
                                               std::to_string(version_) + ", not 1 to " +
                                               std::to_string(newest));
}

std::string image_reader::text(std::size_t longest) {
  const std::uint64_t size = number();
  if (size <= longest) return take(size);
  refuse("a text of " + std::to_string(size) + " bytes in an image, of at most " +
         std::to_string(longest));
  return {};
}

void image_reader::refuse(std::string why) {
  if (is_sound()) outcome_ = fail(error_code::malformed, std::move(why));
}

std::string image_reader::take(std::size_t size) {
  std::string bytes;
  std::size_t filled = 0;
  while (is_sound() && filled < size) {
    if (filled == bytes.size()) bytes.resize(std::min(size, filled + read_step));
    const auto got = reader_(std::as_writable_bytes(std::span(bytes).subspan(filled)));
    if (!got) outcome_ = std::unexpected(got.error());
    if (got && *got == 0) refuse("the image is cut off");
    filled += got ? *got : 0;
  }
  return is_sound() ? bytes : std::string();
}

}  // namespace mainstay
