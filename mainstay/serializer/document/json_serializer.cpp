#include "mainstay/serializer/document/json_serializer.hpp"

#include "mainstay/serializer/document/mapping.hpp"

namespace mainstay {

namespace {

using document::payload_form;
using document::tree;

byte_pieces written(const tree& document) {
  byte_pieces pieces;
  pieces.add(shared_bytes::copy_of(document.dump()));
  return pieces;
}

}  // namespace

byte_pieces json_serializer::encode(const rpc_request& request) const {
  return written(document::to_tree(request, payload_form::base64));
}

byte_pieces json_serializer::encode(const rpc_response& response) const {
  return written(document::to_tree(response, payload_form::base64));
}

result<rpc_request> json_serializer::decode_request(const shared_bytes& bytes,
                                                    const decode_limits& limits) const {
  const auto parsed = document::parse(bytes, tree::input_format_t::json, limits);
  if (!parsed) return std::unexpected(parsed.error());
  return document::request_from(*parsed, payload_form::base64, limits);
}

result<rpc_response> json_serializer::decode_response(const shared_bytes& bytes,
                                                      const decode_limits& limits) const {
  const auto parsed = document::parse(bytes, tree::input_format_t::json, limits);
  if (!parsed) return std::unexpected(parsed.error());
  return document::response_from(*parsed, payload_form::base64, limits);
}

}  // namespace mainstay
