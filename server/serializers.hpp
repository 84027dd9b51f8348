/// The serializers that mainstayd offers for the messages between nodes, by name.
#pragma once

#include <string>
#include <string_view>

#include "mainstay/seams/any_rpc_serializer.hpp"

namespace mainstay::server {

/// Makes the serializer called `name`: binary, json, cbor or protobuf. Errors: `invalid_argument`,
/// with the names that there are.
result<any_rpc_serializer> serializer_named(std::string_view name);

}  // namespace mainstay::server
