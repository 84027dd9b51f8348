#include "mainstay/machines/key_value/table.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include "mainstay/base/assert.hpp"
#include "mainstay/base/checksum.hpp"

namespace mainstay::keyspace {

namespace {

/// A segment of this size is split before it takes another key: small enough to move half of it in
/// a fraction of a microsecond.
constexpr std::size_t segment_limit = 128;
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

table::record* table::record::create(std::string_view key, std::size_t value_capacity) {
  MAINSTAY_ASSERT(key.size() <= std::numeric_limits<std::uint32_t>::max());
  MAINSTAY_ASSERT(value_capacity <= std::numeric_limits<std::uint32_t>::max());
  void* memory = ::operator new(sizeof(record) + key.size() + value_capacity);
  auto* r = new (memory)
      record{static_cast<std::uint32_t>(key.size()), 0, static_cast<std::uint32_t>(value_capacity)};
  std::ranges::copy(key, r->key_data());
  return r;
}

void table::record::destroy(record* r) noexcept { ::operator delete(r); }

table::table(std::uint64_t hash_seed) : hash_seed_(hash_seed), directory_{0}, segments_(1) {}

table::table(table&& other) noexcept
    : hash_seed_(other.hash_seed_),
      size_(std::exchange(other.size_, 0)),
      directory_depth_(std::exchange(other.directory_depth_, 0)),
      directory_(std::exchange(other.directory_, {0})),
      segments_(std::exchange(other.segments_, std::vector<segment>(1))),
      free_segments_(std::exchange(other.free_segments_, {})) {}

table& table::operator=(table&& other) noexcept {
  std::swap(hash_seed_, other.hash_seed_);
  std::swap(size_, other.size_);
  std::swap(directory_depth_, other.directory_depth_);
  directory_.swap(other.directory_);
  segments_.swap(other.segments_);
  free_segments_.swap(other.free_segments_);
  return *this;
}

table::~table() { release_records(); }

void table::release_records() noexcept {
  for (const auto& s : segments_) {
    for (const auto& each : s.slots) record::destroy(each.entry);
  }
}

void table::clear() { *this = table(hash_seed_); }

hashed_key table::hashed(std::string_view key) const {
  return {key, checksum(std::as_bytes(std::span(key)), hash_seed_)};
}

std::uint64_t table::prefix(std::uint64_t hash, unsigned depth) {
  return depth == 0 ? 0 : hash >> (64 - depth);
}

const table::segment& table::segment_of(std::uint64_t hash) const {
  return segments_[directory_[prefix(hash, directory_depth_)]];
}

/// Hashes are uniform within a segment's range, so a guess by proportion lands a few places off.
std::size_t table::lower_bound(const segment& s, std::uint64_t hash) {
  const std::size_t size = s.slots.size();
  if (size > segment_limit) {
    const auto found = std::ranges::lower_bound(s.slots, hash, {}, &slot::hash);
    return static_cast<std::size_t>(found - s.slots.begin());
  }
  const std::uint64_t within = (s.depth == 0 ? hash : hash << s.depth) >> 32;
  std::size_t at = (within * size) >> 32;
  while (at > 0 && s.slots[at - 1].hash >= hash) --at;
  while (at < size && s.slots[at].hash < hash) ++at;
  return at;
}

table::place table::locate(hashed_key key) const {
  const std::uint32_t number = directory_[prefix(key.hash, directory_depth_)];
  const segment& s = segments_[number];
  // Keys of the same hash stand in the order of their bytes, so that a table's order does not
  // depend on its history.
  std::size_t at = lower_bound(s, key.hash);
  while (at < s.slots.size() && s.slots[at].hash == key.hash) {
    const auto order = s.slots[at].entry->key() <=> key.text;
    if (order == 0) return {number, at, true};
    if (order > 0) break;
    ++at;
  }
  return {number, at, false};
}

std::optional<std::string_view> table::find(hashed_key key) const {
  const place where = locate(key);
  if (!where.found) return std::nullopt;
  return segments_[where.segment].slots[where.position].entry->value();
}

void table::set(hashed_key key, std::string_view value) {
  const place where = locate(key);
  record* entry = nullptr;
  if (where.found) {
    entry = segments_[where.segment].slots[where.position].entry;
    // Room that is more than half empty is given back.
    if (value.size() > entry->value_capacity || value.size() < entry->value_capacity / 2) {
      record* fresh = record::create(key.text, value.size());
      record::destroy(std::exchange(entry, fresh));
      segments_[where.segment].slots[where.position].entry = fresh;
    }
  } else {
    entry = record::create(key.text, value.size());
    insert(where, key, entry);
  }
  std::ranges::copy(value, entry->value_data());
  entry->value_size = static_cast<std::uint32_t>(value.size());
}

std::size_t table::append(hashed_key key, std::string_view suffix) {
  const place where = locate(key);
  if (!where.found) {
    set(key, suffix);
    return suffix.size();
  }
  auto& entry = segments_[where.segment].slots[where.position].entry;
  const std::size_t length = entry->value_size + suffix.size();
  if (length > entry->value_capacity) {
    record* fresh = record::create(key.text, length + std::min(length, append_slack_limit));
    std::ranges::copy(entry->value(), fresh->value_data());
    fresh->value_size = entry->value_size;
    record::destroy(std::exchange(entry, fresh));
  }
  std::ranges::copy(suffix, entry->value_data() + entry->value_size);
  entry->value_size = static_cast<std::uint32_t>(length);
  return length;
}

void table::insert(place where, hashed_key key, record* entry) {
  // Splitting comes first, so that the room for slots never grows beyond the limit.
  while (segments_[where.segment].slots.size() >= segment_limit) {
    if (!split(where.segment, key.hash)) break;
    where = locate(key);
  }
  auto& slots = segments_[where.segment].slots;
  slots.insert(slots.begin() + static_cast<std::ptrdiff_t>(where.position), {key.hash, entry});
  ++size_;
}

bool table::erase(hashed_key key) {
  const place where = locate(key);
  if (!where.found) return false;
  auto& slots = segments_[where.segment].slots;
  record::destroy(slots[where.position].entry);
  slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(where.position));
  --size_;
  if (slots.size() < merge_threshold) merge(where.segment, key.hash);
  return true;
}

bool table::split(std::uint32_t number, std::uint64_t hash) {
  if (segments_[number].depth == directory_depth_ && !grow_directory()) return false;

  std::uint32_t upper_number;
  if (free_segments_.empty()) {
    upper_number = static_cast<std::uint32_t>(segments_.size());
    segments_.emplace_back();
  } else {
    upper_number = free_segments_.back();
    free_segments_.pop_back();
  }
  segment& lower = segments_[number];
  segment& upper = segments_[upper_number];
  const std::uint64_t upper_range = prefix(hash, lower.depth) * 2 + 1;
  lower.depth += 1;
  upper.depth = lower.depth;

  const std::uint64_t border = upper_range << (64 - upper.depth);
  const auto middle = std::ranges::lower_bound(lower.slots, border, {}, &slot::hash);
  upper.slots.assign(middle, lower.slots.end());
  lower.slots.erase(middle, lower.slots.end());
  point_directory(upper_range, upper.depth, upper_number);
  return true;
}

bool table::grow_directory() {
  const std::size_t used = segments_.size() - free_segments_.size();
  if (directory_depth_ >= directory_depth_limit) return false;
  if (directory_.size() * 2 > used * directory_slack) return false;
  std::vector<std::uint32_t> larger(directory_.size() * 2);
  for (std::size_t i = 0; i < larger.size(); ++i) larger[i] = directory_[i / 2];
  directory_ = std::move(larger);
  ++directory_depth_;
  return true;
}

/// Joins a segment that has become small with the other half of the range that it was split from.
void table::merge(std::uint32_t number, std::uint64_t hash) {
  const unsigned depth = segments_[number].depth;
  if (depth == 0) return;
  const std::uint64_t range = prefix(hash, depth);
  const std::uint64_t other_range = range ^ 1;
  const std::uint32_t other = directory_[other_range << (directory_depth_ - depth)];
  const std::size_t total = segments_[number].slots.size() + segments_[other].slots.size();
  if (segments_[other].depth != depth || total > segment_limit / 2) return;

  const bool is_upper = (range & 1) != 0;
  const std::uint32_t lower_number = is_upper ? other : number;
  const std::uint32_t upper_number = is_upper ? number : other;
  auto& lower = segments_[lower_number];
  auto& upper = segments_[upper_number];
  lower.slots.insert(lower.slots.end(), upper.slots.begin(), upper.slots.end());
  lower.slots.shrink_to_fit();
  lower.depth = depth - 1;
  upper = segment{};
  free_segments_.push_back(upper_number);
  point_directory(range / 2, depth - 1, lower_number);
}

void table::point_directory(std::uint64_t range, unsigned depth, std::uint32_t number) {
  const unsigned spread = directory_depth_ - depth;
  const auto first = directory_.begin() + static_cast<std::ptrdiff_t>(range << spread);
  std::fill_n(first, std::size_t{1} << spread, number);
}

}  // namespace mainstay::keyspace
