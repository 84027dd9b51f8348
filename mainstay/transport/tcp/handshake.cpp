#include "mainstay/transport/tcp/handshake.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/base/assert.hpp"

namespace mainstay::tcp {

namespace {

constexpr std::string_view magic = "MAINSTAY";

template <class Number>
void put(std::vector<std::byte>& out, Number value) {
  const auto at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

/// Reads in order; `ok` turns false at the first byte that is missing.
struct cursor {
  std::span<const std::byte> rest;
  bool ok = true;

  std::string_view text(std::size_t n) {
    if (rest.size() < n) ok = false;
    if (!ok) return {};
    const auto* at = reinterpret_cast<const char*>(rest.data());
    rest = rest.subspan(n);
    return {at, n};
  }
  template <class Number>
  Number number() {
    Number value{};
    const auto bytes = text(sizeof value);
    if (ok) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  template <class Id>
  Id id() {
    return Id(number<std::uint64_t>());
  }
};

refused_greeting refuse(refusal reason, std::string message) {
  return {reason, std::move(message)};
}

/// Names come from the other side: keep the log to one clean line.
std::string printable(std::string_view name) {
  std::string text(name.substr(0, 32));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::optional<refused_greeting> judge_ids(const greeting& mine, const greeting& theirs) {
  if (theirs.cluster != mine.cluster) {
    return refuse(refusal::cluster,
                  fmt::format("it belongs to cluster {:016x}, this node to {:016x}",
                              theirs.cluster.value(), mine.cluster.value()));
  }
  if (theirs.receiver != mine.sender) {
    return refuse(refusal::receiver, fmt::format("it wants node {}, this is node {}",
                                                 theirs.receiver.value(), mine.sender.value()));
  }
  if (mine.receiver && theirs.sender != mine.receiver) {
    return refuse(refusal::receiver, fmt::format("it is node {}, expected is node {}",
                                                 theirs.sender.value(), mine.receiver.value()));
  }
  if (theirs.sender == mine.sender) {
    return refuse(refusal::sender,
                  fmt::format("it has this node's own id, {}", mine.sender.value()));
  }
  return std::nullopt;
}

/// Why a peer's disk was not admitted.
refusal reason_of(error_code code) {
  if (code == error_code::wrong_identity) return refusal::incarnation;
  return code == error_code::overloaded ? refusal::sender : refusal::unrecorded;
}

}  // namespace

shared_bytes encode(const greeting& g) {
  MAINSTAY_ASSERT(g.serializer.size() < 256);
  std::vector<std::byte> out;
  const auto start = std::as_bytes(std::span(magic));
  out.insert(out.end(), start.begin(), start.end());
  put(out, g.min_version);
  put(out, g.max_version);
  put(out, g.cluster.value());
  put(out, g.sender.value());
  put(out, g.receiver.value());
  put(out, g.disk.value());
  put(out, g.max_frame);
  put(out, static_cast<std::uint8_t>(g.serializer.size()));
  const auto name = std::as_bytes(std::span(g.serializer));
  out.insert(out.end(), name.begin(), name.end());
  return shared_bytes::copy_of(out);
}

result<greeting> decode_greeting(std::span<const std::byte> body) {
  cursor in{body};
  if (in.text(magic.size()) != magic) {
    return fail(error_code::malformed, "the handshake's magic is wrong: not a mainstay node");
  }
  greeting g;
  g.min_version = in.number<std::uint8_t>();
  g.max_version = in.number<std::uint8_t>();
  g.cluster = in.id<cluster_id>();
  g.sender = in.id<node_id>();
  g.receiver = in.id<node_id>();
  g.disk = in.id<incarnation>();
  g.max_frame = in.number<std::uint32_t>();
  g.serializer = in.text(in.number<std::uint8_t>());
  if (!in.ok) return fail(error_code::malformed, "the handshake ends too early");
  if (!in.rest.empty()) {
    return fail(error_code::malformed,
                fmt::format("the handshake has {} bytes too many", in.rest.size()));
  }
  if (!g.sender || !g.receiver || !g.disk) {
    return fail(error_code::malformed, "the handshake has an id of 0");
  }
  if (g.min_version > g.max_version) {
    return fail(error_code::malformed, "the handshake's version range is empty");
  }
  return g;
}

shared_bytes encode(refusal reason) {
  const std::byte code{std::to_underlying(reason)};
  return shared_bytes::copy_of(std::span(&code, 1));
}

result<refusal> decode_refusal(std::span<const std::byte> body) {
  const auto code = body.size() == 1 ? std::to_integer<unsigned>(body[0]) : 0;
  if (code < std::to_underlying(refusal::version) ||
      code > std::to_underlying(refusal::unrecorded)) {
    return fail(error_code::malformed, "a refusal without a known reason");
  }
  return refusal{static_cast<std::uint8_t>(code)};
}

std::string describe(refusal reason) {
  switch (reason) {
    case refusal::version:
      return "no frame version in common";
    case refusal::cluster:
      return "different cluster ids";
    case refusal::receiver:
      return "it is not the expected node";
    case refusal::sender:
      return "this node's id is not welcome";
    case refusal::incarnation:
      return "this node's disk is not the one known under its id: it was wiped or replaced; have "
             "the node removed from the cluster (mainstayctl member remove), and start it with "
             "--join and an empty data directory";
    case refusal::serializer:
      return "different serializers";
    case refusal::busy:
      return "too many connections";
    case refusal::unrecorded:
      return "it cannot write down who this node is";
  }
  return "unknown reason";
}

std::optional<refused_greeting> judge(const greeting& mine, const greeting& theirs,
                                      peer_identities& identities) {
  if (theirs.max_version < mine.min_version || theirs.min_version > mine.max_version) {
    return refuse(
        refusal::version,
        fmt::format("it speaks frame versions {} to {}, this node {} to {}", theirs.min_version,
                    theirs.max_version, mine.min_version, mine.max_version));
  }
  if (auto bad = judge_ids(mine, theirs)) return bad;
  if (theirs.serializer != mine.serializer) {
    return refuse(refusal::serializer, fmt::format("it encodes with \"{}\", this node with \"{}\"",
                                                   printable(theirs.serializer), mine.serializer));
  }
  if (auto admitted = identities.admit(theirs.sender, theirs.disk); !admitted) {
    return refuse(reason_of(admitted.error().code), admitted.error().message);
  }
  return std::nullopt;
}

}  // namespace mainstay::tcp
