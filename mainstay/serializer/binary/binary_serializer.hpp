/// The serializer of production: RPCs as the compact little-endian form of docs/formats/wire.md.
/// It knows nothing of frames, connections or checksums; those are the transport's.
#pragma once

#include <string_view>

#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay {

/// Satisfies `rpc_serializer`. Payloads below 1 KiB are copied next to their header, larger ones
/// become pieces of their own; decoded payloads are slices of the input, whose block they keep
/// alive. Precondition of `encode`: every payload is below 4 GiB.
class binary_serializer {
 public:
  /// "binary".
  std::string_view name() const { return "binary"; }
  byte_pieces encode(const rpc_request& request) const;
  byte_pieces encode(const rpc_response& response) const;
  /// Errors: `malformed`, naming message, field and offset.
  result<rpc_request> decode_request(const shared_bytes& bytes, const decode_limits& limits) const;
  result<rpc_response> decode_response(const shared_bytes& bytes,
                                       const decode_limits& limits) const;
};

static_assert(rpc_serializer<binary_serializer>);

}  // namespace mainstay
