/// The serializers that other languages read: JSON, CBOR and Protocol Buffers. Each keeps the
/// contract of the seam and the bytes of its golden files, and refuses what is not in its format.
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mainstay/serializer/document/cbor_serializer.hpp"
#include "mainstay/serializer/document/json_serializer.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

#include "tests/conformance/rpc_serializer.hpp"
#include "tests/serializer/golden_file.hpp"
#include "tests/serializer/sample_rpcs.hpp"

namespace mainstay::conformance {
namespace {
INSTANTIATE_TYPED_TEST_SUITE_P(Json, RpcSerializer, json_serializer);
INSTANTIATE_TYPED_TEST_SUITE_P(Cbor, RpcSerializer, cbor_serializer);
INSTANTIATE_TYPED_TEST_SUITE_P(Protobuf, RpcSerializer, protobuf_serializer);
}  // namespace
}  // namespace mainstay::conformance

namespace mainstay {
namespace {

using testing::HasSubstr;

const decode_limits limits;

template <class Serializer>
class PortableFormat : public testing::Test {
 protected:
  std::string golden_name(const std::string& sample) const {
    return std::string(serializer.name()) + "/" + sample;
  }
  Serializer serializer;
};
using portable_serializers = testing::Types<json_serializer, cbor_serializer, protobuf_serializer>;
TYPED_TEST_SUITE(PortableFormat, portable_serializers);

TYPED_TEST(PortableFormat, EveryRequestHasTheBytesOfItsGoldenFile) {
  for (const auto& [name, rpc] : sample_requests()) {
    const auto bytes = this->serializer.encode(rpc).joined();
    const auto file = this->golden_name(name);

    EXPECT_EQ(to_hex(bytes.span()), golden_hex(file, bytes.span())) << file;
    EXPECT_EQ(this->serializer.decode_request(golden_bytes(file), limits), rpc) << file;
  }
}

TYPED_TEST(PortableFormat, EveryResponseHasTheBytesOfItsGoldenFile) {
  for (const auto& [name, rpc] : sample_responses()) {
    const auto bytes = this->serializer.encode(rpc).joined();
    const auto file = this->golden_name(name);

    EXPECT_EQ(to_hex(bytes.span()), golden_hex(file, bytes.span())) << file;
    EXPECT_EQ(this->serializer.decode_response(golden_bytes(file), limits), rpc) << file;
  }
}

TYPED_TEST(PortableFormat, BytesPastTheEndAreRefused) {
  for (const auto& [name, rpc] : sample_requests()) {
    const auto bytes = this->serializer.encode(rpc).joined();
    const auto longer = shared_bytes::copy_of(std::string(bytes.text()) + "\x01");

    EXPECT_FALSE(this->serializer.decode_request(longer, limits)) << name;
  }
}

TYPED_TEST(PortableFormat, AResponseIsNoRequest) {
  const core::append_entries_response response{.term = term(1), .success = true};
  const auto bytes = this->serializer.encode(rpc_response(response)).joined();

  const auto decoded = this->serializer.decode_request(bytes, limits);

  EXPECT_TRUE(!decoded || !std::holds_alternative<core::append_entries>(*decoded) ||
              std::get<core::append_entries>(*decoded).entries.empty());
}

// ---- JSON, as people and scripts write it -----------------------------------------------------

std::string complaint(const std::string& text) {
  const auto decoded = json_serializer().decode_request(shared_bytes::copy_of(text), limits);
  return decoded ? "" : decoded.error().message;
}

TEST(JsonRpc, ReadsAsItIsDocumented) {
  const auto text = json_serializer().encode(core::request_vote{term(7), log_index(9), term(6)});

  EXPECT_EQ(text.joined().text(),
            R"({"request_vote":{"term":7,"last_log_index":9,"last_log_term":6,)"
            R"("pre_vote":false,"leadership_transfer":false}})");
}

TEST(JsonRpc, SpacesAndTheOrderOfFieldsDoNotMatter) {
  const auto decoded = json_serializer().decode_request(
      shared_bytes::copy_of(" { \"timeout_now\" : { \"term\" : 3 } } "), limits);

  EXPECT_EQ(decoded, rpc_request(core::timeout_now{term(3)}));
}

TEST(JsonRpc, RefusalsNameTheFieldByItsPath) {
  EXPECT_EQ(complaint(R"({"timeout_now":{}})"), "timeout_now.term is missing");
  EXPECT_EQ(complaint(R"({"timeout_now":{"term":-1}})"),
            "timeout_now.term is not a whole number below 2^64");
  EXPECT_EQ(complaint(R"({"timeout_now":{"term":1.5}})"),
            "timeout_now.term is not a whole number below 2^64");
  EXPECT_EQ(complaint(R"({"timeout_now":{"term":18446744073709551616}})"),
            "timeout_now.term is not a whole number below 2^64");
  EXPECT_EQ(complaint(R"({"timeout_now":{"term":1,"x":2}})"),
            "timeout_now has a field that is not known");
  EXPECT_EQ(complaint(R"({"timeout_now":{"term":1,"term":2}})"), "the field term comes twice");
  EXPECT_EQ(complaint(R"({"timeout_now":[]})"), "timeout_now is not an object");
  EXPECT_EQ(complaint(R"({"forward_commands":{"kind":"session","commands":["AA=="," AA="]}})"),
            "forward_commands.commands[1] is not base64 with padding");
  EXPECT_EQ(complaint(R"({"forward_commands":{"kind":"secret","commands":[]}})"),
            "forward_commands.kind is not a known kind");
  EXPECT_THAT(complaint(R"({"timeout_later":{}})"), HasSubstr("timeout_later is not the name"));
  EXPECT_THAT(complaint("{\"timeout_now\":"), HasSubstr("the syntax breaks at byte 1"));
}

TEST(JsonRpc, OneTextStandsForOnePayload) {
  for (const auto* text : {"AB==", "A===", "AAA", "AA=A", "AA==\\n", "AA ="}) {
    EXPECT_THAT(complaint(std::string(R"({"forward_commands":{"kind":"command","commands":[")") +
                          text + R"("]}})"),
                HasSubstr("is not base64"))
        << text;
  }
}

