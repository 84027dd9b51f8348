/// A serializer behind virtual functions, so that client and server are compiled once and not for
/// every serializer. Private to the transport.
#pragma once

#include <string_view>
#include <utility>

#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay::tcp {

/// The functions of an `rpc_serializer`.
class rpc_codec {
 public:
  virtual ~rpc_codec() = default;
  virtual std::string_view name() const = 0;
  virtual byte_pieces encode(const rpc_request& request) const = 0;
  virtual byte_pieces encode(const rpc_response& response) const = 0;
  virtual result<rpc_request> decode_request(const shared_bytes& bytes) const = 0;
  virtual result<rpc_response> decode_response(const shared_bytes& bytes) const = 0;
};

/// An `rpc_codec` made of one serializer and its limits.
template <rpc_serializer Serializer>
class codec_of final : public rpc_codec {
 public:
  codec_of(Serializer serializer, decode_limits limits)
      : serializer_(std::move(serializer)), limits_(limits) {}

  std::string_view name() const override { return serializer_.name(); }
  byte_pieces encode(const rpc_request& request) const override {
    return serializer_.encode(request);
  }
  byte_pieces encode(const rpc_response& response) const override {
    return serializer_.encode(response);
  }
  result<rpc_request> decode_request(const shared_bytes& bytes) const override {
    return serializer_.decode_request(bytes, limits_);
  }
  result<rpc_response> decode_response(const shared_bytes& bytes) const override {
    return serializer_.decode_response(bytes, limits_);
  }

 private:
  Serializer serializer_;
  decode_limits limits_;
};

}  // namespace mainstay::tcp
