/// A project of its own that drives one replica of the installed core until it leads. Its exit
/// status says whether that worked.
#include "mainstay/core/raft.hpp"

namespace core = mainstay::core;

int main() {
  const auto config = core::valid_config::check({});
  if (!config) return 1;

  core::initial_state state;
  state.id = mainstay::node_id(1);
  state.bootstrap.voters = {{mainstay::node_id(1), "127.0.0.1:7101"}};
  auto raft = core::raft::start(*config, state, mainstay::instant{});
  if (!raft) return 2;

  raft->advance(raft->next_deadline());
  raft->persisted(raft->take_ready().persist.sequence);
  return raft->role() == core::role::leader ? 0 : 3;
}
