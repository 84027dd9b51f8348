/// A project of its own that runs its state machine in a simulated cluster whose leader loses
/// power. Its exit status says whether the cluster came to agree afterwards, and whether the test
/// kit finds that the machine has no snapshots.
#include <chrono>
#include <string>

#include "mainstay/simulation/machine_check.hpp"
#include "mainstay/simulation/simulated_cluster.hpp"

using namespace std::chrono_literals;
using mainstay::result;
using mainstay::shared_bytes;

struct last_word {
  std::string word;

  result<shared_bytes> apply(const mainstay::applied_command& command) {
    word = std::string(command.payload.text());
    return shared_bytes::copy_of(word);
  }
  result<shared_bytes> query(const shared_bytes&) { return shared_bytes::copy_of(word); }
  result<void> save(const mainstay::snapshot_writer&) { return {}; }
  result<void> restore(const mainstay::snapshot_reader&) { return {}; }
};

int main() {
  mainstay::simulation::simulated_cluster<last_word> cluster({.seed = 7, .nodes = 3});
  cluster.start();
  if (!cluster.run_until([&] { return bool(cluster.leader()); }, 60s)) return 1;

  bool acknowledged = false;
  cluster.submit(cluster.leader(), shared_bytes::copy_of("kept"),
                 [&](const mainstay::command_outcome& outcome) { acknowledged = bool(outcome); });
  if (!cluster.run_until([&] { return acknowledged; }, 60s)) return 2;
  cluster.crash(cluster.leader());
  cluster.start();

  if (!cluster.run_until([&] { return cluster.has_converged(); }, 60s)) return 3;
  if (cluster.machine(cluster.leader())->word != "kept") return 4;

  const auto report = mainstay::simulation::check_machine(
      [] { return last_word(); },
      {.command = [](auto& random) { return shared_bytes::copy_of(std::to_string(random.next())); },
       .query = [](auto&) { return shared_bytes(); }});
  return report.found && report.found->property == "snapshots" ? 0 : 5;
}
