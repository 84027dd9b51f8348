/// Asks the cluster whether this node is ready: the answer comes from the node's thread, and is
/// brought to the admin port's.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include <boost/asio/io_context.hpp>

#include "mainstay/base/error.hpp"

#include "server/gateway.hpp"

namespace mainstay::server {

/// A linearizable read succeeds exactly when the node has a leader and has applied all that was
/// committed before the question: that is what being ready means.
class readiness_probe {
 public:
  using handler = std::function<void(const result<void>&)>;

  readiness_probe(gateway& cluster, boost::asio::io_context& context);
  readiness_probe(const readiness_probe&) = delete;
  readiness_probe& operator=(const readiness_probe&) = delete;
  /// Answers that come later are dropped.
  ~readiness_probe();

  /// `done` is called at most once, on the io_context, about `patience` later at the latest; it is
  /// destroyed on any thread, so it must not own what belongs to one.
  void ask(duration patience, handler done);

 private:
  /// The way back; outlives the probe if need be.
  struct door {
    std::mutex mutex;
    boost::asio::io_context* context;  ///< guarded by mutex; null once the probe is gone
  };

  gateway& cluster_;
  std::shared_ptr<door> door_;
};

}  // namespace mainstay::server
