/// Checkers of what clients may rely on, as far as cores show it. Whole histories of clients are
/// judged elsewhere (linearizability.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "mainstay/simulation/checkers/ghost.hpp"

namespace mainstay::simulation {

/// Linearizable reads (thesis §6.4): whoever asks gets one answer, and a read is granted from an
/// index on that holds everything which was committed anywhere when it was asked for.
class read_freshness final : public core_observer {
 public:
  explicit read_freshness(const ghost& record) : ghost_(record) {}

  void started(const core::raft& core) override;
  void before(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  log_index take(const core::raft& core, std::uint64_t context);

  const ghost& ghost_;
  /// By node and context: what was committed when the read began.
  std::map<node_id, std::unordered_map<std::uint64_t, log_index>> floors_;
};

/// Exactly once: of commands that are all different, none is committed twice. Only for workloads
/// that give each command a payload of its own, and tell a retry from a new command.
class exactly_once final : public core_observer {
 public:
  explicit exactly_once(const ghost& record) : ghost_(record) {}

  void after(const core::raft& core, const core_input& input) override;
  void took_ready(const core::raft& core, const core::ready& ready) override;

 private:
  void check() const;

  const ghost& ghost_;
};

}  // namespace mainstay::simulation
