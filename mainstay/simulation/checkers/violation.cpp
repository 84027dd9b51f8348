#include "mainstay/simulation/checkers/violation.hpp"

#include <array>
#include <utility>

namespace mainstay::simulation {

namespace {

constexpr std::array<std::string_view, 16> names{"election safety",
                                                 "leader append-only",
                                                 "log matching",
                                                 "leader completeness",
                                                 "state-machine safety",
                                                 "single vote",
                                                 "commit validity",
                                                 "ordering",
                                                 "durability",
                                                 "persistence before response",
                                                 "exactly once",
                                                 "configuration",
                                                 "memory",
                                                 "read freshness",
                                                 "linearizability",
                                                 "liveness"};
static_assert(names.size() == std::to_underlying(property::liveness) + 1U);

}  // namespace

std::string_view name_of(property p) { return names[std::to_underlying(p)]; }

violation::violation(property broken, node_id node, const std::string& sentence)
    : std::runtime_error(std::string(name_of(broken)) + ": " + sentence),
      broken_(broken),
      node_(node) {}

}  // namespace mainstay::simulation
