/// Fuzzes the decoding of RPCs, which arrive from peers. What decodes must encode to bytes that
/// decode to the same again, and be no larger than a small factor of the input.
#include <cstdint>
#include <span>

#include "mainstay/base/assert.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"

namespace {

using namespace mainstay;

const binary_serializer serializer;
const decode_limits limits;

void check_request(const shared_bytes& bytes) {
  const auto decoded = serializer.decode_request(bytes, limits);
  if (!decoded) return;
  const auto again = serializer.decode_request(serializer.encode(*decoded).joined(), limits);
  MAINSTAY_ASSERT(again);
  MAINSTAY_ASSERT(*again == *decoded);
}

void check_response(const shared_bytes& bytes) {
  const auto decoded = serializer.decode_response(bytes, limits);
  if (!decoded) return;
  const auto again = serializer.decode_response(serializer.encode(*decoded).joined(), limits);
  MAINSTAY_ASSERT(again);
  MAINSTAY_ASSERT(*again == *decoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = shared_bytes::copy_of(std::as_bytes(std::span(data, size)));
  check_request(bytes);
  check_response(bytes);
  return 0;
}
