/// RPCs as Protocol Buffers (mainstay/serializer/protobuf/rpc.proto).
#pragma once

#include <string_view>

#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay {

/// Satisfies `rpc_serializer`. Payloads are copied both ways. Precondition of `encode`: the whole
/// message is below 2 GiB, as Protocol Buffers want it.
class protobuf_serializer {
 public:
  /// "protobuf".
  std::string_view name() const { return "protobuf"; }
  byte_pieces encode(const rpc_request& request) const;
  byte_pieces encode(const rpc_response& response) const;
  /// Errors: `malformed`, naming message and field. Fields that this build does not know are
  /// refused, as by the other serializers.
  result<rpc_request> decode_request(const shared_bytes& bytes, const decode_limits& limits) const;
  result<rpc_response> decode_response(const shared_bytes& bytes,
                                       const decode_limits& limits) const;
};

static_assert(rpc_serializer<protobuf_serializer>);

}  // namespace mainstay
