/// Frames, and the pieces of the transport that know no socket.
#include "mainstay/transport/tcp/frame.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/transport/tcp/address.hpp"
#include "mainstay/transport/tcp/call_table.hpp"
#include "mainstay/transport/tcp/frame_reader.hpp"
#include "mainstay/transport/tcp/handshake.hpp"
#include "mainstay/transport/tcp/send_queue.hpp"

#include "tests/serializer/golden_file.hpp"
#include "tests/transport/raw_peer.hpp"

namespace mainstay::tcp {
namespace {

using testing::HasSubstr;
using testing_tcp::frame_text;
using testing_tcp::usual_greeting;
using std::chrono_literals::operator""s;

/// Feeds a reader as if the bytes came in pieces of at most `step`.
class feeder {
 public:
  feeder() { reader.open_up(max_body, block); }

  void feed(std::string_view bytes, std::size_t step = 1 << 20) {
    while (!bytes.empty() && failure.empty()) {
      const auto room = reader.room();
      const auto n = std::min({step, room.size(), bytes.size()});
      std::memcpy(room.data(), bytes.data(), n);
      reader.received(n);
      bytes.remove_prefix(n);
      take();
    }
  }

  static constexpr std::size_t max_body = 1 << 20;
  static constexpr std::size_t block = 16 << 10;
  frame_reader reader;
  std::vector<frame> frames;
  std::string failure;

