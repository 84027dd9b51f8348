/// How fast a simulated world turns: events of a busy cluster of whole nodes, log included, on one
/// core. Items are events.
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <benchmark/benchmark.h>

#include "mainstay/simulation/simulated_cluster.hpp"

namespace mainstay::bench {
namespace {

using namespace std::chrono_literals;
using simulation::simulated_cluster;

/// Adds up lengths.
struct adding_machine {
  std::uint64_t total = 0;

  result<shared_bytes> apply(const applied_command& command) {
    total += command.payload.size();
    return shared_bytes{};
  }
  result<shared_bytes> query(const shared_bytes&) { return shared_bytes{}; }
  result<void> save(const snapshot_writer&) { return {}; }
  result<void> restore(const snapshot_reader&) { return {}; }
};

/// Clients that each have one command under way, at a node of their own choice.
void busy_cluster(benchmark::State& state) {
  simulated_cluster<adding_machine> cluster({.nodes = static_cast<std::uint64_t>(state.range(0))});
  cluster.start();
  cluster.run_for(2s);
  const auto payload = shared_bytes::copy_of(std::string(64, 'x'));
  std::function<void(node_id)> again = [&](node_id through) {
    cluster.submit(through, payload, [&, through](const command_outcome&) {
      cluster.at(cluster.now() + 1ms, [&, through] { again(through); });
    });
  };
  for (std::int64_t i = 0; i < state.range(1); ++i) {
    again(cluster.ids()[static_cast<std::size_t>(i) % cluster.ids().size()]);
  }
  const auto before = cluster.events().events();
  const auto start = cluster.now();
  for (auto _ : state) cluster.run_for(100ms);
  const auto events = static_cast<double>(cluster.events().events() - before);
  state.counters["events"] = benchmark::Counter(events, benchmark::Counter::kIsRate);
  state.counters["simulated_seconds"] = benchmark::Counter(
      std::chrono::duration<double>(cluster.now() - start).count(), benchmark::Counter::kIsRate);
}
BENCHMARK(busy_cluster)->Args({3, 10})->Args({3, 100})->Args({5, 20})->Args({3, 0});

}  // namespace
}  // namespace mainstay::bench

BENCHMARK_MAIN();
