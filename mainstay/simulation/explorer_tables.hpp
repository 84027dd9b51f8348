/// The tables of the explorer: hash tables of 64-bit fingerprints, and one of each replica and of
/// each message that was ever met, so that a state of the whole cluster is a few numbers.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "mainstay/simulation/explorer_hash.hpp"
#include "mainstay/simulation/explorer_properties.hpp"
#include "mainstay/simulation/explorer_replica.hpp"

namespace mainstay::simulation::exploration {

/// A set of fingerprints: open addressing, at most two thirds full.
class fingerprint_set {
 public:
  fingerprint_set() : slots_(initial_capacity, 0) {}

  /// True when it was not there.
  bool insert(std::uint64_t fingerprint);
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes() const { return slots_.size() * sizeof(slots_[0]); }

 private:
  static constexpr std::size_t initial_capacity = 1 << 12;
  void grow();

  std::vector<std::uint64_t> slots_;  // 0: free
  std::uint64_t size_ = 0;
};

/// A map from fingerprints to numbers, built in the same way.
class fingerprint_map {
 public:
  fingerprint_map() : slots_(initial_capacity) {}

  /// The number, or none.
  std::optional<std::uint32_t> find(std::uint64_t fingerprint) const;
  /// Precondition: it is not there.
  void insert(std::uint64_t fingerprint, std::uint32_t number);
  std::uint64_t bytes() const { return slots_.size() * sizeof(slots_[0]); }

 private:
  struct slot {
    std::uint64_t fingerprint = 0;  // 0: free
    std::uint32_t number = 0;
  };
  static constexpr std::size_t initial_capacity = 1 << 12;
  std::size_t place_of(std::uint64_t fingerprint) const;

  std::vector<slot> slots_;
  std::uint64_t size_ = 0;
};

/// One of each of some kind of thing, by number, with its hashes under every renaming. Two things
/// are the same when all their hashes are.
template <class Thing>
class unique_table {
 public:
  /// The number of `thing`, which is added when it is new.
  std::uint32_t number_of(Thing thing, const renamed_hashes& hashes) {
    std::uint64_t key = hashes[0];
    while (const auto known = numbers_.find(key)) {
      if (hashes_[*known] == hashes) return *known;
      key = mix(key, 1);
    }
    const auto number = static_cast<std::uint32_t>(things_.size());
    numbers_.insert(key, number);
    things_.push_back(std::move(thing));
    hashes_.push_back(hashes);
    return number;
  }
  const Thing& operator[](std::uint32_t number) const { return things_[number]; }
  const renamed_hashes& hashes(std::uint32_t number) const { return hashes_[number]; }
  std::uint64_t size() const { return things_.size(); }

 private:
  std::deque<Thing> things_;
  std::vector<renamed_hashes> hashes_;
  fingerprint_map numbers_;
};

}  // namespace mainstay::simulation::exploration
