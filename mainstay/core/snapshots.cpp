/// Answers to InstallSnapshot (paper §7). This replica neither sends nor takes snapshots yet: it
/// says so, and the sender keeps what it has.
#include "mainstay/core/raft.hpp"

namespace mainstay::core {

void raft::on(const envelope& e, const install_snapshot& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
  send(e.from, e.call, install_snapshot_response{.term = current_term()});
}

void raft::on(const envelope&, const install_snapshot_response& m) {
  if (m.term > current_term()) become_follower(m.term, node_id{});
}

}  // namespace mainstay::core
