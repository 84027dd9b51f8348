#include "mainstay/serializer/document/cbor_serializer.hpp"

#include <span>

#include "mainstay/serializer/document/mapping.hpp"

namespace mainstay {

namespace {

using document::payload_form;
using document::tree;

byte_pieces written(const tree& document) {
  const auto bytes = tree::to_cbor(document);
  byte_pieces pieces;
  pieces.add(shared_bytes::copy_of(std::as_bytes(std::span(bytes))));
  return pieces;
}

}  // namespace

byte_pieces cbor_serializer::encode(const rpc_request& request) const {
  return written(document::to_tree(request, payload_form::bytes));
}

byte_pieces cbor_serializer::encode(const rpc_response& response) const {
  return written(document::to_tree(response, payload_form::bytes));
}

result<rpc_request> cbor_serializer::decode_request(const shared_bytes& bytes,
                                                    const decode_limits& limits) const {
  const auto parsed = document::parse(bytes, tree::input_format_t::cbor, limits);
  if (!parsed) return std::unexpected(parsed.error());
  return document::request_from(*parsed, payload_form::bytes, limits);
}

result<rpc_response> cbor_serializer::decode_response(const shared_bytes& bytes,
                                                      const decode_limits& limits) const {
  const auto parsed = document::parse(bytes, tree::input_format_t::cbor, limits);
  if (!parsed) return std::unexpected(parsed.error());
  return document::response_from(*parsed, payload_form::bytes, limits);
}

}  // namespace mainstay
