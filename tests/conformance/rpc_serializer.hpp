/// What every `rpc_serializer` promises (mainstay/seams/rpc_serializer.hpp), as a typed suite. In
/// namespace mainstay::conformance, write
/// INSTANTIATE_TYPED_TEST_SUITE_P(Name, RpcSerializer, YourSerializer).
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "mainstay/base/random.hpp"
#include "mainstay/seams/rpc_serializer.hpp"

#include "tests/conformance/rpc_generators.hpp"

namespace mainstay::conformance {

template <class Serializer>
class RpcSerializer : public testing::Test {
 protected:
  shared_bytes bytes_of(const rpc_request& request) const {
    return serializer_.encode(request).joined();
  }
  shared_bytes bytes_of(const rpc_response& response) const {
    return serializer_.encode(response).joined();
  }
  static core::append_entries batch(std::size_t count, std::size_t payload_size) {
    core::append_entries m{term(3), log_index(10), term(2), log_index(9), 4, {}};
    for (std::size_t i = 0; i < count; ++i) {
      m.entries.push_back({log_index(11 + i), term(3), core::entry_kind::command, log_time{5},
                           shared_bytes::copy_of(std::string(payload_size, 'x'))});
    }
    return m;
  }

  Serializer serializer_;
  decode_limits limits_;
};
TYPED_TEST_SUITE_P(RpcSerializer);

TYPED_TEST_P(RpcSerializer, EveryRequestComesBackAsItWas) {
  EXPECT_TRUE(rc::check([this] {
    const auto request = any_request();
    const auto back = this->serializer_.decode_request(this->bytes_of(request), this->limits_);
    if (!back) RC_FAIL(back.error().message);
    RC_ASSERT(*back == request);
  }));
}

TYPED_TEST_P(RpcSerializer, EveryResponseComesBackAsItWas) {
  EXPECT_TRUE(rc::check([this] {
    const auto response = any_response();
    const auto back = this->serializer_.decode_response(this->bytes_of(response), this->limits_);
    if (!back) RC_FAIL(back.error().message);
    RC_ASSERT(*back == response);
  }));
}

TYPED_TEST_P(RpcSerializer, TruncatedInputNeverPassesForTheWhole) {
  EXPECT_TRUE(rc::check([this] {
    const auto request = any_request();
    const auto bytes = this->bytes_of(request);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto back = this->serializer_.decode_request(bytes.slice(0, length), this->limits_);
      RC_ASSERT(!back || *back != request);
    }
  }));
}

TYPED_TEST_P(RpcSerializer, NoInputCrashesTheDecoder) {
  random_generator random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random.below(200), '\0');
    for (auto& c : text) c = static_cast<char>(random.next());
    const auto bytes = shared_bytes::copy_of(text);
    (void)this->serializer_.decode_request(bytes, this->limits_);
    (void)this->serializer_.decode_response(bytes, this->limits_);
  }
  const auto good = this->bytes_of(this->batch(3, 5));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string text(good.text());
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
    (void)this->serializer_.decode_request(shared_bytes::copy_of(text), this->limits_);
  }
}

TYPED_TEST_P(RpcSerializer, MoreEntriesThanTheLimitAreRefused) {
  this->limits_.max_entries = 4;

  const auto fits =
      this->serializer_.decode_request(this->bytes_of(this->batch(4, 1)), this->limits_);
  const auto exceeds =
      this->serializer_.decode_request(this->bytes_of(this->batch(5, 1)), this->limits_);

  EXPECT_TRUE(fits);
  ASSERT_FALSE(exceeds);
  EXPECT_EQ(exceeds.error().code, error_code::malformed);
}

TYPED_TEST_P(RpcSerializer, PayloadsAboveTheLimitAreRefused) {
  this->limits_.max_payload = 100;

  const auto fits =
      this->serializer_.decode_request(this->bytes_of(this->batch(1, 100)), this->limits_);
  const auto exceeds =
      this->serializer_.decode_request(this->bytes_of(this->batch(1, 101)), this->limits_);

  EXPECT_TRUE(fits);
  ASSERT_FALSE(exceeds);
  EXPECT_EQ(exceeds.error().code, error_code::malformed);
}

// Hazard 122: a malformed list of peers in an entry.
TYPED_TEST_P(RpcSerializer, AConfigurationThatDoesNotDecodeIsRefused) {
  auto m = this->batch(1, 5);
  m.entries[0].kind = core::entry_kind::configuration;

  const auto back = this->serializer_.decode_request(this->bytes_of(m), this->limits_);

  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, error_code::malformed);
}

TYPED_TEST_P(RpcSerializer, ItHasAName) {
  EXPECT_FALSE(std::string_view(this->serializer_.name()).empty());
}

REGISTER_TYPED_TEST_SUITE_P(RpcSerializer, EveryRequestComesBackAsItWas,
                            EveryResponseComesBackAsItWas, TruncatedInputNeverPassesForTheWhole,
                            NoInputCrashesTheDecoder, MoreEntriesThanTheLimitAreRefused,
                            PayloadsAboveTheLimitAreRefused,
                            AConfigurationThatDoesNotDecodeIsRefused, ItHasAName);

}  // namespace mainstay::conformance
