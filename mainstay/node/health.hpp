/// What keeps a node from full service: several ailments may hold at once, and one that ends must
/// not hide another.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "mainstay/node/status.hpp"

namespace mainstay::detail {

/// Ailments with a sentence each. For one thread.
class health_record {
 public:
  /// Notes an ailment; the newest sentence stands. Precondition: not `sound`.
  void set(node_health ailment, std::string problem);
  /// Takes an ailment back.
  void clear(node_health ailment);
  /// Whether this ailment holds.
  bool has(node_health ailment) const { return problems_[position(ailment)].has_value(); }
  /// The worst that holds; `sound` when none does.
  node_health worst() const;
  /// The sentence of the worst; empty when sound.
  std::string problem() const { return problems_[position(worst())].value_or(""); }

 private:
  static constexpr std::size_t position(node_health ailment) {
    return static_cast<std::size_t>(ailment);
  }

  std::array<std::optional<std::string>, 4> problems_;  // by node_health, rising in weight
};

}  // namespace mainstay::detail
