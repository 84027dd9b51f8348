#include "mainstay/machines/key_value/table_memory.hpp"

#include <algorithm>
#include <limits>
#include <new>

#include "mainstay/base/assert.hpp"

namespace mainstay::keyspace {

static_assert(sizeof(record) % alignof(std::int64_t) == 0, "the deadline follows the header");

record* record::create(std::string_view key, keyspace::deadline when, std::size_t value_capacity,
                       moment birth) {
  MAINSTAY_ASSERT(key.size() <= std::numeric_limits<std::int32_t>::max());
  MAINSTAY_ASSERT(value_capacity <= std::numeric_limits<std::uint32_t>::max());
  const std::size_t before_key = sizeof(record) + (when ? sizeof(std::int64_t) : 0);
  void* memory = ::operator new(before_key + key.size() + value_capacity);
  auto* r = new (memory) record{.key_size = static_cast<std::uint32_t>(key.size()) & 0x7fffffff,
                                .expires = when.has_value(),
                                .value_size = 0,
                                .value_capacity = static_cast<std::uint32_t>(value_capacity),
                                .birth = birth};
  if (when) r->deadline_place() = *when;
  std::ranges::copy(key, r->key_data());
  return r;
}

void record::destroy(record* r) noexcept { ::operator delete(r); }

segment::segment(std::uint32_t segment_depth, moment made, std::span<const slot> content,
                 std::size_t room)
    : slots(new slot[room]),
      size(static_cast<std::uint32_t>(content.size())),
      capacity(static_cast<std::uint32_t>(room)),
      depth(segment_depth),
      birth(made) {
  MAINSTAY_ASSERT(content.size() <= room);
  std::ranges::copy(content, slots);
}

/// Hashes are uniform within a segment's range, so a guess by proportion lands a few places off.
std::size_t segment::lower_bound(std::uint64_t hash) const {
  if (size > segment_limit) {
    const auto found = std::ranges::lower_bound(all(), hash, {}, &slot::hash);
    return static_cast<std::size_t>(found - all().begin());
  }
  const std::uint64_t within = (depth == 0 ? hash : hash << depth) >> 32;
  std::size_t at = (within * size) >> 32;
  while (at > 0 && slots[at - 1].hash >= hash) --at;
  while (at < size && slots[at].hash < hash) ++at;
  return at;
}

void segment::insert(std::size_t position, slot s) {
  if (size == capacity) {
    const segment larger(depth, birth, all(), std::max<std::size_t>(std::size_t{2} * capacity, 8));
    delete[] slots;
    *this = larger;
  }
  std::copy_backward(slots + position, slots + size, slots + size + 1);
  slots[position] = s;
  ++size;
}

void segment::erase(std::size_t position) {
  std::copy(slots + position + 1, slots + size, slots + position);
  --size;
}

void directory::add(std::uint64_t hash, const segment& s) {
  of(hash).depth = s.depth;
  auto number = static_cast<std::uint32_t>(segments_.size());
  if (free_.empty()) {
    segments_.push_back(s);
  } else {
    number = free_.back();
    free_.pop_back();
    segments_[number] = s;
  }
  point(hash, s.depth, number);
}

void directory::remove(std::uint64_t hash) {
  const std::uint32_t number = places_[prefix(hash, depth_)];
  const unsigned depth = segments_[number].depth;
  const std::uint64_t other_hash = hash ^ (std::uint64_t{1} << (64 - depth));
  const std::uint32_t other = places_[prefix(other_hash, depth_)];
  segments_[number] = segment{};
  free_.push_back(number);
  segments_[other].depth = depth - 1;
  point(hash, depth - 1, other);
}

void directory::point(std::uint64_t hash, unsigned depth, std::uint32_t number) {
  const unsigned spread = depth_ - depth;
  const auto first = places_.begin() + static_cast<std::ptrdiff_t>(prefix(hash, depth) << spread);
  std::fill_n(first, std::size_t{1} << spread, number);
}

void directory::grow() {
  std::vector<std::uint32_t> larger(places_.size() * 2);
  for (std::size_t i = 0; i < larger.size(); ++i) larger[i] = places_[i / 2];
  places_ = std::move(larger);
  ++depth_;
}

}  // namespace mainstay::keyspace
