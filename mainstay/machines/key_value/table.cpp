#include "mainstay/machines/key_value/table.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/checksum.hpp"

namespace mainstay::keyspace {

namespace {

/// Below this a segment looks for its neighbour to merge with.
constexpr std::size_t merge_threshold = segment_limit / 8;
/// The directory may have this many places per segment. Hashes that someone chose to collide would
/// need more; their segments grow over the limit instead, and are searched by halving.
constexpr std::size_t directory_slack = 16;
/// Cursors hold 52 bits, so that segments must begin at one.
constexpr unsigned directory_depth_limit = 32;
/// The spare room that `append` leaves is at most this.
constexpr std::size_t append_slack_limit = 1 << 20;

}  // namespace

table::table(std::uint64_t hash_seed) : hash_seed_(hash_seed) {}

table::table(table&& other) noexcept : table(other.hash_seed_) { swap(other); }

table& table::operator=(table&& other) noexcept {
  swap(other);
  return *this;
}

table::~table() {
  if (moments_ != nullptr) {
    moments_->retire(std::move(directory_));
  } else {
    free_all(directory_);
  }
}

void table::swap(table& other) noexcept {
  std::swap(hash_seed_, other.hash_seed_);
  std::swap(size_, other.size_);
  std::swap(directory_, other.directory_);
  std::swap(deadlines_, other.deadlines_);
  std::swap(now_, other.now_);
  std::swap(moments_, other.moments_);
}

frozen_table table::freeze() {
  if (moments_ == nullptr) moments_ = std::make_shared<frozen_moments>();
  MAINSTAY_ASSERT(now_ < std::numeric_limits<moment>::max());
  moments_->open(now_);
  return {moments_, now_++, directory_, size_};
}

void table::clear() { *this = table(hash_seed_); }

hashed_key table::hashed(std::string_view key) const {
  return {key, checksum(std::as_bytes(std::span(key)), hash_seed_)};
}

table::place table::locate(hashed_key key) const {
  const segment& home = directory_.of(key.hash);
  // Keys of the same hash stand in the order of their bytes, so that a table's order does not
  // depend on its history.
  std::size_t at = home.lower_bound(key.hash);
  while (at < home.size && home.slots[at].hash == key.hash) {
    const auto order = home.slots[at].entry->key() <=> key.text;
    if (order == 0) return {&home, at, true};
    if (order > 0) break;
    ++at;
  }
  return {&home, at, false};
}

/// The segment of a hash, with slots that nobody else looks at.
segment& table::writable(std::uint64_t hash) {
  segment& s = directory_.of(hash);
  if (is_frozen(s.birth)) {
    const segment seen = s;
    s = segment(seen.depth, now_, seen.all(), seen.size + 1);
    moments_->retire(seen);
  }
  return s;
}

void table::discard(record* r) {
  if (is_frozen(r->birth)) {
    moments_->retire(r);
  } else {
    record::destroy(r);
  }
}

void table::discard(const segment& s) {
  if (is_frozen(s.birth)) {
    moments_->retire(s);
  } else {
    delete[] s.slots;
  }
}

/// Puts a record into a found place instead of the one that is there.
void table::replace(place where, hashed_key key, record* fresh) {
  discard(std::exchange(writable(key.hash).slots[where.position].entry, fresh));
}

std::optional<stored> table::find(hashed_key key) const {
  const place where = locate(key);
  if (!where.found) return std::nullopt;
  return where.entry()->content();
}

void table::set(hashed_key key, std::string_view value, deadline when) {
  const place where = locate(key);
  record* entry = where.found ? where.entry() : nullptr;
  deadlines_.replace(key.hash, entry != nullptr ? entry->deadline() : std::nullopt, when);
  // Room that is more than half empty is given back.
  const bool fits = entry != nullptr && value.size() <= entry->value_capacity &&
                    value.size() >= entry->value_capacity / 2 &&
                    (entry->expires != 0) == when.has_value() && !is_frozen(entry->birth);
  if (!fits) entry = record::create(key.text, when, value.size(), now_);
  if (fits && when) entry->deadline_place() = *when;
  std::ranges::copy(value, entry->value_data());
  entry->value_size = static_cast<std::uint32_t>(value.size());
  if (!where.found) {
    insert(where, key, entry);
  } else if (!fits) {
    replace(where, key, entry);
  }
}

bool table::set_deadline(hashed_key key, deadline when) {
  const place where = locate(key);
  if (!where.found) return false;
  record* entry = where.entry();
  const deadline before = entry->deadline();
  deadlines_.replace(key.hash, before, when);
  if (before.has_value() == when.has_value() && !is_frozen(entry->birth)) {
    if (when) entry->deadline_place() = *when;
    return true;
  }
  record* fresh = record::create(key.text, when, entry->value_capacity, now_);
  std::ranges::copy(entry->value(), fresh->value_data());
  fresh->value_size = entry->value_size;
  replace(where, key, fresh);
  return true;
}

std::size_t table::append(hashed_key key, std::string_view suffix) {
  const place where = locate(key);
  if (!where.found) {
    set(key, suffix);
    return suffix.size();
  }
  record* entry = where.entry();
  const std::size_t length = entry->value_size + suffix.size();
  const bool fits = length <= entry->value_capacity;
  if (!fits || is_frozen(entry->birth)) {
    const std::size_t room =
        fits ? entry->value_capacity : length + std::min(length, append_slack_limit);
    record* fresh = record::create(key.text, entry->deadline(), room, now_);
    std::ranges::copy(entry->value(), fresh->value_data());
    fresh->value_size = entry->value_size;
    replace(where, key, fresh);
    entry = fresh;
  }
  std::ranges::copy(suffix, entry->value_data() + entry->value_size);
  entry->value_size = static_cast<std::uint32_t>(length);
  return length;
}

void table::insert(place where, hashed_key key, record* entry) {
  // Splitting comes first, so that the room for slots never grows beyond the limit.
  while (where.home->size >= segment_limit) {
    if (!split(key.hash)) break;
    where = locate(key);
  }
  writable(key.hash).insert(where.position, {key.hash, entry});
  ++size_;
}

bool table::erase(hashed_key key) {
  const place where = locate(key);
  if (where.found) erase_at(where, key.hash);
  return where.found;
}

void table::erase_at(place where, std::uint64_t hash) {
  deadlines_.replace(hash, where.entry()->deadline(), std::nullopt);
  discard(where.entry());
  segment& home = writable(hash);
  home.erase(where.position);
  --size_;
  if (home.size < merge_threshold) merge(hash);
}

void table::erase_expired(std::int64_t now, std::size_t most) {
  for (; most > 0; --most) {
    const auto first = deadlines_.earliest();
    if (!first || first->when >= now) return;
    const segment& home = directory_.of(first->hash);
    std::size_t at = home.lower_bound(first->hash);
    while (home.slots[at].entry->deadline() != first->when) {
      ++at;
      MAINSTAY_ASSERT(at < home.size && home.slots[at].hash == first->hash);
    }
    erase_at({&home, at, true}, first->hash);
  }
}

bool table::split(std::uint64_t hash) {
  if (directory_.of(hash).depth == directory_.depth() && !grow_directory()) return false;
  segment& lower = writable(hash);
  const unsigned depth = lower.depth + 1;
  const std::uint64_t border = (prefix(hash, depth) | 1) << (64 - depth);
  const auto moving = std::ranges::subrange(
      std::ranges::lower_bound(lower.all(), border, {}, &slot::hash), lower.all().end());
  const segment upper(depth, now_, std::span(moving), moving.size());
  lower.size -= upper.size;
  directory_.add(border, upper);
  return true;
}

bool table::grow_directory() {
  if (directory_.depth() >= directory_depth_limit) return false;
  if (directory_.size() * 2 > directory_.segment_count() * directory_slack) return false;
  directory_.grow();
  return true;
}

/// Joins a segment that has become small with the other half of the range that it was split from.
void table::merge(std::uint64_t hash) {
  const unsigned depth = directory_.of(hash).depth;
  if (depth == 0) return;
  const std::uint64_t half = std::uint64_t{1} << (64 - depth);
  segment& lower = directory_.of(hash & ~half);
  segment& upper = directory_.of(hash | half);
  const std::size_t total = std::size_t{lower.size} + upper.size;
  if (lower.depth != upper.depth || total > segment_limit / 2) return;

  segment both(depth, now_, lower.all(), total);
  std::ranges::copy(upper.all(), both.slots + both.size);
  both.size += upper.size;
  discard(std::exchange(lower, both));
  discard(upper);
  directory_.remove(hash | half);
}

}  // namespace mainstay::keyspace
