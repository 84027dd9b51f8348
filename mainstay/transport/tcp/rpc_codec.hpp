/// A serializer with the limits of its decoder, so that client and server are compiled once and not
/// for every serializer. Private to the transport.
#pragma once

#include <string_view>
#include <utility>

#include "mainstay/seams/any_rpc_serializer.hpp"

namespace mainstay::tcp {

/// Encodes what is sent and decodes what is received.
class rpc_codec {
 public:
  rpc_codec(any_rpc_serializer serializer, decode_limits limits)
      : serializer_(std::move(serializer)), limits_(limits) {}

  std::string_view name() const { return serializer_.name(); }
  byte_pieces encode(const rpc_request& request) const { return serializer_.encode(request); }
  byte_pieces encode(const rpc_response& response) const { return serializer_.encode(response); }
  result<rpc_request> decode_request(const shared_bytes& bytes) const {
    return serializer_.decode_request(bytes, limits_);
  }
  result<rpc_response> decode_response(const shared_bytes& bytes) const {
    return serializer_.decode_response(bytes, limits_);
  }

 private:
  any_rpc_serializer serializer_;
  decode_limits limits_;
};

}  // namespace mainstay::tcp
