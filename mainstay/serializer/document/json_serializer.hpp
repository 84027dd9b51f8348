/// RPCs as JSON text (docs/formats/document.md): for platforms and tools that speak HTTP and JSON.
#pragma once

#include <string_view>

#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay {

/// Satisfies `rpc_serializer`. Payloads are base64 strings, so they are copied both ways.
/// Precondition of `encode`: every payload is below 1 GiB.
class json_serializer {
 public:
  /// "json".
  std::string_view name() const { return "json"; }
  byte_pieces encode(const rpc_request& request) const;
  byte_pieces encode(const rpc_response& response) const;
  /// Errors: `malformed`, naming the field by its path, or the byte where the syntax breaks.
  result<rpc_request> decode_request(const shared_bytes& bytes, const decode_limits& limits) const;
  result<rpc_response> decode_response(const shared_bytes& bytes,
                                       const decode_limits& limits) const;
};

static_assert(rpc_serializer<json_serializer>);

}  // namespace mainstay
