/// The seam between RPCs and bytes (R2). Adapters live in mainstay/serializer; each passes
/// tests/conformance/rpc_serializer.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/seams/rpc.hpp"

namespace mainstay {

/// Encoded bytes as a list of pieces to be written one after the other: payloads appear in it as
/// slices, never as copies.
class byte_pieces {
 public:
  /// Appends a piece; empty ones are left out.
  void add(shared_bytes piece) {
    if (piece.empty()) return;
    size_ += piece.size();
    pieces_.push_back(std::move(piece));
  }
  const std::vector<shared_bytes>& pieces() const { return pieces_; }
  /// Total length, in bytes.
  std::size_t size() const { return size_; }
  /// All pieces in one block; copies.
  shared_bytes joined() const;

 private:
  std::vector<shared_bytes> pieces_;
  std::size_t size_ = 0;
};

/// Limits that decoding enforces before it allocates.
struct decode_limits {
  std::size_t max_entries = 1 << 20;   ///< entries in one append_entries, commands in one forward
  std::size_t max_payload = 64 << 20;  ///< bytes of one payload
};

/// Turns RPCs into bytes and back. Stateless; any thread.
///
/// Round trip: `decode(encode(x)) == x` for every x, all fields. Malformed, truncated or oversized
/// input gives `malformed` with the field and the offset; memory stays within the input's own size
/// times a small factor. Decoded payloads are slices of the input.
template <class Serializer>
concept rpc_serializer =
    requires(const Serializer s, const rpc_request& request, const rpc_response& response,
             const shared_bytes& bytes, const decode_limits& limits) {
      /// Such as "binary"; names the format in handshakes and media types.
      { s.name() } -> std::convertible_to<std::string_view>;
      { s.encode(request) } -> std::same_as<byte_pieces>;
      { s.encode(response) } -> std::same_as<byte_pieces>;
      { s.decode_request(bytes, limits) } -> std::same_as<result<rpc_request>>;
      { s.decode_response(bytes, limits) } -> std::same_as<result<rpc_response>>;
    };

}  // namespace mainstay
