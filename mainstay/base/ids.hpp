/// Strong integers for the nouns of Raft, so that a term is never passed for an index. They are
/// plain 64-bit values: copy them freely.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace mainstay {

/// A 64-bit number of one kind (`Tag`). Zero means "none" for every kind below.
template <class Tag>
class strong_id {
 public:
  constexpr strong_id() = default;
  constexpr explicit strong_id(std::uint64_t value) : value_(value) {}

  /// The plain number.
  constexpr std::uint64_t value() const { return value_; }

  /// False only for zero, "none".
  constexpr explicit operator bool() const { return value_ != 0; }

  friend constexpr auto operator<=>(strong_id, strong_id) = default;

 protected:
  std::uint64_t value_ = 0;
};

/// A node's identity within its cluster; never 0.
struct node_id : strong_id<node_id> {
  using strong_id::strong_id;
};

/// One consensus group among the many that a host may carry.
struct group_id : strong_id<group_id> {
  using strong_id::strong_id;
};

/// A cluster's identity, checked whenever two nodes meet and whenever a disk is opened.
struct cluster_id : strong_id<cluster_id> {
  using strong_id::strong_id;
};

/// The identity of one life of a node's disk: drawn at random when the disk is first initialized,
/// so that a wiped disk cannot pass as the old node.
struct incarnation : strong_id<incarnation> {
  using strong_id::strong_id;
};

/// A Raft term (paper §5.1); 0 before the first election.
struct term : strong_id<term> {
  using strong_id::strong_id;
  constexpr term next() const { return term(value_ + 1); }
};

/// A position in the log (paper §5.3); the first entry has index 1.
struct log_index : strong_id<log_index> {
  using strong_id::strong_id;
  constexpr log_index next() const { return log_index(value_ + 1); }
  /// The index before this one. Precondition: not 0.
  constexpr log_index previous() const { return log_index(value_ - 1); }
  friend constexpr log_index operator+(log_index i, std::uint64_t n) {
    return log_index(i.value_ + n);
  }
  /// How many entries lie between. Precondition: `b <= a`.
  friend constexpr std::uint64_t operator-(log_index a, log_index b) { return a.value_ - b.value_; }
};

}  // namespace mainstay

#define MAINSTAY_HASHABLE(Id)                                \
  template <>                                                \
  struct std::hash<mainstay::Id> {                           \
    std::size_t operator()(mainstay::Id id) const noexcept { \
      return std::hash<std::uint64_t>{}(id.value());         \
    }                                                        \
  };
MAINSTAY_HASHABLE(node_id)
MAINSTAY_HASHABLE(group_id)
MAINSTAY_HASHABLE(cluster_id)
MAINSTAY_HASHABLE(incarnation)
MAINSTAY_HASHABLE(term)
MAINSTAY_HASHABLE(log_index)
#undef MAINSTAY_HASHABLE
