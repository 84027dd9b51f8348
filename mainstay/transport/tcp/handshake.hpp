/// The handshake's bodies and the rules by which two nodes accept each other
/// (docs/formats/wire.md). Pure: bytes and values, no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/base/shared_bytes.hpp"
#include "mainstay/transport/tcp/peer_identities.hpp"

namespace mainstay::tcp {

/// What each side says of itself, in a hello or a welcome.
struct greeting {
  std::uint8_t min_version = 0;
  std::uint8_t max_version = 0;
  cluster_id cluster;
  node_id sender;
  node_id receiver;
  incarnation disk;
  std::uint32_t max_frame = 0;  ///< largest body that the sender takes
  std::string serializer;

  friend bool operator==(const greeting&, const greeting&) = default;
};

/// Why one side does not want the other; the numbers are those of the wire.
enum class refusal : std::uint8_t {
  version = 1,
  cluster,
  receiver,
  sender,
  incarnation,
  serializer,
  busy,
  unrecorded,
};

/// A refusal with a sentence for the log.
struct refused_greeting {
  refusal reason;
  std::string message;
};

/// The body of a hello or welcome. Precondition: the serializer's name is below 256 bytes.
shared_bytes encode(const greeting& g);
/// Errors: `malformed`, with the field.
result<greeting> decode_greeting(std::span<const std::byte> body);

/// The body of a refusal, and what it says. Errors: `malformed`.
shared_bytes encode(refusal reason);
result<refusal> decode_refusal(std::span<const std::byte> body);
/// What a peer means by a refusal, in words.
std::string describe(refusal reason);

/// Holds what the other side said against what this side is; `mine.receiver` is whom this side
/// expects, or none when anyone may come. The peer's incarnation is taken in when all else fits.
std::optional<refused_greeting> judge(const greeting& mine, const greeting& theirs,
                                      peer_identities& identities);

}  // namespace mainstay::tcp
