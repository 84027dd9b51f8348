/// mainstay-explore: explores scopes of the real core, several at a time, and reports. Exit status:
/// 0 nothing broken, 1 a violation was found, 2 wrong usage.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <mutex>
#include <thread>

#include <CLI/CLI.hpp>

#include "sim/explore_report.hpp"

namespace mainstay::sim {
namespace {

using simulation::exploration::exploration_counts;
using simulation::exploration::explorer;
using simulation::exploration::scope;
using std::chrono::steady_clock;

struct options {
  std::vector<std::string> scopes;
  std::uint64_t states = std::numeric_limits<std::uint32_t>::max();
  double minutes = 0;
  unsigned threads = 2;
  bool json = false;
  bool quiet = false;
  bool list = false;
};

/// The explorer that this thread runs, for the day its core breaks down.
thread_local explorer* running = nullptr;

/// A broken assertion of the core has been printed already; this adds the way to it. It comes on
/// the thread that called abort, outside of any of the explorer's own work on its tables.
void on_abort(int) {
  if (running != nullptr) {
    std::cout << "\nthe core broke down in scope " << running->of().name
              << ". The shortest way there:\n";
    write_trace(std::cout, running->trace_of_current());
    std::cout << std::flush;
  }
  std::_Exit(1);
}

/// Runs scopes one after the other on several threads.
class exploration_run {
 public:
  exploration_run(std::vector<scope> scopes, const options& wanted)
      : scopes_(std::move(scopes)), wanted_(wanted), reports_(scopes_.size()) {}

  std::vector<scope_report> run() {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < wanted_.threads; ++i) {
      threads.emplace_back([this] { work(); });
    }
    work();
    threads.clear();
    std::erase_if(reports_, [](const scope_report& r) { return r.scope.empty(); });
    return std::move(reports_);
  }

 private:
  void work() {
    while (!stops_) {
      const std::size_t place = next_++;
      if (place >= scopes_.size()) return;
      explore(place);
    }
  }

  void explore(std::size_t place) {
    const auto started = steady_clock::now();
    auto last_said = started;
    scope_report report{.scope = scopes_[place].name};
    explorer one(scopes_[place]);
    running = &one;
    one.run(wanted_.states, [&](const exploration_counts& counts) {
      const auto now = steady_clock::now();
      report.counts = counts;
      report.took = now - started;
      if (!wanted_.quiet && now - last_said >= std::chrono::seconds(5)) {
        last_said = now;
        say(progress_line(report));
      }
      const bool late =
          wanted_.minutes > 0 &&
          now - begin_ > std::chrono::duration<double, std::ratio<60>>(wanted_.minutes);
      return !stops_ && !late;
    });
    running = nullptr;
    report.counts = one.counts();
    report.took = steady_clock::now() - started;
    report.found = one.found();
    if (report.found) stops_ = true;
    if (!wanted_.quiet) say(progress_line(report) + (report.found ? ", broken" : ", ended"));
    reports_[place] = std::move(report);
  }

  void say(const std::string& line) {
    const std::lock_guard held(output_);
    std::cerr << line << '\n' << std::flush;
  }

  std::vector<scope> scopes_;
  const options& wanted_;
  std::vector<scope_report> reports_;
  steady_clock::time_point begin_ = steady_clock::now();
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stops_ = false;
  std::mutex output_;
};

/// The scopes to run: those named, or all that are no deep ones. Throws CLI::ValidationError.
std::vector<scope> chosen(const options& wanted) {
  std::vector<scope> all = simulation::exploration::named_scopes();
  if (wanted.scopes.empty()) {
    std::erase_if(all, [](const scope& s) { return s.is_deep; });
    return all;
  }
  std::vector<scope> found;
  for (const auto& name : wanted.scopes) {
    const auto place = std::ranges::find(all, name, &scope::name);
    if (place == all.end()) throw CLI::ValidationError("--scope", "there is no scope " + name);
    found.push_back(*place);
  }
  return found;
}

void list(std::ostream& out) {
  for (const auto& s : simulation::exploration::named_scopes()) {
    out << s.name << (s.is_deep ? " (deep)" : "") << "\n  " << s.purpose << "\n  " << bounds_of(s)
        << "\n";
  }
}

int report(const std::vector<scope_report>& reports, const options& wanted) {
  int status = 0;
  for (const auto& r : reports) {
    if (wanted.json) write_json(std::cout, r);
    if (!r.found) continue;
    status = 1;
    if (!wanted.json) write_finding(std::cout, r);
  }
  if (!wanted.json) {
    std::cout << "\n";
    write_table(std::cout, reports);
  }
  return status;
}

int run(int argument_count, char** arguments) {
  options wanted;
  CLI::App app("Explores every history of small clusters of the real core.", "mainstay-explore");
  app.add_option("--scope", wanted.scopes, "explore this scope; may be repeated")
      ->type_name("NAME");
  app.add_option("--states", wanted.states, "stop a scope at this many distinct states")
      ->check(CLI::Range(std::uint64_t{1}, wanted.states));
  app.add_option("--minutes", wanted.minutes, "stop after this many minutes")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", wanted.threads, "scopes explored at once")->check(CLI::Range(1, 256));
  app.add_flag("--json", wanted.json, "print JSON, one object a scope and line");
  app.add_flag("--quiet", wanted.quiet, "no progress on standard error");
  app.add_flag("--list", wanted.list, "say what scopes there are");
  std::vector<scope> scopes;
  try {
    app.parse(argument_count, arguments);
    scopes = chosen(wanted);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (wanted.list) {
    list(std::cout);
    return 0;
  }
  std::signal(SIGABRT, on_abort);
  return report(exploration_run(std::move(scopes), wanted).run(), wanted);
}

}  // namespace
}  // namespace mainstay::sim

int main(int argument_count, char** arguments) {
  return mainstay::sim::run(argument_count, arguments);
}
