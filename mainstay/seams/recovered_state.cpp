#include <utility>

#include "mainstay/core/raft.hpp"
#include "mainstay/seams/persistence_engine.hpp"

namespace mainstay {

core::initial_state initial_state_of(recovered_state found) {
  return {.hard_state = found.hard_state,
          .snapshot = std::move(found.snapshot),
          .base = {found.base_index, found.base_term},
          .last_index = found.last_index,
          .term_runs = std::move(found.term_runs),
          .configurations = std::move(found.configurations),
          .tail = std::move(found.tail)};
}

}  // namespace mainstay
