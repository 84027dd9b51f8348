/// Everything that a node has accepted and not yet answered, beside writes that wait for commit:
/// reads on their way, forwarded commands, and what is still in line. Here deadlines are kept.
#pragma once

#include <algorithm>
#include <chrono>
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

/// Ends an operation whose deadline has passed: refused when it is still in line for its turn, for
/// then it was never proposed; else timed out.
void end_late(operation& op, bool in_line);

/// Operations by stage. All calls on the loop. Completions may call back.
class pending_work {
 public:
  /// In line for a turn; oldest first.
  std::deque<operation_handle> backlog;
  /// In line as well, ahead of the backlog: commands that wait for leadership to be handed over.
  std::deque<operation_handle> fenced;
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
  /// When `expire` has to be called; no deadline passes before.
  instant next_look() const {
    return earliest_ == instant::max() ? earliest_ : std::max(earliest_, rest_until_);
  }
  /// Ends whatever is past its deadline: what is still in line was never proposed and is refused,
  /// the rest has timed out. Looks at everything, but only once per deadline that may have passed:
  /// operations that complete in time cost nothing. So that many deadlines one after the other
  /// cannot take the loop, a look is followed by a rest of `rest_per_operation` for each operation
  /// that it met. Gives how many it ended.
  std::size_t expire(instant now);

  /// How late a deadline may be noticed, for each operation under way.
  static constexpr duration rest_per_operation = std::chrono::nanoseconds(500);

  /// Completes everything: what was not yet proposed with `refused`, the rest with `unknown`.
  void fail_all(const error& refused, const error& unknown);

 private:
  /// Visits whatever is no longer in line.
  template <class Visit>
  void for_each_taken(const Visit& visit) {
    writes.for_each(visit);
    for (auto& [context, batch] : asked) std::ranges::for_each(batch, visit);
    for (auto& [index, batch] : granted) std::ranges::for_each(batch, visit);
    for (auto& [ticket, batch] : away) std::ranges::for_each(batch, visit);
  }

  instant earliest_ = instant::max();
  instant rest_until_ = instant::min();
  std::uint64_t last_ticket_ = 0;
};

}  // namespace mainstay::detail
