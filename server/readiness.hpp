/// Asks the cluster whether this node is ready: the answer comes from the node's thread, and is
/// brought to the admin port's.
#pragma once

#include <functional>

#include "mainstay/base/error.hpp"

#include "server/gateway.hpp"
#include "server/way_back.hpp"

namespace mainstay::server {

/// A linearizable read succeeds exactly when the node has a leader and has applied all that was
/// committed before the question: that is what being ready means.
class readiness_probe {
 public:
  using handler = std::function<void(const result<void>&)>;

  /// Both outlive it.
  readiness_probe(gateway& cluster, const way_back& way) : cluster_(cluster), way_(way) {}

  /// `done` is called at most once, where the way leads, about `patience` later at the latest; it
  /// is destroyed on any thread, so it must not own what belongs to one.
  void ask(duration patience, handler done);

 private:
  gateway& cluster_;
  const way_back& way_;
};

}  // namespace mainstay::server
