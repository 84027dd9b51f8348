/// What the key-value machine's table is made of: records, segments and the directory over them.
/// They know nothing of who else looks at them; `table` and `frozen_table` do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace mainstay::keyspace {

/// Counts the times that a table was frozen. What was born at a moment is part of what is frozen at
/// that moment and at later ones.
using moment = std::uint32_t;

/// When a key expires, in milliseconds since the Unix epoch; none: never. It is there as long as
/// the time is not later.
using deadline = std::optional<std::int64_t>;

/// What is stored under a key. The view is the table's.
struct stored {
  std::string_view value;
  keyspace::deadline deadline;

  /// Whether its deadline lies before this time.
  bool is_expired(std::int64_t now) const { return deadline && *deadline < now; }
};

/// One key and its value in one block: this header, the deadline if there is one, the key's bytes,
/// the value's.
struct record {
  std::uint32_t key_size : 31;
  std::uint32_t expires : 1;
  std::uint32_t value_size;
  std::uint32_t value_capacity;
  moment birth;

  /// Room for a value, which is empty at first. Precondition: the key is shorter than 2^31 bytes,
  /// the value than 2^32.
  static record* create(std::string_view key, keyspace::deadline when, std::size_t value_capacity,
                        moment birth);
  /// Gives the memory back.
  static void destroy(record* r) noexcept;

  /// Precondition: `expires`.
  std::int64_t& deadline_place() { return *reinterpret_cast<std::int64_t*>(this + 1); }
  keyspace::deadline deadline() {
    return expires != 0 ? keyspace::deadline(deadline_place()) : std::nullopt;
  }
  char* key_data() { return reinterpret_cast<char*>(this + 1) + sizeof(std::int64_t) * expires; }
  char* value_data() { return key_data() + key_size; }
  std::string_view key() { return {key_data(), key_size}; }
  std::string_view value() { return {value_data(), value_size}; }
  stored content() { return {value(), deadline()}; }
};

/// A segment of this size is split before it takes another key: small enough to move half of it, or
/// to copy it, in a fraction of a microsecond.
inline constexpr std::size_t segment_limit = 128;

/// A record with the hash of its key.
struct slot {
  std::uint64_t hash;
  record* entry;
};

/// All keys whose hashes share their top `depth` bits, sorted by hash and, where hashes are equal,
/// by key. Copying it copies where its slots are, not the slots: it owns nothing by itself.
struct segment {
  slot* slots = nullptr;
  std::uint32_t size = 0;
  std::uint32_t capacity = 0;
  std::uint32_t depth = 0;
  moment birth = 1;  ///< of the block of slots

  /// Without room for slots.
  segment() = default;
  /// With a block of its own that holds these, and room for so many.
  segment(std::uint32_t depth, moment birth, std::span<const slot> content, std::size_t room);

  std::span<slot> all() const { return {slots, size}; }
  /// The place of the first slot whose hash is not below this one.
  std::size_t lower_bound(std::uint64_t hash) const;
  /// Puts a slot before the one at `position`. Precondition: the block is nobody else's.
  void insert(std::size_t position, slot s);
  /// Takes a slot out. The same precondition.
  void erase(std::size_t position);
};

/// The top `depth` bits of a hash.
constexpr std::uint64_t prefix(std::uint64_t hash, unsigned depth) {
  return depth == 0 ? 0 : hash >> (64 - depth);
}

/// Which segment holds which range of hashes. A segment whose depth is less than the directory's
/// stands at several neighbouring places. Copying it copies no slots, and it frees nothing.
class directory {
 public:
  /// One segment for all hashes.
  directory() : places_(1), segments_(1) {}

  unsigned depth() const { return depth_; }
  /// How many places there are.
  std::size_t size() const { return places_.size(); }
  /// How many segments there are.
  std::size_t segment_count() const { return segments_.size() - free_.size(); }
  /// The segment that holds a hash, until the next `add`.
  segment& of(std::uint64_t hash) { return segments_[places_[prefix(hash, depth_)]]; }
  /// The same, to look at.
  const segment& of(std::uint64_t hash) const { return segments_[places_[prefix(hash, depth_)]]; }
  /// Gives the half of a segment's range that `hash` lies in to a new one. Precondition: it has
  /// this segment's depth, which the other half has from now on, too.
  void add(std::uint64_t hash, const segment& s);
  /// Gives the range of the segment that holds `hash` to the one of the other half of the range
  /// that both come from, whose depth is one less from now on.
  void remove(std::uint64_t hash);
  /// Twice as many places for the same segments.
  void grow();

  /// Calls `visit(segment)` once for each, in the order of hashes.
  template <class Visit>
  void for_each_segment(Visit&& visit) const {
    for (std::size_t at = 0; at < places_.size();) {
      const segment& s = segments_[places_[at]];
      at += std::size_t{1} << (depth_ - s.depth);
      visit(s);
    }
  }

  /// Calls `visit(key, stored)` for every key, in the order of their hashes and, where those are
  /// equal, of their bytes: the same content gives the same sequence.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each_segment([&](const segment& s) {
      for (const auto& each : s.all()) visit(each.entry->key(), each.entry->content());
    });
  }

 private:
  void point(std::uint64_t hash, unsigned depth, std::uint32_t number);

  unsigned depth_ = 0;
  std::vector<std::uint32_t> places_;  ///< numbers of segments, by the top `depth_` bits
  std::vector<segment> segments_;
  std::vector<std::uint32_t> free_;  ///< numbers that no segment has
};

}  // namespace mainstay::keyspace
