/// The decoding half of binary_serializer. Nothing here trusts its input: counts and lengths are
/// held against what is left before anything is allocated.
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/core/configuration.hpp"
#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/serializer/binary/wire_format.hpp"
#include "mainstay/serializer/binary/wire_reader.hpp"

namespace mainstay {

namespace binary {
namespace {

constexpr std::uint8_t first_bit = 1;
constexpr std::uint8_t second_bit = 2;

bool has(std::uint8_t flags, unsigned bit) { return (flags & bit) != 0; }

void decode(wire_reader& in, const decode_limits&, core::request_vote& m) {
  const auto flags = in.flags(first_bit | second_bit);
  m.pre_vote = has(flags, first_bit);
  m.leadership_transfer = has(flags, second_bit);
  m.term = in.id<term>("term");
  m.last_log_index = in.id<log_index>("last_log_index");
  m.last_log_term = in.id<term>("last_log_term");
}

void decode(wire_reader& in, const decode_limits&, core::request_vote_response& m) {
  const auto flags = in.flags(first_bit | second_bit);
  m.vote_granted = has(flags, first_bit);
  m.pre_vote = has(flags, second_bit);
  m.term = in.id<term>("term");
}

/// A column of one number per entry, in place.
template <std::integral Number>
class column {
 public:
  column(wire_reader& in, std::size_t count, std::string_view field)
      : bytes_(in.take(count * sizeof(Number), field)) {}

