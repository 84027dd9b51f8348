#include "sim/explore_report.hpp"

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace mainstay::sim {

using simulation::exploration::trace_step;

namespace {

std::string in_millions(std::uint64_t count) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << static_cast<double>(count) / 1e6 << " M";
  return text.str();
}

double rate(const scope_report& r) {
  return static_cast<double>(r.counts.states) / std::max(r.took.count(), 1e-3);
}

std::string in_seconds(std::chrono::duration<double> took) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << took.count() << " s";
  return text.str();
}

const char* outcome(const scope_report& r) {
  if (r.found) return "VIOLATION";
  return r.counts.complete ? "complete" : "cut short";
}

using row = std::array<std::string, 9>;

void write_row(std::ostream& out, const row& cells) {
  static constexpr std::array<int, 9> widths{16, 11, 12, 7, 10, 10, 9, 12, 11};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out << (i == 0 ? std::left : std::right) << std::setw(widths[i]) << cells[i];
  }
  out << "\n";
}

}  // namespace

std::string progress_line(const scope_report& r) {
  return r.scope + ": " + in_millions(r.counts.states) + " states, " +
         in_millions(r.counts.frontier) + " in the frontier, depth " +
         std::to_string(r.counts.depth) + ", " + in_millions(static_cast<std::uint64_t>(rate(r))) +
         " states/s";
}

void write_trace(std::ostream& out, const std::vector<trace_step>& trace) {
  std::size_t number = 0;
  for (const auto& step : trace) {
    out << std::right << std::setw(3) << ++number << "  " << step.what << "\n";
    for (const auto& sent : step.sent) out << "       says  " << sent << "\n";
    if (!step.replica.empty()) out << "       then  " << step.replica << "\n";
  }
}

void write_finding(std::ostream& out, const scope_report& r) {
  out << "\nviolation in scope " << r.scope << ": " << name_of(r.found->wrong.broken) << ": "
      << r.found->wrong.what << "\nThe shortest way there, " << r.found->trace.size()
      << " steps:\n";
  write_trace(out, r.found->trace);
}

void write_table(std::ostream& out, const std::vector<scope_report>& reports) {
  write_row(out, {"scope", "states", "transitions", "depth", "replicas", "inputs", "time",
                  "states/s", "outcome"});
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  for (const auto& r : reports) {
    states += r.counts.states;
    transitions += r.counts.transitions;
    write_row(out, {r.scope, in_millions(r.counts.states), in_millions(r.counts.transitions),
                    std::to_string(r.counts.depth), std::to_string(r.counts.replicas),
                    std::to_string(r.counts.inputs), in_seconds(r.took),
                    in_millions(static_cast<std::uint64_t>(rate(r))), outcome(r)});
  }
  out << "all: " << states << " distinct states, " << transitions << " transitions, "
      << peak_memory() / (1 << 20) << " MiB at most\n";
}

void write_json(std::ostream& out, const scope_report& r) {
  nlohmann::json line = {{"scope", r.scope},
                         {"complete", r.counts.complete},
                         {"states", r.counts.states},
                         {"transitions", r.counts.transitions},
                         {"beyond_bounds", r.counts.beyond_bounds},
                         {"depth", r.counts.depth},
                         {"frontier", r.counts.frontier},
                         {"replicas", r.counts.replicas},
                         {"messages", r.counts.messages},
                         {"inputs", r.counts.inputs},
                         {"seconds", r.took.count()},
                         {"states_per_second", rate(r)},
                         {"peak_memory_bytes", peak_memory()}};
  if (r.found) {
    auto trace = nlohmann::json::array();
    for (const auto& step : r.found->trace) {
      trace.push_back({{"what", step.what}, {"says", step.sent}, {"then", step.replica}});
    }
    line["violation"] = {{"property", name_of(r.found->wrong.broken)},
                         {"what", r.found->wrong.what},
                         {"trace", std::move(trace)}};
  }
  out << line.dump() << "\n";
}

std::uint64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace mainstay::sim
