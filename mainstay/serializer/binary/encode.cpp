/// The encoding half of binary_serializer. Each message says its size first, so that it is written
/// into one block without a check per field.
#include <algorithm>
#include <limits>
#include <utility>

#include "mainstay/serializer/binary/binary_serializer.hpp"
#include "mainstay/serializer/binary/wire_format.hpp"
#include "mainstay/serializer/binary/wire_writer.hpp"

namespace mainstay {

namespace binary {
namespace {

constexpr std::size_t id_size = 8;
constexpr std::size_t length_size = 4;

std::uint32_t narrow(std::size_t value) {
  MAINSTAY_ASSERT(value <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(value);
}

std::uint8_t bits(bool first, bool second = false) {
  return static_cast<std::uint8_t>((first ? 1 : 0) | (second ? 2 : 0));
}

/// A message of flags and 64-bit numbers only.
template <class... Ids>
byte_pieces fixed(std::uint8_t kind, std::uint8_t flags, Ids... ids) {
  wire_writer out(kind, 1 + sizeof...(ids) * id_size);
  out.put(flags);
  out.put_ids(ids...);
  return out.finish();
}

/// Gives plain numbers the shape of ids.
struct plain {
  std::uint64_t number;
  std::uint64_t value() const { return number; }
};

std::int64_t microseconds(const core::entry& e) { return e.time.microseconds; }

/// Whether every time can be written as the first one plus 32 bits.
bool times_are_near(const std::vector<core::entry>& entries) {
  const auto base = static_cast<std::uint64_t>(microseconds(entries.front()));
  return std::ranges::all_of(entries, [base](const core::entry& e) {
    return static_cast<std::uint64_t>(microseconds(e)) - base <=
           std::numeric_limits<std::uint32_t>::max();
  });
}

std::uint8_t flags_for(const core::append_entries& m) {
  const auto& entries = m.entries;
  if (entries.empty()) return 0;
  const auto& first = entries.front();
  unsigned flags = consecutive | one_term | all_commands | one_time;
  auto expected = m.prev_log_index;
  for (const auto& e : entries) {
    expected = expected.next();
    if (e.index != expected) flags &= ~unsigned{consecutive};
    if (e.term != first.term) flags &= ~unsigned{one_term};
    if (e.kind != core::entry_kind::command) flags &= ~unsigned{all_commands};
    if (e.time != first.time) flags &= ~unsigned{one_time};
  }
  if ((flags & one_time) == 0 && times_are_near(entries)) flags |= near_times;
  return static_cast<std::uint8_t>(flags);
}

/// Writes one number per entry.
template <std::integral Number, class Get>
void put_column(wire_writer& out, const std::vector<core::entry>& entries, Get get) {
  auto* at = out.take(entries.size() * sizeof(Number));
  for (const auto& e : entries) {
    const auto value = static_cast<Number>(get(e));
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  }
}

std::size_t columns_size(std::uint8_t flags, std::size_t count) {
  std::size_t size = entry_size(flags) * count;
  if ((flags & one_term) != 0) size += id_size;
  if ((flags & (one_time | near_times)) != 0) size += id_size;
  return size;
}

void put_times(wire_writer& out, const std::vector<core::entry>& entries, std::uint8_t flags) {
  const auto base = microseconds(entries.front());
  if ((flags & one_time) != 0) return out.put(base);
  if ((flags & near_times) == 0) return put_column<std::int64_t>(out, entries, microseconds);
  out.put(base);
  put_column<std::uint32_t>(out, entries, [base](const core::entry& e) {
    return static_cast<std::uint64_t>(microseconds(e)) - static_cast<std::uint64_t>(base);
  });
}

void put_columns(wire_writer& out, const std::vector<core::entry>& entries, std::uint8_t flags) {
  if ((flags & consecutive) == 0) {
    put_column<std::uint64_t>(out, entries, [](const core::entry& e) { return e.index.value(); });
  }
  if ((flags & one_term) != 0) {
    out.put_ids(entries.front().term);
  } else {
    put_column<std::uint64_t>(out, entries, [](const core::entry& e) { return e.term.value(); });
  }
  if ((flags & all_commands) == 0) {
    put_column<std::uint8_t>(out, entries,
                             [](const core::entry& e) { return std::to_underlying(e.kind); });
  }
  put_times(out, entries, flags);
  put_column<std::uint32_t>(out, entries,
                            [](const core::entry& e) { return narrow(e.payload.size()); });
}

byte_pieces encode_message(std::uint8_t kind, const core::request_vote& m) {
  return fixed(kind, bits(m.pre_vote, m.leadership_transfer), m.term, m.last_log_index,
               m.last_log_term);
}

byte_pieces encode_message(std::uint8_t kind, const core::request_vote_response& m) {
  return fixed(kind, bits(m.vote_granted, m.pre_vote), m.term);
}

byte_pieces encode_message(std::uint8_t kind, const core::append_entries& m) {
  const auto flags = flags_for(m);
  std::size_t size = 1 + 5 * id_size + 4;
  if (!m.entries.empty()) size += columns_size(flags, m.entries.size());
  for (const auto& e : m.entries) size += inline_size(e.payload);

  wire_writer out(kind, size);
  out.put(flags);
  out.put_ids(m.term, m.prev_log_index, m.prev_log_term, m.leader_commit, plain{m.round});
  out.put(narrow(m.entries.size()));
  if (!m.entries.empty()) put_columns(out, m.entries, flags);
  for (const auto& e : m.entries) out.put_payload(e.payload);
  return out.finish();
}

byte_pieces encode_message(std::uint8_t kind, const core::append_entries_response& m) {
  const auto flags = bits(m.success, m.lease_promise != 0);
  if (m.lease_promise == 0) {
    return fixed(kind, flags, m.term, m.match_index, m.conflict_index, m.conflict_term,
                 m.rejected_index, plain{m.round});
  }
  return fixed(kind, flags, m.term, m.match_index, m.conflict_index, m.conflict_term,
               m.rejected_index, plain{m.round}, plain{m.lease_promise});
}

byte_pieces encode_message(std::uint8_t kind, const core::install_snapshot& m) {
  wire_writer out(kind, 6 * id_size + length_size + inline_size(m.data));
  out.put_ids(m.term, m.image.last_included_index, m.image.last_included_term, plain{m.image.size},
              plain{m.image.digest}, plain{m.offset});
  out.put(narrow(m.data.size()));
  out.put_payload(m.data);
  return out.finish();
}

byte_pieces encode_message(std::uint8_t kind, const core::install_snapshot_response& m) {
  return fixed(kind, bits(m.success), m.term, plain{m.next_offset}, m.match_index);
}

byte_pieces encode_term(std::uint8_t kind, term t) {
  wire_writer out(kind, id_size);
  out.put_ids(t);
  return out.finish();
}

byte_pieces encode_message(std::uint8_t kind, const core::timeout_now& m) {
  return encode_term(kind, m.term);
}

byte_pieces encode_message(std::uint8_t kind, const core::timeout_now_response& m) {
  return fixed(kind, bits(m.accepted), m.term);
}

byte_pieces encode_message(std::uint8_t kind, const core::read_index& m) {
  return encode_term(kind, m.term);
}

byte_pieces encode_message(std::uint8_t kind, const core::read_index_response& m) {
  return fixed(kind, bits(m.success), m.term, m.index);
}

byte_pieces encode_message(std::uint8_t kind, const forward_commands& m) {
  std::size_t size = 4 + length_size * m.commands.size();
  for (const auto& command : m.commands) size += inline_size(command);

  wire_writer out(kind, size);
  MAINSTAY_ASSERT(m.commands.size() < session_mark);
  const bool marked = m.kind == core::entry_kind::session;
  out.put(narrow(m.commands.size()) | (marked ? session_mark : 0));
  for (const auto& command : m.commands) out.put(narrow(command.size()));
  for (const auto& command : m.commands) out.put_payload(command);
  return out.finish();
}

std::uint8_t wire_code(error_code code) {
  const auto* at = std::ranges::find(wire_errors, code);
  MAINSTAY_ASSERT(at != wire_errors.end());
  return static_cast<std::uint8_t>(at - wire_errors.begin() + 1);
}

std::size_t outcome_size(const command_outcome& outcome) {
  if (outcome) return 1 + length_size + inline_size(*outcome);
  return 1 + id_size + length_size + outcome.error().message.size();
}

void put_outcome(wire_writer& out, const command_outcome& outcome) {
  if (outcome) {
    out.put(std::uint8_t{0});
    out.put(narrow(outcome->size()));
    out.put_payload(*outcome);
    return;
  }
  const auto& e = outcome.error();
  out.put(wire_code(e.code));
  out.put_ids(e.leader);
  out.put(narrow(e.message.size()));
  out.put_bytes(std::as_bytes(std::span(e.message)));
}

byte_pieces encode_message(std::uint8_t kind, const forward_commands_response& m) {
  std::size_t size = m.covered_by ? 4 + id_size : 4;
  for (const auto& outcome : m.outcomes) size += outcome_size(outcome);

  wire_writer out(kind, size);
  MAINSTAY_ASSERT(m.outcomes.size() < covered_mark);
  out.put(narrow(m.outcomes.size()) | (m.covered_by ? covered_mark : 0));
  if (m.covered_by) out.put_ids(m.covered_by);
  for (const auto& outcome : m.outcomes) put_outcome(out, outcome);
  return out.finish();
}

}  // namespace
}  // namespace binary

byte_pieces binary_serializer::encode(const rpc_request& request) const {
  const auto kind = binary::kind_of(request.index(), false);
  return std::visit([kind](const auto& m) { return binary::encode_message(kind, m); }, request);
}

byte_pieces binary_serializer::encode(const rpc_response& response) const {
  const auto kind = binary::kind_of(response.index(), true);
  return std::visit([kind](const auto& m) { return binary::encode_message(kind, m); }, response);
}

}  // namespace mainstay