  Number operator[](std::size_t i) const {
    Number value;
    std::memcpy(&value, bytes_.data() + i * sizeof value, sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

void read_indexes(wire_reader& in, std::uint8_t flags, core::append_entries& m) {
  if (has(flags, consecutive)) {
    auto index = m.prev_log_index;
    for (auto& e : m.entries) e.index = index = index.next();
    return;
  }
  const column<std::uint64_t> indexes(in, m.entries.size(), "entries.index");
  if (!in.ok()) return;
  for (std::size_t i = 0; i < m.entries.size(); ++i) m.entries[i].index = log_index(indexes[i]);
}

void read_terms(wire_reader& in, std::uint8_t flags, std::vector<core::entry>& entries) {
  if (has(flags, one_term)) {
    const auto shared = in.id<term>("entries.term");
    for (auto& e : entries) e.term = shared;
    return;
  }
  const column<std::uint64_t> terms(in, entries.size(), "entries.term");
  if (!in.ok()) return;
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].term = term(terms[i]);
}

void read_kinds(wire_reader& in, std::uint8_t flags, std::vector<core::entry>& entries) {
  if (has(flags, all_commands)) return;
  const auto at = in.offset();
  const column<std::uint8_t> kinds(in, entries.size(), "entries.kind");
  if (!in.ok()) return;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (kinds[i] > std::to_underlying(core::last_entry_kind)) {
      return in.fail_at(at + i, "entries.kind", fmt::format("is {}, which is unknown", kinds[i]));
    }
    entries[i].kind = core::entry_kind{kinds[i]};
  }
}

void read_times(wire_reader& in, std::uint8_t flags, std::vector<core::entry>& entries) {
  if (has(flags, one_time)) {
    const log_time shared{in.number<std::int64_t>("entries.time")};
    for (auto& e : entries) e.time = shared;
    return;
  }
  if (has(flags, near_times)) {
    // Unsigned, because the sum of hostile numbers may overflow.
    const auto base = in.number<std::uint64_t>("entries.time");
    const column<std::uint32_t> offsets(in, entries.size(), "entries.time");
    if (!in.ok()) return;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i].time = log_time{static_cast<std::int64_t>(base + offsets[i])};
    }
    return;
  }
  const column<std::int64_t> times(in, entries.size(), "entries.time");
  if (!in.ok()) return;
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].time = log_time{times[i]};
}

void check_configuration(wire_reader& in, const core::entry& e, std::size_t at) {
  if (e.kind != core::entry_kind::configuration) return;
  const auto decoded = core::decode_configuration(e.payload.span());
  if (!decoded) in.fail_at(at, "entries.payload", "is wrong: " + decoded.error().message);
}

void read_payloads(wire_reader& in, const decode_limits& limits,
                   std::vector<core::entry>& entries) {
  const column<std::uint32_t> lengths(in, entries.size(), "entries.length");
  for (std::size_t i = 0; i < entries.size() && in.ok(); ++i) {
    const auto at = in.offset();
    entries[i].payload = in.payload(lengths[i], limits.max_payload, "entries.payload");
    check_configuration(in, entries[i], at);
  }
}

void decode(wire_reader& in, const decode_limits& limits, core::append_entries& m) {
  const auto at = in.offset();
  const auto flags = in.flags(consecutive | one_term | all_commands | one_time | near_times);
  m.term = in.id<term>("term");
  m.prev_log_index = in.id<log_index>("prev_log_index");
  m.prev_log_term = in.id<term>("prev_log_term");
  m.leader_commit = in.id<log_index>("leader_commit");
  m.round = in.number<std::uint64_t>("round");
  const auto count = in.count("entries.count", entry_size(flags), limits.max_entries);
  if (count == 0) {
    if (flags != 0) in.fail_at(at, "flags", "must be 0 without entries");
    return;
  }
  if (has(flags, one_time) && has(flags, near_times)) {
    return in.fail_at(at, "flags", "say both one_time and near_times");
  }
  m.entries.resize(count);
  read_indexes(in, flags, m);
  read_terms(in, flags, m.entries);
  read_kinds(in, flags, m.entries);
  read_times(in, flags, m.entries);
  read_payloads(in, limits, m.entries);
}

void decode(wire_reader& in, const decode_limits&, core::append_entries_response& m) {
  const auto flags = in.flags(first_bit | second_bit);
  m.success = has(flags, first_bit);
  m.term = in.id<term>("term");
  m.match_index = in.id<log_index>("match_index");
  m.conflict_index = in.id<log_index>("conflict_index");
  m.conflict_term = in.id<term>("conflict_term");
  m.rejected_index = in.id<log_index>("rejected_index");
  m.round = in.number<std::uint64_t>("round");
  if (!has(flags, second_bit)) return;
  m.lease_promise = in.non_zero("lease_promise");
}

void decode(wire_reader& in, const decode_limits& limits, core::install_snapshot& m) {
  m.term = in.id<term>("term");
  m.image.last_included_index = in.id<log_index>("last_included_index");
  m.image.last_included_term = in.id<term>("last_included_term");
  m.image.size = in.number<std::uint64_t>("size");
  m.image.digest = in.number<std::uint64_t>("digest");
  m.offset = in.number<std::uint64_t>("offset");
  const auto length = in.number<std::uint32_t>("data.length");
  m.data = in.payload(length, limits.max_payload, "data");
}

void decode(wire_reader& in, const decode_limits&, core::install_snapshot_response& m) {
  m.success = has(in.flags(first_bit), first_bit);
  m.term = in.id<term>("term");
  m.next_offset = in.number<std::uint64_t>("next_offset");
  m.match_index = in.id<log_index>("match_index");
}

void decode(wire_reader& in, const decode_limits&, core::timeout_now& m) {
  m.term = in.id<term>("term");
}

void decode(wire_reader& in, const decode_limits&, core::timeout_now_response& m) {
  m.accepted = has(in.flags(first_bit), first_bit);
  m.term = in.id<term>("term");
}

void decode(wire_reader& in, const decode_limits&, core::read_index& m) {
  m.term = in.id<term>("term");
}

void decode(wire_reader& in, const decode_limits&, core::read_index_response& m) {
  m.success = has(in.flags(first_bit), first_bit);
  m.term = in.id<term>("term");
  m.index = in.id<log_index>("index");
}

void decode(wire_reader& in, const decode_limits& limits, forward_commands& m) {
  if (in.next_has(session_mark)) m.kind = core::entry_kind::session;
  const auto count = in.count("count", sizeof(std::uint32_t), limits.max_entries, session_mark);
  const column<std::uint32_t> lengths(in, count, "length");
  if (!in.ok()) return;
  m.commands.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    m.commands.push_back(in.payload(lengths[i], limits.max_payload, "command"));
  }
}

