#include "mainstay/serializer/protobuf/item_count.hpp"

#include <cstdint>

#include <google/protobuf/io/coded_stream.h>

namespace mainstay::protobuf {

namespace {

using google::protobuf::io::CodedInputStream;

/// What the lowest bits of a tag say of the value behind it.
enum wire_type : std::uint8_t { varint = 0, eight_bytes = 1, with_length = 2, four_bytes = 5 };
constexpr std::uint32_t wire_type_bits = 7;

bool skip_value(CodedInputStream& in, std::uint32_t tag) {
  std::uint64_t number = 0;
  int length = 0;
  switch (tag & wire_type_bits) {
    case varint:
      return in.ReadVarint64(&number);
    case eight_bytes:
      return in.Skip(8);
    case with_length:
      return in.ReadVarintSizeAsInt(&length) && in.Skip(length);
    case four_bytes:
      return in.Skip(4);
    default:
      return false;
  }
}

}  // namespace

bool has_more_fields(const shared_bytes& rpc, std::size_t limit) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(rpc.data()),
                      static_cast<int>(rpc.size()));
  std::size_t fields = 0;
  for (auto outer = in.ReadTag(); outer != 0; outer = in.ReadTag()) {
    if ((outer & wire_type_bits) != with_length) {
      if (!skip_value(in, outer)) return false;
      continue;
    }
    const auto end = in.ReadLengthAndPushLimit();
    for (auto tag = in.ReadTag(); tag != 0; tag = in.ReadTag()) {
      if (++fields > limit) return true;
      if (!skip_value(in, tag)) return false;
    }
    in.PopLimit(end);
  }
  return false;
}

}  // namespace mainstay::protobuf
