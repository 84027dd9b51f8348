/// Which core the nodes of a bundle drive. It is `core::raft`, unless the bundle names one that
/// wraps it: so a simulation sees every input and output of every replica, and production pays
/// nothing for it.
#pragma once

#include <type_traits>
#include <utility>

#include "mainstay/core/raft.hpp"

namespace mainstay::detail {

template <class Types>
struct core_of {
  using type = core::raft;
  /// The core to drive, from one that was just started.
  static core::raft make(core::raft core, typename Types::runtime_type&) { return core; }
};

/// A bundle's `core_type` has the interface of `core::raft`, and is made from one and the runtime.
template <class Types>
  requires requires { typename Types::core_type; }
struct core_of<Types> {
  using type = typename Types::core_type;
  static_assert(std::is_constructible_v<type, core::raft, typename Types::runtime_type&>);
  static type make(core::raft core, typename Types::runtime_type& runtime) {
    return type(std::move(core), runtime);
  }
};

}  // namespace mainstay::detail