command_outcome read_outcome(wire_reader& in, const decode_limits& limits) {
  const auto at = in.offset();
  const auto code = in.number<std::uint8_t>("outcome.code");
  if (code > wire_errors.size()) {
    in.fail_at(at, "outcome.code", fmt::format("is {}, which is unknown", code));
  }
  if (!in.ok()) return {};
  if (code == 0) {
    const auto length = in.number<std::uint32_t>("outcome.length");
    return in.payload(length, limits.max_payload, "outcome.answer");
  }
  error e{wire_errors[code - 1U], {}, in.id<node_id>("outcome.leader")};
  const auto length = in.number<std::uint32_t>("outcome.length");
  const auto text = in.take(length, "outcome.message");
  e.message.assign(reinterpret_cast<const char*>(text.data()), text.size());
  return std::unexpected(std::move(e));
}

void decode(wire_reader& in, const decode_limits& limits, forward_commands_response& m) {
  constexpr std::size_t smallest_outcome = 5;
  const bool covered = in.next_has(covered_mark);
  const auto count = in.count("count", smallest_outcome, limits.max_entries, covered_mark);
  if (covered) m.covered_by = log_index(in.non_zero("covered_by"));
  if (!in.ok()) return;
  m.outcomes.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) m.outcomes.push_back(read_outcome(in, limits));
}

constexpr std::array message_names = {
    "request_vote", "append_entries", "install_snapshot",
    "timeout_now",  "read_index",     "forward_commands",
};
static_assert(message_names.size() == std::variant_size_v<rpc_request>);
static_assert(message_names.size() == std::variant_size_v<rpc_response>);

/// Makes alternative number `wanted` of `Variant`, by trying them in order.
template <class Variant, std::size_t Alternative = 0>
void decode_alternative(wire_reader& in, const decode_limits& limits, std::size_t wanted,
                        Variant& out) {
  if constexpr (Alternative < std::variant_size_v<Variant>) {
    if (wanted == Alternative) return decode(in, limits, out.template emplace<Alternative>());
    decode_alternative<Variant, Alternative + 1>(in, limits, wanted, out);
  }
}

template <class Variant>
result<Variant> decode_rpc(const shared_bytes& bytes, const decode_limits& limits, bool response) {
  wire_reader in(bytes);
  Variant out;
  const auto version = in.number<std::uint8_t>("version");
  if (in.ok() && version != format_version) {
    in.fail_at(0, "version", fmt::format("is {}, known is {}", version, format_version));
  }
  const unsigned kind = in.number<std::uint8_t>("kind");
  const unsigned first = kind_of(0, response);
  if (in.ok() && (kind < first || kind >= first + message_names.size())) {
    in.fail_at(1, "kind", fmt::format("is {:#04x}, which is unknown here", kind));
  }
  if (in.ok()) {
    in.enter(message_names[kind - first]);
    decode_alternative(in, limits, kind - first, out);
  }
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return out;
}

}  // namespace
}  // namespace binary

result<rpc_request> binary_serializer::decode_request(const shared_bytes& bytes,
                                                      const decode_limits& limits) const {
  return binary::decode_rpc<rpc_request>(bytes, limits, false);
}

result<rpc_response> binary_serializer::decode_response(const shared_bytes& bytes,
                                                        const decode_limits& limits) const {
  return binary::decode_rpc<rpc_response>(bytes, limits, true);
}

}  // namespace mainstay
