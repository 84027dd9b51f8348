#include "mainstay/node/health.hpp"

#include <utility>

#include "mainstay/base/assert.hpp"

namespace mainstay::detail {

void health_record::set(node_health ailment, std::string problem) {
  MAINSTAY_ASSERT(ailment != node_health::sound);
  problems_[position(ailment)] = std::move(problem);
}

void health_record::clear(node_health ailment) { problems_[position(ailment)].reset(); }

node_health health_record::worst() const {
  for (std::size_t i = problems_.size() - 1; i > 0; --i) {
    if (problems_[i]) return static_cast<node_health>(i);
  }
  return node_health::sound;
}

}  // namespace mainstay::detail
