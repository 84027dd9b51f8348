/// Checkers of a single node: its positions stand in order and do not go back, and it keeps within
/// its memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mainstay/simulation/checkers/ghost.hpp"

namespace mainstay::simulation {

/// applied <= commit <= last and durable <= last; term, vote, commit and applied never go back
/// within a life; entries are handed out for applying one after the other. That terms and votes do
/// not go back across lives is for `durability` to say.
class ordering final : public core_observer {
 public:
  explicit ordering(const ghost& record) : ghost_(record) {}

  void started(const core::raft& core) override;
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check(node_id id) const;

  const ghost& ghost_;
  std::map<node_id, log_index> handed_out_;
};

/// Every queue keeps to its limit: those of the core by its settings, and any other by a gauge.
class memory_bounds final : public core_observer {
 public:
  /// `settings`: those of all cores.
  memory_bounds(const ghost& record, const core::config& settings)
      : ghost_(record), settings_(settings) {}

  /// Reads `bytes` after every event from now on; more than `limit` breaks the property.
  void add_gauge(std::string name, std::uint64_t limit, std::function<std::uint64_t()> bytes);
  /// Forgets the gauges of this name, because what they measured goes away.
  void remove_gauges(const std::string& name);

  void started(const core::raft& core) override;
  void before(const core::raft& core, const core_input& input) override;
  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  struct gauge {
    std::string name;
    std::uint64_t limit = 0;
    std::function<std::uint64_t()> bytes;
  };
  /// What a node has been given and has not got rid of.
  struct load {
    std::deque<std::pair<log_index, std::uint64_t>> applying;  // last index of a batch, its bytes
    std::uint64_t applying_bytes = 0;
    std::uint64_t reads = 0;
  };

  void check_gauges() const;
  void check_core(const core::raft& core) const;
  void check_window(const core::raft& core) const;
  void check_appends(const core::raft& core, const core::ready& ready) const;
  void check_applying(const core::raft& core, const core::ready& ready);
  void require_at_most(node_id id, std::uint64_t limit, std::uint64_t found,
                       const char* what) const;

  const ghost& ghost_;
  core::config settings_;
  std::vector<gauge> gauges_;
  std::map<node_id, load> loads_;
};

}  // namespace mainstay::simulation
