/// The memory of the key-value machine: a hash table ordered by hash. Because the order of keys
/// depends on their bytes alone, a place in it is a number that stays meaningful whatever is
/// inserted, removed, grown or restored: that is what makes SCAN's cursor stateless. It knows
/// nothing of commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace mainstay::keyspace {

/// A key with its hash, so that one command hashes it once. The view is the caller's.
struct hashed_key {
  std::string_view text;
  std::uint64_t hash;
};

/// Keys with values, in segments of hash ranges (extendible hashing over the top bits, sorted
/// within a segment). It grows one segment at a time, so no insert pays for the whole table.
/// Overhead per key: about 25 bytes of table, 12 bytes of header, and the allocator's own.
/// For one thread at a time.
class table {
 public:
  /// `hash_seed` decides the order of keys; cursors of tables with the same seed agree.
  explicit table(std::uint64_t hash_seed = 0);
  table(table&& other) noexcept;
  table& operator=(table&& other) noexcept;
  ~table();

  /// Hashes a key for the calls below.
  hashed_key hashed(std::string_view key) const;

  /// The value, until the next change of the table.
  std::optional<std::string_view> find(hashed_key key) const;
  /// Inserts or replaces. Copies key and value. Precondition: each is shorter than 2^32 bytes.
  void set(hashed_key key, std::string_view value);
  /// Adds to the end of a value, inserting when there is none; returns the new length. Repeated
  /// appends copy each byte a constant number of times on average.
  std::size_t append(hashed_key key, std::string_view suffix);
  /// Removes; false when there was no such key.
  bool erase(hashed_key key);
  /// Removes everything.
  void clear();

  std::size_t size() const { return size_; }
  /// A table without keys that orders them the same way.
  table empty_copy() const { return table(hash_seed_); }

  /// Calls `visit(key, value)` for every key, in the order of `scan` and, where hashes are equal,
  /// in that of the keys: two tables with the same content give the same sequence.
  template <class Visit>
  void for_each(Visit&& visit) const;

  /// Calls `visit(key, value)` for about `count` keys (all that share a cursor come together) from
  /// `cursor` on and returns the cursor to go on with: 0 at the end. Start with 0. Every key that
  /// is present during a whole iteration is visited exactly once. Cursors are below 2^52, because
  /// some clients hold them in floating point.
  template <class Visit>
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Visit&& visit) const;

 private:
  /// One key and its value in one block: this header, the key's bytes, the value's.
  struct record {
    std::uint32_t key_size;
    std::uint32_t value_size;
    std::uint32_t value_capacity;

    static record* create(std::string_view key, std::size_t value_capacity);
    static void destroy(record* r) noexcept;
    char* key_data() { return reinterpret_cast<char*>(this + 1); }
    char* value_data() { return key_data() + key_size; }
    std::string_view key() { return {key_data(), key_size}; }
    std::string_view value() { return {value_data(), value_size}; }
  };
  /// The table owns the record of every slot in it.
  struct slot {
    std::uint64_t hash;
    record* entry;
  };
  /// All keys whose hashes share their top `depth` bits, sorted by hash.
  struct segment {
    unsigned depth = 0;
    std::vector<slot> slots;
  };
  /// Where a key is, or where it would be inserted.
  struct place {
    std::uint32_t segment;
    std::size_t position;
    bool found;
  };

  /// A cursor is the upper 52 bits of a hash.
  static constexpr unsigned cursor_shift = 12;

  static std::uint64_t prefix(std::uint64_t hash, unsigned depth);
  static std::size_t lower_bound(const segment& s, std::uint64_t hash);
  place locate(hashed_key key) const;
  void insert(place where, hashed_key key, record* entry);
  bool split(std::uint32_t number, std::uint64_t hash);
  bool grow_directory();
  void merge(std::uint32_t number, std::uint64_t hash);
  void point_directory(std::uint64_t range, unsigned depth, std::uint32_t number);
  const segment& segment_of(std::uint64_t hash) const;
  void release_records() noexcept;

  std::uint64_t hash_seed_;
  std::size_t size_ = 0;
  unsigned directory_depth_ = 0;
  std::vector<std::uint32_t> directory_;  ///< segment numbers by the top directory_depth_ bits
  std::vector<segment> segments_;
  std::vector<std::uint32_t> free_segments_;  ///< numbers of segments that merging emptied
};

/// A segment that is used up hands on to where the next one's range begins.
template <class Visit>
std::uint64_t table::scan(std::uint64_t cursor, std::size_t count, Visit&& visit) const {
  if (count == 0) count = 1;
  std::uint64_t from = cursor << cursor_shift;
  std::size_t visited = 0;
  std::uint64_t last = 0;
  while (true) {
    const segment& s = segment_of(from);
    for (std::size_t i = lower_bound(s, from); i < s.slots.size(); ++i) {
      const std::uint64_t here = s.slots[i].hash >> cursor_shift;
      if (visited >= count && here != last) return here;
      visit(s.slots[i].entry->key(), s.slots[i].entry->value());
      last = here;
      ++visited;
    }
    if (s.depth == 0) return 0;
    from = (prefix(from, s.depth) + 1) << (64 - s.depth);
    if (from == 0) return 0;
    if (visited >= count) return from >> cursor_shift;
  }
}

/// Goes by ranges of hashes, as the directory names a segment more than once.
template <class Visit>
void table::for_each(Visit&& visit) const {
  for (std::uint64_t from = 0;;) {
    const segment& s = segment_of(from);
    for (const auto& each : s.slots) visit(each.entry->key(), each.entry->value());
    if (s.depth == 0) return;
    from = (prefix(from, s.depth) + 1) << (64 - s.depth);
    if (from == 0) return;
  }
}

}  // namespace mainstay::keyspace
