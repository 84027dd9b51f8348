/// Holds lists of Protocol Buffers to their limit before they are made. Not for users.
#pragma once

#include <cstddef>

#include "mainstay/base/shared_bytes.hpp"

namespace mainstay::protobuf {

/// Whether the message within an rpc has more fields, items of lists counted one by one, than
/// `limit`. An item takes many times the memory of its two bytes on the wire. False also when the
/// bytes are malformed: the library says so afterwards.
bool has_more_fields(const shared_bytes& rpc, std::size_t limit);

}  // namespace mainstay::protobuf
