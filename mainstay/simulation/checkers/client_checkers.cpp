#include "mainstay/simulation/checkers/client_checkers.hpp"

#include "mainstay/simulation/checkers/violation.hpp"

namespace mainstay::simulation {

void read_freshness::started(const core::raft& core) { floors_[core.id()].clear(); }

void read_freshness::before(const core::raft& core, const core_input& input) {
  const auto* asked = std::get_if<read_asked>(&input);
  if (asked == nullptr) return;
  floors_[core.id()].insert_or_assign(asked->context, ghost_.last_committed());
}

void read_freshness::took_ready(const core::raft& core, const core::ready& ready) {
  for (const auto& failure : ready.failed_reads) take(core, failure.context);
  for (const auto& grant : ready.granted_reads) {
    const log_index floor = take(core, grant.context);
    if (grant.index >= floor) continue;
    throw violation(property::read_freshness, core.id(),
                    sentence("node ", core.id(), " grants a read from index ", grant.index,
                             " on, but ", floor, " was committed before it began"));
  }
}

log_index read_freshness::take(const core::raft& core, std::uint64_t context) {
  auto& open = floors_[core.id()];
  const auto found = open.find(context);
  if (found == open.end()) {
    throw violation(property::read_freshness, core.id(),
                    sentence("node ", core.id(), " answers read ", context,
                             ", which nobody asked for or which was answered before"));
  }
  const log_index floor = found->second;
  open.erase(found);
  return floor;
}

void exactly_once::after(const core::raft&, const core_input&) { check(); }
void exactly_once::took_ready(const core::raft&, const core::ready&) { check(); }

void exactly_once::check() const {
  const ghost_change& change = ghost_.change();
  if (!change.repeated_at) return;
  throw violation(property::exactly_once, change.node,
                  sentence("the command at index ", change.repeats, " is committed again at index ",
                           change.repeated_at));
}

}  // namespace mainstay::simulation
