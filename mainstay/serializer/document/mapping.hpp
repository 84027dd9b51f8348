/// RPCs as trees of named fields, and back: what JSON and CBOR share (docs/formats/document.md).
/// Not for users.
#pragma once

#include <cstdint>

#include "mainstay/seams/rpc_serializer.hpp"
#include "mainstay/serializer/document/tree_builder.hpp"

namespace mainstay::document {

/// How payloads stand in a tree: JSON has no bytes of its own.
enum class payload_form : std::uint8_t { base64, bytes };

/// An object with one field, the message's name.
tree to_tree(const rpc_request& request, payload_form form);
/// As for requests; the name has `_response` behind it.
tree to_tree(const rpc_response& response, payload_form form);

/// Errors: `malformed`, with the path of the field and what is wrong with it.
result<rpc_request> request_from(const tree& document, payload_form form,
                                 const decode_limits& limits);
/// As for requests.
result<rpc_response> response_from(const tree& document, payload_form form,
                                   const decode_limits& limits);

}  // namespace mainstay::document
