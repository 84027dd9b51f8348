/// Holds submitted commands from proposal to application (R15): a command completes when it is
/// committed and applied, or fails with what is known about it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/node/operation.hpp"

namespace mainstay {

/// Writes in log order. All calls on the loop.
class commit_waiter {
 public:
  using operation_handle = std::shared_ptr<detail::operation>;

  /// The operation's commands stand at `first` and the indexes after it, appended in `t`.
  /// Precondition: beyond everything awaited so far.
  void await(log_index first, term t, operation_handle op);

  /// The entries from `first` on were applied with these answers; `t` is the term of all of them.
  /// Completes every operation whose last command is among them.
  void applied(log_index first, term t, std::span<shared_bytes> answers);

  /// Leadership is lost: commands beyond `commit_index` may or may not commit.
  void leadership_lost(log_index commit_index, const error& why);

  /// Nothing more will be applied here.
  void fail_all(const error& why);

  bool empty() const { return waiting_.empty(); }

  /// Calls `visit(detail::operation&)` for each, in log order.
  template <class Visit>
  void for_each(Visit& visit) {
    for (auto& one : waiting_) visit(*one.op);
  }

 private:
  struct slot {
    log_index first;
    mainstay::term term;
    operation_handle op;
    log_index last() const { return log_index(first.value() + op->count() - 1); }
  };

  std::deque<slot> waiting_;  // rising indexes
};

}  // namespace mainstay
