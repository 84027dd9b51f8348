/// What happened in a run, as JSON lines (docs/formats/trace.md), to be read by eye and by tools.
/// It writes what it is told, and knows no more of the run.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include "mainstay/core/ready.hpp"
#include "mainstay/simulation/fault_effects.hpp"
#include "mainstay/simulation/history.hpp"
#include "mainstay/simulation/simulated_logger.hpp"

namespace mainstay::sim {

/// Times are given from the start of the world on.
class trace_writer {
 public:
  /// Writes to `out`, which must outlive it, from its first line on.
  trace_writer(std::ostream& out, const simulation::schedule& what, instant beginning);

  /// A node's role, term, leader or commit index is another than before.
  void role(instant when, node_id node, const core::leadership& is, log_index commit);
  void message(instant when, const simulation::message_step& step);
  void disk(instant when, node_id node, const simulation::finished_operation& operation);
  /// An operation's beginning at a node, or its end.
  void begins(instant when, std::size_t number, node_id node,
              const simulation::client_operation& operation);
  void ends(instant when, std::size_t number, const simulation::client_operation& operation);
  void fault(instant when, bool begins, const simulation::active_fault& one);
  /// What a node logs.
  void log(instant when, node_id node, std::string_view component, std::string_view event,
           std::span<const log_field> fields);
  /// A node is lost, or failed; a finding.
  void note(instant when, node_id node, std::string_view kind, std::string_view text);

 private:
  std::string line(instant when, node_id node, std::string_view kind) const;
  void write(std::string line);

  std::ostream& out_;
  instant beginning_;
};

}  // namespace mainstay::sim
