#include "mainstay/simulation/checkers/known_logs.hpp"

#include <functional>
#include <utility>

namespace mainstay::simulation {

namespace {

/// What stands beside index and term: kind, time, payload.
std::uint64_t content_of(const core::entry& e, std::uint64_t payload) {
  constexpr std::uint64_t spread = 0x9e3779b97f4a7c15ULL;
  std::uint64_t hash = payload;
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(e.kind), static_cast<std::uint64_t>(e.time.microseconds)}) {
    hash = (hash ^ part) * spread;
    hash ^= hash >> 29U;
  }
  return hash;
}

}  // namespace

std::uint64_t hash_of_payload(std::string_view payload) {
  return std::hash<std::string_view>{}(payload);
}

log_prefix known_logs::newest_at(log_index index) const {
  return index.value() < newest_.size() ? newest_[index.value()] : log_prefix{};
}

log_prefix known_logs::add(known_entry e) {
  const log_prefix added(entries_.size());
  const auto index = e.index.value();
  if (index >= newest_.size()) newest_.resize(index + 1 + index / 2);
  e.elder = std::exchange(newest_[index], added);
  entries_.push_back(e);
  return added;
}

void known_logs::show(log_prefix prefix, const core::entry& e) {
  known_entry& known = entries_[prefix.value()];
  known.payload = hash_of_payload(e.payload.text());
  known.content = content_of(e, known.payload);
  known.kind = e.kind;
  known.is_seen = true;
  if (e.kind == core::entry_kind::configuration) {
    auto decoded = core::decode_configuration(e.payload.span());
    if (decoded) configurations_.insert_or_assign(prefix, *std::move(decoded));
  } else if (e.kind == core::entry_kind::session) {
    auto request = decode_session_request(e.payload);
    if (!request) return;
    known.payload = hash_of_payload(std::exchange(request->command, {}).text());
    session_requests_.insert_or_assign(prefix, *std::move(request));
  }
}

known_logs::place known_logs::extend(log_prefix before, const core::entry& e) {
  place found;
  const std::uint64_t content = content_of(e, hash_of_payload(e.payload.text()));
  for (log_prefix p = newest_at(e.index); p; p = at(p).elder) {
    const known_entry& known = at(p);
    if (known.term != e.term) continue;
    if (known.before == before && !known.is_seen) show(p, e);
    const bool same = known.before == before && known.content == content;
    (same ? found.prefix : found.rival) = p;
  }
  if (found.prefix) return found;
  found.prefix = add({.index = e.index, .term = e.term, .before = before});
  show(found.prefix, e);
  return found;
}

known_logs::place known_logs::extend(log_prefix before, log_index index, term t) {
  place found;
  for (log_prefix p = newest_at(index); p; p = at(p).elder) {
    if (at(p).term != t) continue;
    (at(p).before == before ? found.prefix : found.rival) = p;
  }
  if (!found.prefix) found.prefix = add({.index = index, .term = t, .before = before});
  return found;
}

bool known_logs::may_end_with(log_prefix prefix, const core::entry& e) const {
  const known_entry& known = at(prefix);
  if (known.index != e.index || known.term != e.term) return false;
  return !known.is_seen || known.content == content_of(e, hash_of_payload(e.payload.text()));
}

const core::configuration* known_logs::configuration_at(log_prefix prefix) const {
  const auto found = configurations_.find(prefix);
  return found == configurations_.end() ? nullptr : &found->second;
}

const session_request* known_logs::session_request_at(log_prefix prefix) const {
  const auto found = session_requests_.find(prefix);
  return found == session_requests_.end() ? nullptr : &found->second;
}

}  // namespace mainstay::simulation
