#include "sim/seed_workers.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mainstay::sim {

namespace {

using wall_clock = std::chrono::steady_clock;

/// A run of one seed may not take longer.
constexpr unsigned most_seconds = 300;

// ---- What a worker says: a line a message ------------------------------------------------------

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', '\v');
  return text;
}
std::string many_lines(std::string text) {
  std::ranges::replace(text, '\v', '\n');
  return text;
}

std::string encode(const finding& what) {
  return std::to_string(what.at.count()) + " " + what.kind + "\t" + one_line(what.text) + "\n";
}

finding decode_finding(std::istringstream& line) {
  finding what;
  duration::rep at = 0;
  line >> at;
  line.get();
  std::getline(line, what.kind, '\t');
  std::getline(line, what.text);
  what.text = many_lines(what.text);
  what.at = duration(at);
  return what;
}

std::string encode(const run_report& r, bool twice) {
  struct rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::ostringstream line;
  line << "done " << r.events << ' ' << r.simulated.count() << ' ' << r.elections << ' '
       << r.lost_nodes << ' ' << r.node_failures << ' ' << r.operations.done << ' '
       << r.operations.refused << ' ' << r.operations.unknown << ' ' << twice << ' ' << r.undecided
       << ' ' << usage.ru_maxrss << ' ' << r.snapshots.saved << ' ' << r.snapshots.chunks << ' '
       << r.snapshots.installed << ' ' << r.operated.changes << ' ' << r.operated.rejoined << ' '
       << r.operations.retried << ' ' << r.operated.transfers;
  for (const auto count : r.faults) line << ' ' << count;
  line << '\n';
  return line.str();
}

void add(run_totals& totals, std::uint64_t seed, std::istringstream& line) {
  std::uint64_t events = 0;
  std::uint64_t elections = 0;
  std::uint64_t lost = 0;
  std::uint64_t failures = 0;
  std::uint64_t twice = 0;
  std::uint64_t undecided = 0;
  std::uint64_t memory = 0;
  duration::rep simulated = 0;
  operation_counters operations;
  snapshot_counters snapshots;
  operator_counters operated;
  line >> events >> simulated >> elections >> lost >> failures >> operations.done >>
      operations.refused >> operations.unknown >> twice >> undecided >> memory >> snapshots.saved >>
      snapshots.chunks >> snapshots.installed >> operated.changes >> operated.rejoined >>
      operations.retried >> operated.transfers;
  ++totals.seeds;
  totals.events += events;
  totals.simulated += duration(simulated);
  totals.elections += elections;
  totals.operations.retried += operations.retried;
  totals.operated.changes += operated.changes;
  totals.operated.rejoined += operated.rejoined;
  totals.operated.transfers += operated.transfers;
  totals.snapshots.saved += snapshots.saved;
  totals.snapshots.chunks += snapshots.chunks;
  totals.snapshots.installed += snapshots.installed;
  totals.lost_nodes += lost;
  totals.node_failures += failures;
  totals.operations.done += operations.done;
  totals.operations.refused += operations.refused;
  totals.operations.unknown += operations.unknown;
  totals.run_twice += twice;
  if (undecided != 0) totals.undecided.push_back(seed);
  totals.largest_memory_kib = std::max(totals.largest_memory_kib, memory);
  for (auto& count : totals.faults) {
    std::uint64_t more = 0;
    line >> more;
    count += more;
  }
}

void say(int to, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto put = ::write(to, text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) std::_Exit(3);  // nobody listens any more
    done += static_cast<std::size_t>(put);
  }
}

// ---- The worker's side -------------------------------------------------------------------------

/// Runs every seed of its share from `seed` on.
[[noreturn]] void work(const seed_plan& plan, std::uint64_t seed, wall_clock::time_point end,
                       int to) {
  const auto behind = plan.first + plan.count;
  for (; plan.most_time ? wall_clock::now() < end : seed < behind; seed += plan.jobs) {
    say(to, "seed " + std::to_string(seed) + "\n");
    alarm(most_seconds);
    const auto schedule = simulation::draw_schedule(seed, plan.limits);
    auto report = run_schedule(schedule);
    const bool twice = seed % 100 == 0 && !report.found;
    if (twice && run_schedule(schedule).hash != report.hash) {
      report.found = finding{"determinism", "two runs of one seed differ", report.simulated};
    }
    say(to, encode(report, twice));
    if (report.found) say(to, "found " + encode(*report.found));
  }
  std::_Exit(0);
}

