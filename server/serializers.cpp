#include "server/serializers.hpp"

#include "mainstay/base/assert.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/serializer/document/cbor_serializer.hpp"
#include "mainstay/serializer/document/json_serializer.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

namespace mainstay::server {

any_rpc_serializer serializer_named(std::string_view name) {
  if (name == "json") return any_rpc_serializer(json_serializer());
  if (name == "cbor") return any_rpc_serializer(cbor_serializer());
  if (name == "protobuf") return any_rpc_serializer(protobuf_serializer());
  MAINSTAY_ASSERT(name == "binary");
  return any_rpc_serializer(binary_serializer());
}

}  // namespace mainstay::server
