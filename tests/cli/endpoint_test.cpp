/// Endpoints as people write them. Names are not resolved here.
#include "cli/endpoint.hpp"

#include <gtest/gtest.h>

namespace mainstay::cli {
namespace {

TEST(EndpointParsing, HostAndPortAreTold) {
  EXPECT_EQ(parse_endpoint("node1.example:6401"), (endpoint{"node1.example", 6401}));
}

TEST(EndpointParsing, AddressOfVersionSixStandsInBrackets) {
  EXPECT_EQ(parse_endpoint("[::1]:6401"), (endpoint{"::1", 6401}));
  EXPECT_FALSE(parse_endpoint("::1:6401"));
}

TEST(EndpointParsing, PrintedFormReadsBack) {
  for (const auto& e : {endpoint{"localhost", 1}, endpoint{"fe80::2", 65535}}) {
    EXPECT_EQ(parse_endpoint(to_string(e)), e);
  }
}

TEST(EndpointParsing, WhatIsNotAnEndpointIsRefusedWithItsText) {
  for (const auto* text : {"", "host", "host:", ":6401", "host:0", "host:65536", "host:12a"}) {
    const auto parsed = parse_endpoint(text);

    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, error_code::invalid_argument);
    EXPECT_NE(parsed.error().message.find(text), std::string::npos);
  }
}

}  // namespace
}  // namespace mainstay::cli
