/// RPCs as CBOR (RFC 8949), with the fields of docs/formats/document.md: self-describing, compact,
/// and what constrained devices speak.
#pragma once

#include <string_view>

#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay {

/// Satisfies `rpc_serializer`. Payloads are byte strings; they are copied both ways.
class cbor_serializer {
 public:
  /// "cbor".
  std::string_view name() const { return "cbor"; }
  byte_pieces encode(const rpc_request& request) const;
  byte_pieces encode(const rpc_response& response) const;
  /// Errors: `malformed`, naming the field by its path, or the byte where the syntax breaks.
  result<rpc_request> decode_request(const shared_bytes& bytes, const decode_limits& limits) const;
  result<rpc_response> decode_response(const shared_bytes& bytes,
                                       const decode_limits& limits) const;
};

static_assert(rpc_serializer<cbor_serializer>);

}  // namespace mainstay
