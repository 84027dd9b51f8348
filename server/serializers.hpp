/// The serializers that mainstayd offers for the messages between nodes, by name.
#pragma once

#include <string_view>

#include "mainstay/seams/any_rpc_serializer.hpp"

namespace mainstay::server {

/// The serializer called `name`. Precondition: it is binary, json, cbor or protobuf, which the
/// settings see to.
any_rpc_serializer serializer_named(std::string_view name);

}  // namespace mainstay::server
