/// The deadlines of a table's keys in the order in which they pass. It knows keys by their hashes
/// only.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>

#include "mainstay/machines/key_value/table_memory.hpp"

namespace mainstay::keyspace {

/// A sorted multiset: keys whose hashes are equal may share a deadline.
class deadline_index {
 public:
  /// When the key of a hash expires.
  struct entry {
    std::int64_t when;
    std::uint64_t hash;
    friend auto operator<=>(const entry&, const entry&) = default;
  };

  /// A key's deadline was `before` and is `after`.
  void replace(std::uint64_t hash, deadline before, deadline after) {
    if (before == after) return;
    if (before) entries_.erase(entries_.find({*before, hash}));
    if (after) entries_.insert({*after, hash});
  }
  /// The one that passes first.
  std::optional<entry> earliest() const {
    if (entries_.empty()) return std::nullopt;
    return *entries_.begin();
  }
  /// How many lie before `now`; takes as many steps.
  std::size_t count_before(std::int64_t now) const {
    return static_cast<std::size_t>(
        std::distance(entries_.begin(), entries_.lower_bound({now, 0})));
  }

 private:
  std::multiset<entry> entries_;
};

}  // namespace mainstay::keyspace
