/// Fuzzes all serializers against each other. The first byte chooses which of them reads the rest;
/// what it reads must come back the same from every one of them.
#include <array>
#include <cstdint>
#include <span>

#include "mainstay/base/assert.hpp"
#include "mainstay/seams/any_rpc_serializer.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/serializer/document/cbor_serializer.hpp"
#include "mainstay/serializer/document/json_serializer.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

namespace {

using namespace mainstay;

const std::array<any_rpc_serializer, 4> serializers = {
    any_rpc_serializer(binary_serializer()), any_rpc_serializer(json_serializer()),
    any_rpc_serializer(cbor_serializer()), any_rpc_serializer(protobuf_serializer())};
const decode_limits limits;

result<rpc_request> decode(const any_rpc_serializer& serializer, const shared_bytes& bytes,
                           const rpc_request& /*kind*/) {
  return serializer.decode_request(bytes, limits);
}

result<rpc_response> decode(const any_rpc_serializer& serializer, const shared_bytes& bytes,
                            const rpc_response& /*kind*/) {
  return serializer.decode_response(bytes, limits);
}

template <class Rpc>
void check(const result<Rpc>& decoded) {
  if (!decoded) {
    MAINSTAY_ASSERT(decoded.error().code == error_code::malformed);
    return;
  }
  for (const auto& serializer : serializers) {
    const auto again = decode(serializer, serializer.encode(*decoded).joined(), *decoded);
    MAINSTAY_ASSERT(again);
    MAINSTAY_ASSERT(*again == *decoded);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& reader = serializers.at(data[0] % serializers.size());
  const auto bytes = shared_bytes::copy_of(std::as_bytes(std::span(data + 1, size - 1)));
  check(reader.decode_request(bytes, limits));
  check(reader.decode_response(bytes, limits));
  return 0;
}