 private:
  void take() {
    while (true) {
      auto next = reader.next();
      if (!next) failure = next.error().message;
      if (!next || !*next) return;
      frames.push_back(std::move(**next));
    }
  }
};

std::string body_of(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

std::string request_of(std::uint64_t call, std::string_view body) {
  return frame_text(frame_kind::request, shared_bytes::copy_of(body), call);
}

TEST(FrameFormat, GoldenFramesHaveTheirBytes) {
  const auto check = [](const std::string& name, const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    EXPECT_EQ(to_hex(bytes), golden_hex(name, bytes)) << name;
  };

  check("hello", testing_tcp::hello_text(usual_greeting()));
  check("welcome", frame_text(frame_kind::welcome, encode(usual_greeting())));
  check("refusal", frame_text(frame_kind::refusal, encode(refusal::cluster)));
  check("request", frame_text({.kind = frame_kind::request, .group = group_id(7), .call = 65536},
                              shared_bytes::copy_of("body")));
  check("response", frame_text({.kind = frame_kind::response, .group = group_id(7), .call = 65536},
                               shared_bytes()));
}

TEST(FrameReader, FramesComeOutWholeHoweverTheyArrive) {
  const std::vector<std::size_t> sizes = {0, 1, 31, 32, 500, 16000, 16384, 70000, 5};
  std::string stream;
  for (std::size_t i = 0; i < sizes.size(); ++i) stream += request_of(i, body_of(sizes[i]));

  for (const std::size_t step : {1UL, 7UL, 31UL, 33UL, 1000UL, 16384UL, 1UL << 20}) {
    feeder f;
    f.feed(stream, step);

    ASSERT_EQ(f.frames.size(), sizes.size()) << "in steps of " << step << ": " << f.failure;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_EQ(f.frames[i].header.call, i);
      EXPECT_EQ(f.frames[i].body.text(), body_of(sizes[i])) << "in steps of " << step;
    }
  }
}

TEST(FrameReader, NoFlippedBitPasses) {
  const auto good = request_of(3, "payload");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    feeder f;

    f.feed(bad);

    EXPECT_TRUE(f.frames.empty()) << "bit " << bit;
  }
}

TEST(FrameReader, ACutFrameIsWaitedFor) {
  const auto good = request_of(3, "payload");
  for (std::size_t length = 0; length < good.size(); ++length) {
    feeder f;

    f.feed(std::string_view(good).substr(0, length));

    EXPECT_TRUE(f.frames.empty());
    EXPECT_EQ(f.failure, "");
  }
}

// Hazard 124: unchecked lengths.
TEST(FrameReader, AClaimAboveTheLimitIsRefusedFromItsHeaderAlone) {
  auto claim = request_of(1, "");
  const std::uint32_t length = feeder::max_body + 1;
  std::memcpy(claim.data(), &length, sizeof length);
  feeder f;

  f.feed(claim);

  EXPECT_THAT(f.failure, HasSubstr("announces 1048577 bytes, 1048576 are allowed"));
}

TEST(FrameReader, BeforeTheHandshakeOnlySmallFramesAreTaken) {
  frame_reader reader;
  const auto too_large = request_of(1, body_of(max_handshake_body + 1));
  const auto room = reader.room();
  ASSERT_LE(room.size(), 1024U);

  std::memcpy(room.data(), too_large.data(), frame_header_size);
  reader.received(frame_header_size);

  EXPECT_FALSE(reader.next());
}

// Hazard H3: a command in the log's window must not pin a receive block a thousand times its size.
TEST(FrameReader, ASmallBodyThatIsKeptKeepsNoBlock) {
  feeder f;
  const auto first_room = f.reader.room().data();

  f.feed(request_of(1, "kept"));

  ASSERT_EQ(f.frames.size(), 1U);
  EXPECT_EQ(f.frames.front().body.text(), "kept");
  EXPECT_EQ(f.reader.room().data(), first_room);  // the block starts over: nobody holds it
}

TEST(FrameReader, ALargeBodyIsASliceOfTheBlock) {
  feeder f;
  const auto first_room = f.reader.room().data();

  f.feed(request_of(1, body_of(feeder::block / 2)));

  ASSERT_EQ(f.frames.size(), 1U);
  EXPECT_EQ(f.frames.front().body.data(), first_room + frame_header_size);
}

TEST(FrameReader, BytesBehindTheHandshakeAreNotLost) {
  frame_reader reader;
  const auto stream = frame_text(frame_kind::hello, shared_bytes::copy_of("hi")) +
                      request_of(1, "first") + request_of(2, "second");
  const auto room = reader.room();
  std::memcpy(room.data(), stream.data(), stream.size());
  reader.received(stream.size());

  const auto hello = reader.next();
  reader.open_up(1 << 20, 64 << 10);
  const auto first = reader.next();
  const auto second = reader.next();

  EXPECT_EQ((**hello).body.text(), "hi");
  EXPECT_EQ((**first).body.text(), "first");
  EXPECT_EQ((**second).body.text(), "second");
}

// Hazard 125: unknown type bytes accepted.
TEST(FrameReader, UnknownKindsVersionsAndReservedBytesAreRefused) {
  struct change {
    std::size_t at;
    char value;
    const char* complaint;
  };
  const std::vector<change> changes = {
      {4, 0, "frame version 0 is unknown"},    {4, 2, "frame version 2 is unknown"},
      {5, 0, "frame kind 0 is unknown"},       {5, 6, "frame kind 6 is unknown"},
      {6, 1, "reserved bytes of a frame are"}, {7, 1, "reserved bytes of a frame are"},
  };
  for (const auto& [at, value, complaint] : changes) {
    auto bad = request_of(1, "x");
    bad[at] = value;
    feeder f;

    f.feed(bad);

    EXPECT_THAT(f.failure, HasSubstr(complaint)) << "byte " << at << " set to " << int{value};
  }
}

TEST(FrameReader, OldBodiesStayWhatTheyWereWhileNewOnesComeIn) {
  feeder f;
  for (int round = 0; round < 50; ++round) f.feed(request_of(1, body_of(1000)), 777);

  for (const auto& received : f.frames) EXPECT_EQ(received.body.text(), body_of(1000));
  EXPECT_EQ(f.frames.size(), 50U);
}

TEST(FrameReader, MemoryIsUsedAgainOnceBodiesAreGone) {
  feeder f;
  f.feed(request_of(1, body_of(feeder::block / 2)));
  const auto* first = f.frames[0].body.data();
  f.frames.clear();

  f.feed(request_of(2, body_of(feeder::block / 2)));

  EXPECT_EQ(f.frames[0].body.data(), first);
}

/// Everything that a queue holds, as text, written `step` bytes at a time.
std::string drain(send_queue& queue, std::size_t step) {
  std::string text;
  std::vector<std::span<const std::byte>> views(4);
  while (!queue.empty()) {
    const auto count = queue.front(views);
    std::string front;
    for (std::size_t i = 0; i < count; ++i) {
      front.append(reinterpret_cast<const char*>(views[i].data()), views[i].size());
    }
    const auto n = std::min(step, front.size());
    text += front.substr(0, n);
    queue.consume(n);
  }
  return text;
}

TEST(SendQueue, EverythingLeavesInOrderHoweverItIsWritten) {
  for (const std::size_t step : {97UL, 3000UL, 1UL << 20}) {
    send_queue queue;
    std::string expected;
    for (int round = 0; round < 3; ++round) {
      for (const std::size_t size : {0UL, 5UL, 2047UL, 2048UL, 70000UL, 60000UL}) {
        byte_pieces body;
        body.add(shared_bytes::copy_of(body_of(size)));
        body.add(shared_bytes::copy_of("tail"));
        const auto header = encode(frame_header{.call = size}, body.pieces());
        expected += std::string(reinterpret_cast<const char*>(header.data()), header.size()) +
                    body_of(size) + "tail";
        queue.add(header, body);
      }
      EXPECT_EQ(queue.size(), expected.size());
      EXPECT_TRUE(drain(queue, step) == expected) << "in steps of " << step;
      expected.clear();
    }
  }
}

TEST(SendQueue, LargePiecesAreNotCopiedAndSmallOnesLieTogether) {
  send_queue queue;
  byte_pieces small;
  small.add(shared_bytes::copy_of("small"));
  byte_pieces large;
  large.add(shared_bytes::copy_of(body_of(5000)));

  queue.add({}, small);
  queue.add({}, small);
  queue.add({}, large);

  std::vector<std::span<const std::byte>> views(8);
  ASSERT_EQ(queue.front(views), 2U);
  EXPECT_EQ(views[0].size(), 3 * frame_header_size + 10);
  EXPECT_EQ(views[1].data(), large.pieces()[0].data());
}

// Hazard 109: ids that come round meet the calls of an earlier use.
TEST(CallTable, ALateResponseNeverFindsTheNextCallOfItsSlot) {
  call_table table;
  const auto first = table.open({[](auto) {}, instant(1s), 10, 0});

  EXPECT_TRUE(table.close(first));
  const auto second = table.open({[](auto) {}, instant(1s), 20, 0});

  EXPECT_FALSE(table.close(first));
  EXPECT_TRUE(table.waits(second));
  EXPECT_EQ(table.bytes(), 20U);
  EXPECT_FALSE(table.close(~0ULL));
}

TEST(CallTable, OnlyWhatIsOverdueExpires) {
  call_table table;
  const auto early = table.open({[](auto) {}, instant(1s), 1, 0});
  const auto late = table.open({[](auto) {}, instant(3s), 2, 0});

  EXPECT_EQ(table.earliest_deadline(), instant(1s));
  EXPECT_EQ(table.close_expired(instant(2s)).size(), 1U);

  EXPECT_FALSE(table.waits(early));
  EXPECT_TRUE(table.waits(late));
  EXPECT_EQ(table.earliest_deadline(), instant(3s));
}

TEST(Address, BothFormsAreReadAndNothingElse) {
  EXPECT_EQ(parse_address("host:7101"), (host_and_port{"host", 7101}));
  EXPECT_EQ(parse_address("[::1]:80"), (host_and_port{"::1", 80}));
  EXPECT_EQ(to_text({"::1", 80}), "[::1]:80");
  for (const auto* bad : {"", "host", "host:", ":80", "host:99999", "host:8x", "::1:80", "[]:1",
                          "host:-1", "host: 1"}) {
    EXPECT_FALSE(parse_address(bad)) << bad;
  }
}

TEST(Handshake, GreetingsComeBackAsTheyWere) {
  const auto decoded = decode_greeting(encode(usual_greeting()).span());

  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, usual_greeting());
}

TEST(Handshake, CutAndPaddedGreetingsAreRefused) {
  const auto good = encode(usual_greeting());
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_greeting(good.slice(0, length).span())) << length;
  }
  EXPECT_FALSE(decode_greeting(shared_bytes::copy_of(std::string(good.text()) + "x").span()));
}

}  // namespace
}  // namespace mainstay::tcp
