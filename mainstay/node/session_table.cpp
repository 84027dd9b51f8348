#include "mainstay/node/session_table.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/node/little_endian.hpp"

namespace mainstay::detail {

namespace {

constexpr std::uint32_t table_version = 1;
/// Sanity of a saved table, which a checksum covers already: nothing is reserved beyond it.
constexpr std::uint64_t most_sessions = 1 << 24;

session_table::admission refusal(error_code code, std::string text) {
  return {session_table::verdict::refused, {}, {code, std::move(text), {}}};
}

/// Reads exactly `n` bytes. Room is made as they come: what a size says is not believed.
result<std::vector<std::byte>> read_exactly(const snapshot_reader& reader, std::size_t n) {
  constexpr std::size_t step = 1 << 16;
  std::vector<std::byte> bytes;
  for (std::size_t got = 0; got < n;) {
    if (got == bytes.size()) bytes.resize(std::min(n, got + step));
    const auto some = reader(std::span(bytes).subspan(got));
    if (!some) return std::unexpected(some.error());
    if (*some == 0) return fail(error_code::malformed, "the saved sessions are cut short");
    got += *some;
  }
  return bytes;
}

constexpr std::size_t session_bytes = 8 + 8 + 8 + 3 * 4 + 8 + 4;
constexpr std::size_t slot_bytes = 1 + 4;

}  // namespace

void session_table::open(session_id id, const session_limits& limits, log_time now) {
  expire(now);
  // Only a forged snapshot can hold the name of an entry that is yet to come.
  if (sessions_.contains(id)) erase(id);
  while (sessions_.size() >= limits.sessions) erase(by_use_.front());
  session one{.limits = limits, .last_use = now, .slots = {}, .place = {}};
  one.place = by_use_.insert(by_use_.end(), id);
  sessions_.emplace(id, std::move(one));
}

session_table::admission session_table::admit(const session_request& request, log_time now) {
  expire(now);
  const auto found = sessions_.find(request.session);
  if (found == sessions_.end() || is_over(found->second, now)) {
    return refusal(error_code::session_expired,
                   "session " + std::to_string(request.session) +
                       " is not known: it was closed, or unused for too long");
  }
  session& one = found->second;
  touch(one, now);
  raise_floor(one, request.lowest_waiting);
  if (request.serial >= one.floor && request.serial - one.floor >= one.limits.window) {
    raise_floor(one, request.serial - one.limits.window + 1);
  }
  if (request.serial < one.floor) {
    return refusal(error_code::stale_serial,
                   "serial " + std::to_string(request.serial) +
                       " is behind what the session remembers, which is " +
                       std::to_string(one.floor) + " and above");
  }
  const std::size_t at = request.serial - one.floor;
  if (at >= one.slots.size()) one.slots.resize(at + 1);
  slot& place = one.slots[at];
  switch (place.what) {
    case state::unseen:
      place.what = state::under_way;
      return {verdict::apply, {}, {}};
    case state::under_way:
      return {verdict::under_way, {}, {}};
    case state::answered:
      return {verdict::answered, place.answer, {}};
    case state::forgotten:
      break;
  }
  return refusal(error_code::stale_serial,
                 "serial " + std::to_string(request.serial) +
                     " was applied, but its answer was too large to be kept");
}

void session_table::finish(session_id id, std::uint64_t serial, const shared_bytes& answer) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || serial < found->second.floor) return;
  session& one = found->second;
  slot& place = one.slots[serial - one.floor];
  MAINSTAY_ASSERT(place.what == state::under_way);
  place.what = state::answered;
  // A copy of its own: a slice would keep a whole block alive, and count for less.
  place.answer = shared_bytes::copy_of(answer.span());
  one.answer_bytes += answer.size();
  forget_answers(one);
}

void session_table::close(session_id id, log_time now) {
  expire(now);
  if (sessions_.contains(id)) erase(id);
}

/// The least recently used come first; a session that was opened with a longer life than those
/// behind it hides them until they are asked for.
void session_table::expire(log_time now) {
  while (!by_use_.empty() && is_over(sessions_.at(by_use_.front()), now)) erase(by_use_.front());
}

void session_table::erase(session_id id) {
  const auto found = sessions_.find(id);
  by_use_.erase(found->second.place);
  sessions_.erase(found);
}

void session_table::touch(session& one, log_time now) {
  one.last_use = now;
  by_use_.splice(by_use_.end(), by_use_, one.place);
}

