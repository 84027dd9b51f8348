#include "sim/cluster_operator.hpp"

#include <utility>

namespace mainstay::sim {

cluster_operator::cluster_operator(const simulation::schedule& plan, operated_cluster cluster)
    : snapshots_(plan.snapshots),
      cluster_(std::move(cluster)),
      random_(plan.seed ^ 0x6f70657261746f72ULL) {}

void cluster_operator::start() {
  if (snapshots_.on_command > duration{}) {
    after(snapshots_.on_command, &cluster_operator::save_snapshot);
  }
}

void cluster_operator::after(duration mean, void (cluster_operator::*act)()) {
  const auto most = 2 * static_cast<std::uint64_t>(mean.count()) + 1;
  const auto pause = duration(static_cast<std::int64_t>(random_.below(most)));
  cluster_.at(cluster_.now() + pause, [this, act] {
    if (!stopped_) (this->*act)();
  });
}

/// One after the other, so that a node which cannot answer is not asked for ever more.
void cluster_operator::save_snapshot() {
  ++under_way_;
  cluster_.save_snapshot(draw_node(), [this](const command_outcome&) {
    --under_way_;
    after(snapshots_.on_command, &cluster_operator::save_snapshot);
  });
}

}  // namespace mainstay::sim