/// How a process ended, if it was not by itself.
std::optional<finding> finding_of(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) {
    return finding{"assertion", "an assertion failed; it stands above", {}};
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return finding{"no end", "the run took longer than five minutes", {}};
  }
  if (WIFSIGNALED(status)) {
    return finding{"death", std::string("the process died: ") + strsignal(WTERMSIG(status)), {}};
  }
  return finding{"death", "the process ended with " + std::to_string(WEXITSTATUS(status)), {}};
}

int wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

// ---- The side of the one who asked -------------------------------------------------------------

/// A worker process, and what it has said that is no whole line yet.
struct worker {
  pid_t process = -1;
  int from = -1;
  std::string rest;
  std::uint64_t seed = 0;
};

class pool {
 public:
  pool(const seed_plan& plan, run_totals& totals)
      : plan_(plan),
        totals_(totals),
        end_(wall_clock::now() + plan.most_time.value_or(duration{})) {}
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool() {
    for (auto& one : workers_) stop(one);
  }

  std::optional<failed_seed> run(const std::function<void(const run_totals&)>& progress) {
    for (std::uint64_t i = 0; i < plan_.jobs; ++i) begin(plan_.first + i);
    auto last = wall_clock::now();
    while (!workers_.empty() && !failed_) {
      listen();
      if (wall_clock::now() - last < std::chrono::seconds(1)) continue;
      last = wall_clock::now();
      progress(totals_);
    }
    return failed_;
  }

 private:
  void begin(std::uint64_t seed) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    const auto process = fork();
    if (process < 0) std::abort();
    if (process == 0) {
      close(ends[0]);
      work(plan_, seed, end_, ends[1]);
    }
    close(ends[1]);
    workers_.push_back({process, ends[0], "", seed});
  }

  static void stop(worker& one) {
    if (one.process < 0) return;
    kill(one.process, SIGKILL);
    wait_for(one.process);
    close(one.from);
    one.process = -1;
  }

  void listen() {
    std::vector<pollfd> waiting;
    for (const auto& one : workers_) waiting.push_back({one.from, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), 1000) <= 0) return;
    for (std::size_t i = 0; i < waiting.size() && !failed_; ++i) {
      if (waiting[i].revents != 0) hear(workers_[i]);
    }
    std::erase_if(workers_, [](const worker& one) { return one.process < 0; });
  }

  void hear(worker& one) {
    char buffer[4096];
    const auto got = read(one.from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      const auto status = wait_for(std::exchange(one.process, -1));
      close(one.from);
      if (const auto what = finding_of(status)) failed_ = failed_seed{one.seed, *what};
      return;
    }
    one.rest.append(buffer, static_cast<std::size_t>(got));
    for (auto end = one.rest.find('\n'); end != std::string::npos; end = one.rest.find('\n')) {
      understand(one, one.rest.substr(0, end));
      one.rest.erase(0, end + 1);
    }
  }

  void understand(worker& one, const std::string& text) {
    std::istringstream line(text);
    std::string what;
    line >> what;
    if (what == "seed") line >> one.seed;
    if (what == "done") add(totals_, one.seed, line);
    if (what == "found") failed_ = failed_seed{one.seed, decode_finding(line)};
  }

  const seed_plan& plan_;
  run_totals& totals_;
  wall_clock::time_point end_;
  std::vector<worker> workers_;
  std::optional<failed_seed> failed_;
};

[[noreturn]] void run_in_child(const simulation::schedule& what, const std::string& trace,
                               const std::string& history, int to) {
  alarm(most_seconds);
  std::ofstream trace_file;
  std::ofstream history_file;
  run_outputs outputs;
  if (!trace.empty()) {
    trace_file.open(trace);
    trace_file << std::unitbuf;  // an assertion that fails does not lose the lines before it
    outputs.trace = &trace_file;
  }
  if (!history.empty()) {
    history_file.open(history);
    outputs.history = &history_file;
  }
  const auto report = run_schedule(what, outputs);
  trace_file.close();
  history_file.close();
  if (report.found) say(to, encode(*report.found));
  std::_Exit(0);
}

}  // namespace

std::optional<failed_seed> run_seeds(const seed_plan& plan, run_totals& totals,
                                     const std::function<void(const run_totals&)>& progress) {
  return pool(plan, totals).run(progress);
}

std::optional<finding> run_alone(const simulation::schedule& what, const std::string& trace,
                                 const std::string& history) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const auto process = fork();
  if (process < 0) std::abort();
  if (process == 0) {
    close(ends[0]);
    run_in_child(what, trace, history, ends[1]);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  while (true) {
    const auto got = read(ends[0], buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    said.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  const auto status = wait_for(process);
  if (said.empty()) return finding_of(status);
  if (said.back() == '\n') said.pop_back();
  std::istringstream line(said);
  return decode_finding(line);
}

}  // namespace mainstay::sim
