#include "server/serializers.hpp"

#include <array>

#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/serializer/document/cbor_serializer.hpp"
#include "mainstay/serializer/document/json_serializer.hpp"
#include "mainstay/serializer/protobuf/protobuf_serializer.hpp"

namespace mainstay::server {

result<any_rpc_serializer> serializer_named(std::string_view name) {
  const std::array all{any_rpc_serializer(binary_serializer()),
                       any_rpc_serializer(json_serializer()), any_rpc_serializer(cbor_serializer()),
                       any_rpc_serializer(protobuf_serializer())};
  std::string names;
  for (const auto& one : all) {
    if (one.name() == name) return one;
    names.append(names.empty() ? "" : ", ").append(one.name());
  }
  return fail(error_code::invalid_argument, "must be one of " + names);
}

}  // namespace mainstay::server
