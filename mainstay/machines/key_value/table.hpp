/// The memory of the key-value machine: a hash table ordered by hash. Because the order of keys
/// depends on their bytes alone, a place in it is a number that stays meaningful whatever is
/// inserted, removed, grown or restored: that is what makes SCAN's cursor stateless. It knows
/// nothing of commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "mainstay/machines/key_value/deadline_index.hpp"
#include "mainstay/machines/key_value/frozen_table.hpp"
#include "mainstay/machines/key_value/table_memory.hpp"

namespace mainstay::keyspace {

/// A key with its hash, so that one command hashes it once. The view is the caller's.
struct hashed_key {
  std::string_view text;
  std::uint64_t hash;
};

/// Keys with values, in segments of hash ranges (extendible hashing over the top bits, sorted
/// within a segment). It grows one segment at a time, so no insert pays for the whole table.
/// Overhead per key: about 25 bytes of table, 16 bytes of header, and the allocator's own; some 80
/// bytes more for a key with a deadline.
/// For one thread at a time.
class table {
 public:
  /// `hash_seed` decides the order of keys; cursors of tables with the same seed agree.
  explicit table(std::uint64_t hash_seed = 0);
  table(table&& other) noexcept;
  table& operator=(table&& other) noexcept;
  ~table();

  /// Holds the content as it is now; takes as long as copying some 32 bytes a segment. While it is
  /// held, the first change to each segment copies its slots, and a record that is replaced or
  /// removed stays until nobody holds it. What is held may be read and dropped on any thread; who
  /// drops it frees what was kept for it.
  frozen_table freeze();

  /// Hashes a key for the calls below.
  hashed_key hashed(std::string_view key) const;

  /// What is stored, until the next change of the table; whether its deadline has passed is for
  /// the caller to ask.
  std::optional<stored> find(hashed_key key) const;
  /// Inserts or replaces. Copies key and value. Precondition: `record::create`.
  void set(hashed_key key, std::string_view value, deadline when = std::nullopt);
  /// Gives what is stored another deadline. False when there is no such key.
  bool set_deadline(hashed_key key, deadline when);
  /// Adds to the end of a value, inserting when there is none; the deadline stays; returns the new
  /// length. Repeated appends copy each byte a constant number of times on average.
  std::size_t append(hashed_key key, std::string_view suffix);
  /// Removes; false when there was no such key.
  bool erase(hashed_key key);
  /// Removes everything.
  void clear();

  /// How many keys there are, expired ones included.
  std::size_t size() const { return size_; }
  /// The deadlines of all keys that have one.
  const deadline_index& deadlines() const { return deadlines_; }
  /// Removes keys whose deadlines lie before `now`, the earliest first, about `most` of them.
  void erase_expired(std::int64_t now, std::size_t most);
  /// A table without keys that orders them the same way.
  table empty_copy() const { return table(hash_seed_); }

  /// Calls `visit(key, stored)` for every key, in the order of `scan` and, where hashes are equal,
  /// in that of the keys: two tables with the same content give the same sequence.
  template <class Visit>
  void for_each(Visit&& visit) const {
    directory_.for_each(visit);
  }

  /// Calls `visit(key, stored)` for about `count` keys (all that share a cursor come together) from
  /// `cursor` on and returns the cursor to go on with: 0 at the end. Start with 0. Every key that
  /// is present during a whole iteration is visited exactly once. Cursors are below 2^52, because
  /// some clients hold them in floating point.
  template <class Visit>
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Visit&& visit) const;

 private:
  /// Where a key is, or where it would be inserted.
  struct place {
    const segment* home;
    std::size_t position;
    bool found;

    record* entry() const { return home->slots[position].entry; }
  };

  /// A cursor is the upper 52 bits of a hash.
  static constexpr unsigned cursor_shift = 12;

  /// Whether somebody holds a state that has things of this birth.
  bool is_frozen(moment birth) const { return moments_ != nullptr && moments_->is_seen(birth); }
  place locate(hashed_key key) const;
  segment& writable(std::uint64_t hash);
  void replace(place where, hashed_key key, record* fresh);
  void erase_at(place where, std::uint64_t hash);
  void discard(record* r);
  void discard(const segment& s);
  void insert(place where, hashed_key key, record* entry);
  bool split(std::uint64_t hash);
  bool grow_directory();
  void merge(std::uint64_t hash);
  void swap(table& other) noexcept;

  std::uint64_t hash_seed_;
  std::size_t size_ = 0;
  directory directory_;  ///< this owns the slots and records in it
  deadline_index deadlines_;
  moment now_ = 1;                           ///< the birth of what is made now
  std::shared_ptr<frozen_moments> moments_;  ///< null: never frozen
};

/// A segment that is used up hands on to where the next one's range begins.
template <class Visit>
std::uint64_t table::scan(std::uint64_t cursor, std::size_t count, Visit&& visit) const {
  if (count == 0) count = 1;
  std::uint64_t from = cursor << cursor_shift;
  std::size_t visited = 0;
  std::uint64_t last = 0;
  while (true) {
    const segment& s = directory_.of(from);
    for (std::size_t i = s.lower_bound(from); i < s.size; ++i) {
      const std::uint64_t here = s.slots[i].hash >> cursor_shift;
      if (visited >= count && here != last) return here;
      visit(s.slots[i].entry->key(), s.slots[i].entry->content());
      last = here;
      ++visited;
    }
    if (s.depth == 0) return 0;
    from = (prefix(from, s.depth) + 1) << (64 - s.depth);
    if (from == 0) return 0;
    if (visited >= count) return from >> cursor_shift;
  }
}

}  // namespace mainstay::keyspace
