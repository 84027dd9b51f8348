/// How fast a simulated world turns: events of a busy cluster of whole nodes, log included, on one
/// core; and how long the judge takes for the history of one contested key.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "mainstay/base/random.hpp"
#include "mainstay/simulation/key_value_model.hpp"
#include "mainstay/simulation/linearizability.hpp"
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

/// 20 operations of as many clients are always under way on one key; some are never answered. Half
/// of them write a new value.
std::vector<simulation::client_operation> contested_key(std::size_t size) {
  random_generator random(1);
  const simulation::key_value_model model;
  std::vector<simulation::client_operation> all;
  std::deque<std::size_t> under_way;
  std::optional<std::string> value;
  for (std::size_t i = 0; i < size; ++i) {
    all.push_back({.client = i % 20, .name = random.below(2) == 0 ? "set" : "get", .key = "key"});
    all[i].argument = std::to_string(i);
    all[i].start = static_cast<std::int64_t>(10 * i);
    all[i].end = all[i].start + 195;
    under_way.push_back(i);
    if (under_way.size() < 20 && i + 1 < size) continue;
    const auto chosen = static_cast<std::ptrdiff_t>(random.below(under_way.size()));
    // The oldest is at its end; now and then a younger one comes before it.
    const auto next = under_way.begin() + (random.below(3) == 0 ? chosen : 0);
    auto& o = all[*next];
    const auto said = model.carry_out(value, o);
    if (random.below(50) != 0) {
      o.outcome = simulation::operation_outcome::done;
      o.result = said;
    }
    o.end = std::max(o.end, all[i].start);
    under_way.erase(next);
  }
  return all;
}

void judge_contested_key(benchmark::State& state) {
  const auto operations = contested_key(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const auto judged = simulation::judge(simulation::key_value_model{}, operations);
    if (judged.verdict != simulation::verdict::linearizable) state.SkipWithError("wrong verdict");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(judge_contested_key)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mainstay::bench

BENCHMARK_MAIN();
