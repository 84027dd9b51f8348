/// Majorities. Every quorum of the library is decided by the one function here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mainstay/core/configuration.hpp"

namespace mainstay::core {

/// The largest value that a majority of `voters` has reached, where `value_of(node_id)` gives each
/// one's. Precondition: at least one voter.
template <class ValueOf>
auto majority_value(const std::vector<member>& voters, const ValueOf& value_of) {
  using value = decltype(value_of(node_id{}));
  constexpr std::size_t usual = 16;
  value few[usual];
  std::vector<value> many;
  value* values = few;
  if (voters.size() > usual) {
    many.resize(voters.size());
    values = many.data();
  }
  for (std::size_t i = 0; i < voters.size(); ++i) values[i] = value_of(voters[i].id);
  // Rising order: from here to the end stand voters.size() / 2 + 1 of them.
  value* const middle = values + (voters.size() - 1) / 2;
  std::nth_element(values, middle, values + voters.size());
  return *middle;
}

/// The largest value that a quorum of the configuration has reached: a majority of the voters, and
/// while joint also a majority of the outgoing voters (paper §6).
template <class ValueOf>
auto quorum_value(const configuration& c, const ValueOf& value_of) {
  const auto incoming = majority_value(c.voters, value_of);
  if (!c.is_joint()) return incoming;
  return std::min(incoming, majority_value(c.outgoing_voters, value_of));
}

/// True when the nodes for which `agrees` holds form a quorum.
template <class Agrees>
bool is_quorum(const configuration& c, const Agrees& agrees) {
  return quorum_value(c, [&](node_id id) { return agrees(id) ? 1 : 0; }) == 1;
}

}  // namespace mainstay::core
