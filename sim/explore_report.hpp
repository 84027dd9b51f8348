/// What mainstay-explore says: progress while it runs, then a table or JSON lines, and the trace of
/// a violation.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "mainstay/simulation/explorer.hpp"

namespace mainstay::sim {

/// How one scope went.
struct scope_report {
  std::string scope;
  simulation::exploration::exploration_counts counts;
  std::chrono::duration<double> took{};
  std::optional<simulation::exploration::finding> found;
};

/// One line of progress.
std::string progress_line(const scope_report& report);

/// The trace, a numbered step a line, with what was sent and how it left the node.
void write_trace(std::ostream& out, const std::vector<simulation::exploration::trace_step>& trace);

/// The violation and its trace. Precondition: there is one.
void write_finding(std::ostream& out, const scope_report& report);

/// A line for each scope and one for all.
void write_table(std::ostream& out, const std::vector<scope_report>& reports);

/// The report as one line of JSON.
void write_json(std::ostream& out, const scope_report& report);

/// The most memory that this process ever held, in bytes.
std::uint64_t peak_memory();

}  // namespace mainstay::sim
