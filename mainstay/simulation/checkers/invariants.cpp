#include "mainstay/simulation/checkers/invariants.hpp"

namespace mainstay::simulation {

// The record goes first, because all others read it; then what the others take for granted.
invariants::invariants(const checked_world& world)
    : commits_(ghost_, world.has_forged_leaders), memory_(ghost_, world.settings) {
  for (core_observer* checker : std::initializer_list<core_observer*>{
           &ghost_, &orders_, &logs_, &appends_, &elections_, &votes_, &leaders_, &commits_,
           &disks_, &promises_, &machines_, &reads_, &memory_}) {
    all_.add(*checker);
  }
  if (!world.has_forged_leaders) all_.add(configurations_);
  if (world.has_unique_commands) all_.add(commands_);
}

void invariants::wiped(node_id id) {
  ghost_.wiped(id);
  votes_.wiped(id);
}

}  // namespace mainstay::simulation
