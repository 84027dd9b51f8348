/// The binary serializer: the contract of its seam, the bytes of docs/formats/wire.md held by
/// golden files, and refusal of everything that is not in there.
#include "mainstay/serializer/binary/binary_serializer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/rpc_serializer.hpp"
#include "tests/serializer/golden_file.hpp"
#include "tests/serializer/sample_rpcs.hpp"

namespace mainstay::conformance {
namespace {
INSTANTIATE_TYPED_TEST_SUITE_P(Binary, RpcSerializer, binary_serializer);
}
}  // namespace mainstay::conformance

namespace mainstay {
namespace {

using testing::HasSubstr;

const binary_serializer serializer;
const decode_limits limits;

/// Every sample's bytes.
std::map<std::string, shared_bytes> sample_bytes() {
  std::map<std::string, shared_bytes> all;
  for (const auto& [name, rpc] : sample_requests()) all[name] = serializer.encode(rpc).joined();
  for (const auto& [name, rpc] : sample_responses()) all[name] = serializer.encode(rpc).joined();
  return all;
}

/// Decodes as a request or a response, whichever its kind says; the error's text, or "".
std::string complaint(const shared_bytes& bytes) {
  const bool response = bytes.size() > 1 && (bytes.data()[1] & std::byte{0x80}) != std::byte{0};
  if (response) {
    const auto decoded = serializer.decode_response(bytes, limits);
    return decoded ? "" : decoded.error().message;
  }
  const auto decoded = serializer.decode_request(bytes, limits);
  return decoded ? "" : decoded.error().message;
}

shared_bytes with_byte(const shared_bytes& bytes, std::size_t at, int value) {
  std::string text(bytes.text());
  text.at(at) = static_cast<char>(value);
  return shared_bytes::copy_of(text);
}

TEST(WireFormat, EverySampleHasTheBytesOfItsGoldenFile) {
  for (const auto& [name, bytes] : sample_bytes()) {
    EXPECT_EQ(to_hex(bytes.span()), golden_hex(name, bytes.span())) << name;
  }
}

TEST(WireFormat, GoldenRequestsDecodeToWhatTheyWere) {
  for (const auto& [name, rpc] : sample_requests()) {
    const auto decoded = serializer.decode_request(golden_bytes(name), limits);

    ASSERT_TRUE(decoded) << name << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, rpc) << name;
  }
}

TEST(WireFormat, GoldenResponsesDecodeToWhatTheyWere) {
  for (const auto& [name, rpc] : sample_responses()) {
    const auto decoded = serializer.decode_response(golden_bytes(name), limits);

    ASSERT_TRUE(decoded) << name << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, rpc) << name;
  }
}

TEST(WireFormat, UsualEntriesCostEightBytesBesideTheirPayload) {
  const auto one = serializer.encode(append({command(11, 5, 100, "x"), command(12, 5, 101, "x")}));
  const auto two = serializer.encode(
      append({command(11, 5, 100, "x"), command(12, 5, 101, "x"), command(13, 5, 102, "x")}));

  EXPECT_EQ(two.size() - one.size(), 9U);
}

TEST(HostileRpc, TruncationAtEveryByteIsRefused) {
  for (const auto& [name, bytes] : sample_bytes()) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_NE(complaint(bytes.slice(0, length)), "") << name << " cut to " << length;
    }
  }
}

TEST(HostileRpc, ABytePastTheEndIsRefused) {
  for (const auto& [name, bytes] : sample_bytes()) {
    const auto longer = shared_bytes::copy_of(std::string(bytes.text()) + '\0');

    EXPECT_THAT(complaint(longer), HasSubstr("too many")) << name;
  }
}

TEST(HostileRpc, WhateverAFlippedBitDecodesToIsAWholeMessage) {
  for (const auto& [name, bytes] : sample_bytes()) {
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      const auto before = std::to_integer<int>(bytes.data()[bit / 8]);
      const auto flipped = with_byte(bytes, bit / 8, before ^ (1 << (bit % 8)));
      if (const auto request = serializer.decode_request(flipped, limits)) {
        const auto again = serializer.decode_request(serializer.encode(*request).joined(), limits);
        EXPECT_EQ(again, request) << name << " bit " << bit;
      }
      if (const auto response = serializer.decode_response(flipped, limits)) {
        const auto again =
            serializer.decode_response(serializer.encode(*response).joined(), limits);
        EXPECT_EQ(again, response) << name << " bit " << bit;
      }
    }
  }
}

TEST(HostileRpc, UnknownVersionsAreRefused) {
  for (const auto& [name, bytes] : sample_bytes()) {
    EXPECT_THAT(complaint(with_byte(bytes, 0, 2)), HasSubstr("version at offset 0 is 2")) << name;
    EXPECT_THAT(complaint(with_byte(bytes, 0, 0)), HasSubstr("version at offset 0 is 0")) << name;
  }
}