// ---- Hostile input ----------------------------------------------------------------------------

TEST(HostileDocument, DeepNestingIsRefusedBeforeTheStackEnds) {
  const std::size_t levels = 10'000'000;

  EXPECT_THAT(complaint(std::string(levels, '[')), HasSubstr("deeper than"));
  const auto decoded =
      cbor_serializer().decode_request(shared_bytes::copy_of(std::string(levels, '\x81')), limits);
  EXPECT_THAT(decoded.error().message, HasSubstr("deeper than"));
}

TEST(HostileDocument, ListsAreCutOffAtTheLimit) {
  std::string text = R"({"forward_commands":{"commands":[)";
  for (int i = 0; i < 100; ++i) text += "\"\",";
  const decode_limits few{.max_entries = 50};

  const auto decoded = json_serializer().decode_request(shared_bytes::copy_of(text), few);

  EXPECT_EQ(decoded.error().message, "a list has more than 50 items");
}

TEST(HostileProtobuf, FieldsThatAreNotKnownAreRefusedAtAnyDepth) {
  using namespace std::string_literals;
  // read_index { field 9: 1 }, and beside it field 15: 1.
  for (const auto& text : {"\x2a\x02\x48\x01"s, "\x2a\x00\x78\x01"s}) {
    const auto decoded = protobuf_serializer().decode_request(shared_bytes::copy_of(text), limits);

    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().message, "the message has a field that is not known");
  }
}

TEST(HostileProtobuf, ManyTinyItemsAreRefusedBeforeTheyAreMade) {
  std::string entries;
  for (int i = 0; i < 100; ++i) entries += std::string("\x32\x00", 2);
  const auto text = std::string("\x12") + std::string("\xc8\x01", 2) + entries;
  const decode_limits few{.max_entries = 50};

  const auto decoded = protobuf_serializer().decode_request(shared_bytes::copy_of(text), few);

  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "a list has more than 50 items");
}

}  // namespace
}  // namespace mainstay
