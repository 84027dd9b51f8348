/// One observer that stands for several: each is told everything, in the order of the list.
#pragma once

#include <vector>

#include "mainstay/simulation/core_observer.hpp"

namespace mainstay::simulation {

/// Fans out to its members. A member that throws ends the round: those behind it are not told.
class observer_list final : public core_observer {
 public:
  /// Tells `observer` too, from now on. It must outlive the list. Add before the first core starts.
  void add(core_observer& observer) { members_.push_back(&observer); }

  void started(const core::raft& core) override {
    for (auto* member : members_) member->started(core);
  }
  void before(const core::raft& core, const core_input& input) override {
    for (auto* member : members_) member->before(core, input);
  }
  void after(const core::raft& core, const core_input& input) override {
    for (auto* member : members_) member->after(core, input);
  }
  void took_ready(const core::raft& core, const core::ready& ready) override {
    for (auto* member : members_) member->took_ready(core, ready);
  }

 private:
  std::vector<core_observer*> members_;
};

}  // namespace mainstay::simulation
