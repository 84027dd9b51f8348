/// Holds submitted commands from proposal to application (R15): a command completes when it is
/// committed and applied, or fails with what is known about it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "mainstay/base/error.hpp"
#include "mainstay/base/ids.hpp"
#include "mainstay/node/operation.hpp"

namespace mainstay {

/// Writes in log order. All calls on the loop. Whatever is completed has left before, so that a
/// completion may call back.
class commit_waiter {
 public:
  using operation_handle = std::shared_ptr<detail::operation>;

  /// The operation's commands stand at `first` and the indexes after it, appended in `t`.
  /// Precondition: beyond everything awaited so far.
  void await(log_index first, term t, operation_handle op);

  /// The entries from `first` on were applied with these answers; `t` is the term of all of them.
  /// Completes every operation whose last command is among them, and those of other terms: what
  /// they have no answer for was overwritten.
  /// Those in `refusals` have an error instead of their answer; by rising index.
  void applied(log_index first, term t, std::span<shared_bytes> answers,
               std::span<const detail::refused_entry> refusals = {});

  /// Leadership is lost: commands beyond `commit_index` may or may not commit. Operations that
  /// reach beyond it end with `why`, apart from the answers that they have already.
  void leadership_lost(log_index commit_index, const error& why);

  /// Nothing more will be applied here.
  void fail_all(const error& why);

  bool empty() const { return waiting_.empty(); }

  /// Calls `visit(const operation_handle&)` for each, in log order.
  template <class Visit>
  void for_each(const Visit& visit) {
    for (const auto& one : waiting_) visit(one.op);
  }

 private:
  struct slot {
    log_index first;
    mainstay::term term;
    operation_handle op;
    log_index last() const { return log_index(first.value() + op->count() - 1); }
  };

  static bool gather(slot& one, log_index first, std::span<shared_bytes> answers,
                     std::span<const detail::refused_entry> refusals);

  std::deque<slot> waiting_;  // rising indexes
};

}  // namespace mainstay