void session_table::raise_floor(session& one, std::uint64_t to) {
  if (to <= one.floor) return;
  const auto gone = std::min<std::uint64_t>(to - one.floor, one.slots.size());
  const auto end = one.slots.begin() + static_cast<std::ptrdiff_t>(gone);
  for (auto at = one.slots.begin(); at != end; ++at) one.answer_bytes -= at->answer.size();
  one.slots.erase(one.slots.begin(), end);
  one.floor = to;
}

void session_table::forget_answers(session& one) {
  for (auto& place : one.slots) {
    if (one.answer_bytes <= one.limits.answer_bytes) return;
    if (place.what != state::answered || place.answer.empty()) continue;
    one.answer_bytes -= place.answer.size();
    place = {state::forgotten, {}};
  }
}

bool session_table::is_over(const session& one, log_time now) {
  // Unsigned, because hostile times may be far apart.
  const auto unused = static_cast<std::uint64_t>(now.microseconds) -
                      static_cast<std::uint64_t>(one.last_use.microseconds);
  const auto life = std::chrono::duration_cast<std::chrono::microseconds>(one.limits.time_to_live);
  return unused >= static_cast<std::uint64_t>(life.count());
}

std::vector<std::byte> session_table::save() const {
  std::vector<std::byte> bytes;
  little_endian_writer out{bytes};
  out.put(table_version);
  out.put(std::uint64_t{sessions_.size()});
  for (const session_id id : by_use_) {
    const session& one = sessions_.at(id);
    out.put(id);
    out.put(one.last_use.microseconds);
    out.put(std::int64_t{one.limits.time_to_live.count()});
    out.put(one.limits.window);
    out.put(one.limits.answer_bytes);
    out.put(one.limits.sessions);
    out.put(one.floor);
    out.put(static_cast<std::uint32_t>(one.slots.size()));
    for (const slot& place : one.slots) {
      MAINSTAY_ASSERT(place.what != state::under_way);
      out.put(static_cast<std::uint8_t>(place.what));
      out.put(static_cast<std::uint32_t>(place.answer.size()));
      out.put(place.answer.span());
    }
  }
  return bytes;
}

result<void> session_table::restore(const snapshot_reader& reader) {
  const auto head = read_exactly(reader, 4 + 8);
  if (!head) return std::unexpected(head.error());
  little_endian_reader in{*head};
  if (in.take<std::uint32_t>() != table_version) {
    return fail(error_code::unsupported, "the saved sessions have an unknown version");
  }
  const auto count = in.take<std::uint64_t>();
  if (count > most_sessions) return fail(error_code::malformed, "too many saved sessions");
  session_table next;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (auto one = next.restore_session(reader); !one) return one;
  }
  std::swap(sessions_, next.sessions_);
  by_use_.swap(next.by_use_);  // places stay valid
  return {};
}

result<void> session_table::restore_session(const snapshot_reader& reader) {
  const auto head = read_exactly(reader, session_bytes);
  if (!head) return std::unexpected(head.error());
  little_endian_reader in{*head};
  const auto id = in.take<session_id>();
  session one{.limits = {}, .last_use = {}, .slots = {}, .place = {}};
  one.last_use.microseconds = in.take<std::int64_t>();
  one.limits.time_to_live = duration(in.take<std::int64_t>());
  one.limits.window = in.take<std::uint32_t>();
  one.limits.answer_bytes = in.take<std::uint32_t>();
  one.limits.sessions = in.take<std::uint32_t>();
  one.floor = in.take<std::uint64_t>();
  const auto slots = in.take<std::uint32_t>();
  if (!check(one.limits) || slots > one.limits.window || sessions_.contains(id)) {
    return fail(error_code::malformed, "a saved session breaks its own limits");
  }
  for (std::uint32_t i = 0; i < slots; ++i) {
    const auto lead = read_exactly(reader, slot_bytes);
    if (!lead) return std::unexpected(lead.error());
    little_endian_reader fields{*lead};
    const auto what = static_cast<state>(fields.take<std::uint8_t>());
    const auto size = fields.take<std::uint32_t>();
    const bool is_state =
        what == state::unseen || what == state::answered || what == state::forgotten;
    if (!is_state || size > one.limits.answer_bytes || (size > 0 && what != state::answered)) {
      return fail(error_code::malformed, "a saved answer breaks its session's limits");
    }
    const auto answer = read_exactly(reader, size);
    if (!answer) return std::unexpected(answer.error());
    one.slots.push_back({what, shared_bytes::copy_of(*answer)});
    one.answer_bytes += size;
  }
  one.place = by_use_.insert(by_use_.end(), id);
  sessions_.emplace(id, std::move(one));
  return {};
}

}  // namespace mainstay::detail
