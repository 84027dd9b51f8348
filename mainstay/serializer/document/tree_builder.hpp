/// Builds the tree of a document while it is parsed, within limits: parsers recurse and allocate as
/// the input tells them, and the input is not trusted. Not for users.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/rpc_serializer.hpp"

namespace mainstay::document {

/// A document in memory, its fields in the order in which they were written.
using tree = nlohmann::ordered_json;

/// Parses JSON text or CBOR. Errors: `malformed`, with the byte where the syntax breaks, or the
/// limit that is exceeded.
result<tree> parse(const shared_bytes& bytes, tree::input_format_t format,
                   const decode_limits& limits);

}  // namespace mainstay::document
