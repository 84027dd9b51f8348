/// mainstay-sim: runs whole clusters under faults, from seeds. This file reads the command line and
/// writes what people see; what is run stands in the files beside it.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "sim/minimizer.hpp"
#include "sim/schedule_file.hpp"
#include "sim/seed_workers.hpp"

namespace mainstay::sim {
namespace {

using wall_clock = std::chrono::steady_clock;
using simulation::fault_kind;

struct command_line {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t minutes = 0;
  std::uint64_t nodes = 0;
  std::uint64_t seconds = 60;
  std::uint32_t churn = 0;
  std::uint64_t jobs = 2;
  std::uint64_t minimize_runs = 150;
  std::vector<std::string> faults;
  std::string schedule;
  std::string output = "build/sim";
  bool trace = false;
};

void declare(CLI::App& app, command_line& line) {
  app.add_option("--seed", line.seed, "the first seed")->capture_default_str();
  auto* seeds = app.add_option("--seeds", line.seeds, "how many seeds")
                    ->check(CLI::Range(1UL, 1'000'000'000UL))
                    ->capture_default_str();
  app.add_option("--minutes", line.minutes, "seeds for so long instead of so many")
      ->check(CLI::Range(1UL, 100'000UL))
      ->excludes(seeds);
  app.add_option("--nodes", line.nodes, "nodes of every cluster; else each seed draws 1 to 7")
      ->check(CLI::Range(1UL, 7UL));
  app.add_option("--seconds", line.seconds, "simulated time with faults")
      ->check(CLI::Range(1UL, 86'400UL))
      ->capture_default_str();
  app.add_option("--faults", line.faults,
                 "only these: kinds, or the groups network, process, clock, disk")
      ->delimiter(',')
      ->type_name("KIND,...");
  app.add_option("--churn", line.churn, "of a hundred seeds, how many have members come and go")
      ->check(CLI::Range(0U, 100U))
      ->capture_default_str();
  app.add_option("--jobs", line.jobs, "runs at a time")
      ->check(CLI::Range(1UL, 1024UL))
      ->capture_default_str();
  app.add_option("--schedule", line.schedule, "run this schedule instead of drawing one")
      ->check(CLI::ExistingFile);
  app.add_option("--output", line.output, "where schedules, traces and histories are written")
      ->capture_default_str();
  app.add_option("--minimize-runs", line.minimize_runs,
                 "how many runs a failing schedule may take to become small; 0: it stays")
      ->capture_default_str();
  app.add_flag("--trace", line.trace, "write trace and history also of a run without a finding");
}

/// The kinds that names of kinds and groups stand for. Throws `CLI::ValidationError`.
std::vector<fault_kind> kinds_of(const std::vector<std::string>& names) {
  std::vector<fault_kind> kinds;
  for (const auto& name : names) {
    const auto before = kinds.size();
    for (std::size_t i = 0; i < simulation::fault_kinds; ++i) {
      const auto kind = static_cast<fault_kind>(i);
      if (name == name_of(kind) || name == group_of(kind)) kinds.push_back(kind);
    }
    if (kinds.size() > before) continue;
    std::string known;
    for (std::size_t i = 0; i < simulation::fault_kinds; ++i) {
      known += (known.empty() ? "" : ", ") + std::string(name_of(static_cast<fault_kind>(i)));
    }
    std::string why = name;
    why += " is no kind of fault; there are network, process, clock, disk, ";
    why += known;
    throw CLI::ValidationError("--faults", why);
  }
  return kinds;
}

std::string in_seconds(duration span) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << std::chrono::duration<double>(span).count() << " s";
  return text.str();
}

std::string progress_line(const run_totals& totals, double seconds) {
  std::ostringstream text;
  text << totals.seeds << " seeds, "
       << std::chrono::duration_cast<std::chrono::minutes>(totals.simulated).count()
       << " simulated minutes, " << std::fixed << std::setprecision(0)
       << static_cast<double>(totals.events) / std::max(seconds, 0.001) << " events/s";
  return text.str();
}

void print_totals(const run_totals& totals, double seconds, std::uint64_t jobs) {
  std::uint64_t faults = 0;
  for (const auto count : totals.faults) faults += count;
  std::cout << progress_line(totals, seconds) << " (" << std::fixed << std::setprecision(1)
            << seconds << " s, " << jobs << " at a time)\n"
            << "  " << totals.events << " events, " << totals.elections << " elections, "
            << totals.lost_nodes << " nodes lost, " << totals.node_failures
            << " stops and failed starts\n"
            << "  snapshots: " << totals.snapshots.saved << " saved, " << totals.snapshots.chunks
            << " chunks received, " << totals.snapshots.installed << " installed\n"
            << "  on command: " << totals.operated.changes << " changes of members, "
            << totals.operated.rejoined << " nodes with a new disk, " << totals.operated.transfers
            << " transfers of leadership\n"
            << "  operations: " << totals.operations.done << " done, " << totals.operations.refused
            << " refused, " << totals.operations.unknown << " unknown, "
            << totals.operations.retried << " tries again within sessions\n"
            << "  " << totals.run_twice << " run twice, " << totals.undecided.size()
            << " histories undecided, " << totals.largest_memory_kib / 1024
            << " MiB in the largest worker\n  " << faults << " faults:";
  for (std::size_t i = 0; i < simulation::fault_kinds; ++i) {
    if (totals.faults[i] == 0) continue;
    std::cout << ' ' << name_of(static_cast<fault_kind>(i)) << ' ' << totals.faults[i];
  }
  std::cout << '\n';
  for (const auto seed : totals.undecided) {
    std::cout << "  seed " << seed << ": it is not known whether its history is linearizable\n";
  }
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

std::string summary_of(const simulation::schedule& s) {
  return std::to_string(s.nodes) + " nodes, " + std::to_string(s.faults.size()) + " faults, " +
         std::to_string(s.work.clients) + " clients, " + in_seconds(s.length);
}

/// Makes the schedule small, writes everything down, and says how to run it again.
void explain(const simulation::schedule& failing, const finding& what, const std::string& name,
             const command_line& line) {
  std::cout << "making the schedule small: " << summary_of(failing) << '\n' << std::flush;
  const auto small = minimize(
      failing,
      [&what](const simulation::schedule& candidate) {
        const auto found = run_alone(candidate);
        return found && found->kind == what.kind;
      },
      line.minimize_runs);
  std::filesystem::create_directories(line.output);
  const auto base = line.output + "/" + name;
  write_file(base + ".schedule", write_schedule(small));
  const auto again = run_alone(small, base + ".trace", base + ".history");
  std::cout << "it is " << summary_of(small) << '\n';
  if (again) std::cout << "  " << again->kind << ": " << again->text << '\n';
  std::cout << "written: " << base << ".schedule, .trace, .history\n"
            << "replay:  ./dev sim --schedule " << base << ".schedule --minimize-runs 0\n";
}

int report_finding(const simulation::schedule& failing, const finding& what,
                   const std::string& replay, const std::string& name, const command_line& line) {
  std::cout << "FOUND after " << in_seconds(what.at) << ": " << what.kind << ": " << what.text
            << "\nreplay:  ./dev sim " << replay << '\n'
            << std::flush;
  explain(failing, what, name, line);
  return 1;
}

int run_one(const simulation::schedule& schedule, const std::string& replay,
            const std::string& name, const command_line& line) {
  std::string trace;
  std::string history;
  if (line.trace) {
    std::filesystem::create_directories(line.output);
    trace = line.output + "/" + name + ".trace";
    history = line.output + "/" + name + ".history";
  }
  const auto found = run_alone(schedule, trace, history);
  if (found) return report_finding(schedule, *found, replay, name, line);
  std::cout << "nothing found: " << summary_of(schedule) << '\n';
  if (line.trace) std::cout << "written: " << trace << ", " << history << '\n';
  return 0;
}

std::string replay_of(std::uint64_t seed, const command_line& line) {
  std::string text = "--seed " + std::to_string(seed);
  if (line.nodes != 0) text += " --nodes " + std::to_string(line.nodes);
  if (line.churn != 0) text += " --churn " + std::to_string(line.churn);
  if (line.seconds != 60) text += " --seconds " + std::to_string(line.seconds);
  for (std::size_t i = 0; i < line.faults.size(); ++i) {
    text += (i == 0 ? " --faults " : ",") + line.faults[i];
  }
  return text;
}

int run_file(const command_line& line) {
  std::ifstream file(line.schedule);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto schedule = read_schedule(text);
  if (!schedule) {
    std::cerr << line.schedule << ": " << schedule.error().message << '\n';
    return 2;
  }
  return run_one(*schedule, "--schedule " + line.schedule, "again", line);
}

int run_many(const seed_plan& plan, const command_line& line) {
  const auto started = wall_clock::now();
  const auto seconds = [started] {
    return std::chrono::duration<double>(wall_clock::now() - started).count();
  };
  run_totals totals;
  double said = 0;
  const auto failed = run_seeds(plan, totals, [&](const run_totals& now) {
    if (seconds() - said < 10) return;
    said = seconds();
    std::cout << progress_line(now, said) << '\n' << std::flush;
  });
  print_totals(totals, seconds(), plan.jobs);
  if (!failed) return 0;
  return report_finding(simulation::draw_schedule(failed->seed, plan.limits), failed->what,
                        replay_of(failed->seed, line), "seed-" + std::to_string(failed->seed),
                        line);
}

int run(const command_line& line) {
  if (!line.schedule.empty()) return run_file(line);
  seed_plan plan;
  plan.first = line.seed;
  plan.count = line.seeds;
  plan.jobs = std::min(line.jobs, line.minutes == 0 ? line.seeds : line.jobs);
  if (line.minutes != 0) plan.most_time = std::chrono::minutes(line.minutes);
  plan.limits.length = std::chrono::seconds(line.seconds);
  if (line.nodes != 0) plan.limits.nodes = line.nodes;
  plan.limits.churn = line.churn;
  plan.limits.kinds = kinds_of(line.faults);
  if (line.trace) {
    return run_one(simulation::draw_schedule(line.seed, plan.limits), replay_of(line.seed, line),
                   "seed-" + std::to_string(line.seed), line);
  }
  return run_many(plan, line);
}

}  // namespace
}  // namespace mainstay::sim

int main(int count, char** arguments) {
  CLI::App app("Runs whole clusters under faults, from seeds, and checks everything.");
  mainstay::sim::command_line line;
  mainstay::sim::declare(app, line);
  try {
    app.parse(count, arguments);
    return mainstay::sim::run(line);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}
