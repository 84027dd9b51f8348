/// Answers to TimeoutNow (thesis §3.10). This replica does not take part in leadership transfer
/// yet: it declines, and the leader stays.
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

void raft::on(const envelope& e, const timeout_now& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
  send(e.from, e.call, timeout_now_response{.term = current_term()});
}

void raft::on(const envelope&, const timeout_now_response& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
}

}  // namespace mainstay::core
