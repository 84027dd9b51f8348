#include "sim/minimizer.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace mainstay::sim {

namespace {

using simulation::schedule;

class search {
 public:
  search(schedule failing, const shows_finding& shows, std::uint64_t most_runs)
      : best_(std::move(failing)), shows_(shows), left_(most_runs) {}

  schedule run() {
    bool improved = true;
    while (improved && left_ > 0) {
      improved = shorten();
      improved = drop_faults() || improved;
      improved = shrink_cluster() || improved;
      improved = shrink_workload() || improved;
    }
    return std::move(best_);
  }

 private:
  bool try_it(schedule candidate) {
    if (left_ == 0) return false;
    --left_;
    if (!shows_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  bool shorten() {
    bool improved = false;
    for (const auto percent : {25, 50, 75, 90}) {
      if (best_.length < std::chrono::milliseconds(100)) break;
      auto candidate = best_;
      candidate.length = best_.length * percent / 100;
      std::erase_if(candidate.faults, [&](const auto& f) { return f.start >= candidate.length; });
      improved = try_it(std::move(candidate)) || improved;
    }
    return improved;
  }

  /// Tries to do without parts of the list, and halves the parts when none can be spared.
  bool drop_faults() {
    bool improved = false;
    std::size_t parts = 2;
    while (!best_.faults.empty() && left_ > 0) {
      parts = std::min(parts, best_.faults.size());
      bool dropped = false;
      for (std::size_t i = 0; i < parts && !dropped && left_ > 0; ++i) {
        dropped = try_it(without_part(i, parts));
      }
      improved = improved || dropped;
      if (dropped) {
        parts = std::max<std::size_t>(parts - 1, 2);
      } else if (parts >= best_.faults.size()) {
        break;
      } else {
        parts *= 2;
      }
    }
    return improved;
  }

  schedule without_part(std::size_t part, std::size_t parts) const {
    auto candidate = best_;
    const auto size = best_.faults.size();
    const auto first = static_cast<std::ptrdiff_t>(size * part / parts);
    const auto behind = static_cast<std::ptrdiff_t>(size * (part + 1) / parts);
    candidate.faults.erase(candidate.faults.begin() + first, candidate.faults.begin() + behind);
    return candidate;
  }

  bool shrink_cluster() {
    bool improved = false;
    for (std::uint64_t nodes = 1; nodes < best_.nodes && !improved; ++nodes) {
      auto candidate = best_;
      candidate.nodes = nodes;
      candidate.churn.voters = std::min(candidate.churn.voters, nodes);
      improved = try_it(std::move(candidate));
    }
    return improved;
  }

  bool shrink_workload() {
    bool improved = false;
    while (best_.work.clients > 1) {
      auto candidate = best_;
      candidate.work.clients = best_.work.clients / 2;
      if (!try_it(std::move(candidate))) break;
      improved = true;
    }
    while (best_.work.keys > 1) {
      auto candidate = best_;
      candidate.work.keys = best_.work.keys / 2;
      if (!try_it(std::move(candidate))) break;
      improved = true;
    }
    std::uint64_t operations = best_.work.most_operations.value_or(1 << 14);
    while (operations > 0) {
      operations /= 2;
      auto candidate = best_;
      candidate.work.most_operations = operations;
      if (!try_it(std::move(candidate))) break;
      improved = true;
    }
    return improved;
  }

  schedule best_;
  const shows_finding& shows_;
  std::uint64_t left_;
};

}  // namespace

simulation::schedule minimize(simulation::schedule failing, const shows_finding& shows,
                              std::uint64_t most_runs) {
  return search(std::move(failing), shows, most_runs).run();
}

}  // namespace mainstay::sim
