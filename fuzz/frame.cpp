/// Fuzzes what a TCP connection does with received bytes: cutting the stream into frames, and
/// reading handshakes. The first byte chooses: the rest is a stream as a stranger sends it, or a
/// list of bodies that are put into good frames, because no fuzzer guesses a checksum.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "mainstay/base/assert.hpp"
#include "mainstay/transport/tcp/frame_reader.hpp"
#include "mainstay/transport/tcp/handshake.hpp"

namespace {

using namespace mainstay;
using namespace mainstay::tcp;

constexpr std::size_t max_body = 64 << 10;
constexpr std::size_t block_size = 4 << 10;

/// What is done with every frame, whatever it is.
void read_as_handshake(const frame& received) {
  const auto decoded = decode_greeting(received.body.span());
  if (decoded) MAINSTAY_ASSERT(encode(*decoded) == received.body);
  (void)decode_refusal(received.body.span());
}

/// Feeds a stream in steps of `step` bytes; the frames that came out before it broke, if it did.
std::vector<frame> frames_of(std::span<const std::byte> stream, std::size_t step) {
  frame_reader reader;
  bool opened_up = false;
  std::vector<frame> frames;
  while (!stream.empty()) {
    const auto room = reader.room();
    const auto n = std::min({step, room.size(), stream.size()});
    std::memcpy(room.data(), stream.data(), n);
    reader.received(n);
    stream = stream.subspan(n);
    while (true) {
      auto next = reader.next();
      if (!next) return frames;
      if (!*next) break;
      read_as_handshake(**next);
      frames.push_back(std::move(**next));
      if (!opened_up) reader.open_up(max_body, block_size);
      opened_up = true;
    }
  }
  return frames;
}

/// Each body is a length byte, which counts in `unit` bytes, and what follows.
std::vector<shared_bytes> bodies_of(std::span<const std::byte> bytes, std::size_t unit) {
  std::vector<shared_bytes> bodies;
  while (!bytes.empty()) {
    const auto wanted = std::to_integer<std::size_t>(bytes[0]) * (bodies.empty() ? 1 : unit);
    bytes = bytes.subspan(1);
    const auto length = std::min(wanted, bytes.size());
    bodies.push_back(shared_bytes::copy_of(bytes.first(length)));
    bytes = bytes.subspan(length);
  }
  return bodies;
}

void check_good_frames(const std::vector<shared_bytes>& bodies, std::size_t step) {
  std::vector<std::byte> stream;
  for (const auto& body : bodies) {
    const frame_header header{.length = static_cast<std::uint32_t>(body.size())};
    const auto bytes = encode(header, std::span(&body, 1));
    stream.insert(stream.end(), bytes.begin(), bytes.end());
    stream.insert(stream.end(), body.span().begin(), body.span().end());
  }
  const auto frames = frames_of(stream, step);
  MAINSTAY_ASSERT(frames.size() == bodies.size());
  for (std::size_t i = 0; i < frames.size(); ++i) MAINSTAY_ASSERT(frames[i].body == bodies[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const std::size_t step = std::size_t{data[1]} + 1;
  if (data[0] % 2 == 0) {
    (void)frames_of(bytes, step);
  } else {
    check_good_frames(bodies_of(bytes, data[0]), step);
  }
  return 0;
}