// Hazard 125: unknown type bytes accepted.
TEST(HostileRpc, UnknownKindsAreRefused) {
  const auto bytes = sample_bytes()["timeout_now"];
  for (const int kind : {0x00, 0x07, 0x7f, 0x80, 0x87, 0xff}) {
    EXPECT_THAT(complaint(with_byte(bytes, 1, kind)), HasSubstr("kind at offset 1")) << kind;
  }
}

TEST(HostileRpc, AResponseIsNoRequestAndARequestNoResponse) {
  const auto bytes = sample_bytes();

  EXPECT_FALSE(serializer.decode_request(bytes.at("read_index_response"), limits));
  EXPECT_FALSE(serializer.decode_response(bytes.at("read_index"), limits));
}

TEST(HostileRpc, UnknownFlagsAreRefused) {
  const auto bytes = sample_bytes();
  for (const auto* name : {"request_vote", "append_entries_usual", "request_vote_response",
                           "append_entries_response", "install_snapshot_response"}) {
    EXPECT_THAT(complaint(with_byte(bytes.at(name), 2, 0x80)), HasSubstr("flags at offset 2"))
        << name;
  }
}

TEST(HostileRpc, APromiseOfNothingIsRefused) {
  const auto bytes = sample_bytes().at("append_entries_response_promise");
  std::string text(bytes.text());
  text.replace(text.size() - 8, 8, 8, '\0');

  EXPECT_THAT(complaint(shared_bytes::copy_of(text)), HasSubstr("lease_promise at offset 51 is 0"));
}

TEST(HostileRpc, UnknownEntryKindsAreRefused) {
  auto bytes = sample_bytes()["append_entries_irregular"];
  const std::size_t kinds_at = 2 + 1 + 40 + 4 + 3 * 8 + 3 * 8;

  EXPECT_THAT(complaint(with_byte(bytes, kinds_at + 2, 4)),
              HasSubstr("append_entries: entries.kind at offset 97 is 4"));
}

TEST(HostileRpc, UnknownOutcomeCodesAreRefused) {
  const auto bytes = sample_bytes()["forward_commands_response"];

  EXPECT_THAT(complaint(with_byte(bytes, 6, 19)), HasSubstr("outcome.code at offset 6 is 19"));
}

TEST(HostileRpc, TwoWaysOfWritingTimesAtOnceAreRefused) {
  const auto bytes = sample_bytes()["append_entries_usual"];

  EXPECT_THAT(complaint(with_byte(bytes, 2, 0x1f)), HasSubstr("flags"));
}

// Hazard 124: unchecked counts.
TEST(HostileRpc, CountsThatCannotFitAreRefusedBeforeAnythingIsAllocated) {
  const auto all = sample_bytes();
  const std::map<std::string, std::size_t> count_at = {{"append_entries_usual", 43},
                                                       {"append_entries_irregular", 43},
                                                       {"forward_commands", 2},
                                                       {"forward_commands_response", 2}};
  for (const auto& [name, at] : count_at) {
    const auto claim = with_byte(all.at(name), at + 2, 0x0f);  // about a million

    EXPECT_THAT(complaint(claim), HasSubstr("bytes can hold")) << name;
    // No more items than bytes, but each item takes several.
    const auto left = static_cast<int>(std::min(all.at(name).size() - at - 4, std::size_t{255}));
    EXPECT_THAT(complaint(with_byte(all.at(name), at, left)), HasSubstr("bytes can hold")) << name;
    EXPECT_THAT(complaint(with_byte(claim, at + 3, 0xff)), HasSubstr("above the limit")) << name;
  }
}

TEST(HostileRpc, LengthsThatReachPastTheEndAreRefused) {
  const auto all = sample_bytes();
  const std::map<std::string, std::size_t> length_at = {{"append_entries_usual", 71},
                                                        {"install_snapshot", 50},
                                                        {"forward_commands", 6},
                                                        {"forward_commands_response", 7}};
  for (const auto& [name, at] : length_at) {
    EXPECT_THAT(complaint(with_byte(all.at(name), at + 2, 1)), HasSubstr("are left")) << name;
    EXPECT_THAT(complaint(with_byte(all.at(name), at + 3, 0xff)), HasSubstr("above the limit"))
        << name;
  }
}

TEST(SharedPayloads, DecodedPayloadsLieInTheInput) {
  const auto bytes = sample_bytes()["append_entries_usual"];

  const auto decoded = serializer.decode_request(bytes, limits);

  ASSERT_TRUE(decoded);
  for (const auto& e : std::get<core::append_entries>(*decoded).entries) {
    EXPECT_GE(e.payload.data(), bytes.data());
    EXPECT_LE(e.payload.data() + e.payload.size(), bytes.data() + bytes.size());
  }
}

TEST(SharedPayloads, LargePayloadsBecomePiecesWithoutACopy) {
  const auto large = shared_bytes::copy_of(std::string(1024, 'x'));
  auto m = append({command(11, 5, 1, "small"), command(12, 5, 1, ""), command(13, 5, 1, "tail")});
  m.entries[1].payload = large;

  const auto pieces = serializer.encode(m).pieces();

  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(pieces[1].data(), large.data());
  EXPECT_EQ(pieces[2].text(), "tail");
}

}  // namespace
}  // namespace mainstay
