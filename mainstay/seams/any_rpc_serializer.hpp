/// A serializer chosen at run time: whatever satisfies `rpc_serializer`, behind virtual functions.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay {

/// Satisfies `rpc_serializer` by one that it holds. Copies share it.
class any_rpc_serializer {
 public:
  template <class Serializer>
    requires(!std::same_as<Serializer, any_rpc_serializer>)
  explicit any_rpc_serializer(Serializer serializer)
      : inside_(std::make_shared<holder<Serializer>>(std::move(serializer))) {}

  std::string_view name() const { return inside_->name(); }
  byte_pieces encode(const rpc_request& request) const { return inside_->encode(request); }
  byte_pieces encode(const rpc_response& response) const { return inside_->encode(response); }
  result<rpc_request> decode_request(const shared_bytes& bytes, const decode_limits& limits) const {
    return inside_->decode_request(bytes, limits);
  }
  result<rpc_response> decode_response(const shared_bytes& bytes,
                                       const decode_limits& limits) const {
    return inside_->decode_response(bytes, limits);
  }

 private:
  struct contract {
    virtual ~contract() = default;
    virtual std::string_view name() const = 0;
    virtual byte_pieces encode(const rpc_request& request) const = 0;
    virtual byte_pieces encode(const rpc_response& response) const = 0;
    virtual result<rpc_request> decode_request(const shared_bytes& bytes,
                                               const decode_limits& limits) const = 0;
    virtual result<rpc_response> decode_response(const shared_bytes& bytes,
                                                 const decode_limits& limits) const = 0;
  };

  template <class Serializer>
  struct holder final : contract {
    explicit holder(Serializer held) : serializer(std::move(held)) {}

    std::string_view name() const override { return serializer.name(); }
    byte_pieces encode(const rpc_request& request) const override {
      return serializer.encode(request);
    }
    byte_pieces encode(const rpc_response& response) const override {
      return serializer.encode(response);
    }
    result<rpc_request> decode_request(const shared_bytes& bytes,
                                       const decode_limits& limits) const override {
      return serializer.decode_request(bytes, limits);
    }
    result<rpc_response> decode_response(const shared_bytes& bytes,
                                         const decode_limits& limits) const override {
      return serializer.decode_response(bytes, limits);
    }

    Serializer serializer;
  };

  std::shared_ptr<const contract> inside_;
};

}  // namespace mainstay
