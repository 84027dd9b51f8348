/// Everything that a node has accepted and not yet answered, beside writes that wait for commit:
/// reads on their way, forwarded commands, and what is still in line. Here deadlines are kept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "mainstay/node/commit_waiter.hpp"
#include "mainstay/node/operation.hpp"

namespace mainstay::detail {

using operation_handle = std::shared_ptr<operation>;
using operations = std::vector<operation_handle>;

/// Operations by stage. All calls on the loop.
class pending_work {
 public:
  /// In line for a turn; oldest first.
  std::deque<operation_handle> backlog;
  commit_waiter writes;
  /// Reads that the core was asked about, by context.
  std::map<std::uint64_t, operations> asked;
  /// Granted reads that wait for the state machine to reach their index.
  std::multimap<log_index, operations> granted;
  /// Batches with the apply activity or with the leader, by ticket.
  std::map<std::uint64_t, operations> away;

  /// Remembers a batch that is away; gives its ticket.
  std::uint64_t send_away(operations batch) {
    away.emplace(++last_ticket_, std::move(batch));
    return last_ticket_;
  }
  /// Takes back the batch with this ticket; empty when it was failed meanwhile.
  operations bring_back(std::uint64_t ticket) {
    auto node = away.extract(ticket);
    return node.empty() ? operations{} : std::move(node.mapped());
  }

  /// Notes a new operation's deadline.
  void watch(instant deadline) { earliest_ = std::min(earliest_, deadline); }
  /// No deadline passes before this.
  instant earliest_deadline() const { return earliest_; }
  /// Times out whatever is past its deadline. Looks at everything, but only once per deadline that
  /// may have passed: operations that complete in time cost nothing.
  void expire(instant now);

  /// Completes everything: what was not yet proposed with `refused`, the rest with `unknown`.
  void fail_all(const error& refused, const error& unknown);

 private:
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& op : backlog) visit(*op);
    writes.for_each(visit);
    for (auto& [context, batch] : asked)
      std::ranges::for_each(batch, [&](auto& op) { visit(*op); });
    for (auto& [index, batch] : granted) {
      std::ranges::for_each(batch, [&](auto& op) { visit(*op); });
    }
    for (auto& [ticket, batch] : away) std::ranges::for_each(batch, [&](auto& op) { visit(*op); });
  }

  instant earliest_ = instant::max();
  std::uint64_t last_ticket_ = 0;
};

}  // namespace mainstay::detail
