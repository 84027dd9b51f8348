/// The key-value machine alone, on one core: single commands and reads by chance on a million keys,
/// with nothing frozen and with a frozen state held. Items are commands.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "mainstay/base/random.hpp"
#include "mainstay/machines/key_value/key_value.hpp"

namespace mainstay::bench {
namespace {

using keyspace::operation;

constexpr std::uint64_t key_count = 1'000'000;
constexpr std::size_t prepared = 1 << 16;

std::string key_of(std::uint64_t number) { return "key:" + std::to_string(number); }

/// A machine with all keys and 100 bytes each, made once.
key_value& filled_machine() {
  static key_value machine = [] {
    key_value fresh;
    byte_arena arena;
    const std::string value(100, 'v');
    for (std::uint64_t i = 0; i < key_count; ++i) {
      static_cast<void>(fresh.apply(
          {log_index(1), log_time{}, keyspace::encode(arena, operation::set, {key_of(i), value})}));
    }
    return fresh;
  }();
  return machine;
}

std::vector<shared_bytes> commands(operation o) {
  std::vector<shared_bytes> all;
  random_generator random(1);
  byte_arena arena;
  const std::string value(100, 'w');
  for (std::size_t i = 0; i < prepared; ++i) {
    const auto key = key_of(random.below(key_count));
    all.push_back(o == operation::set ? keyspace::encode(arena, o, {key, value})
                                      : keyspace::encode(arena, o, {key}));
  }
  return all;
}

void get(benchmark::State& state) {
  auto& machine = filled_machine();
  const auto all = commands(operation::get);
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(machine.query(all[at++ % prepared]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(get);

void set(benchmark::State& state) {
  auto& machine = filled_machine();
  const auto all = commands(operation::set);
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(machine.apply({log_index(1), log_time{}, all[at++ % prepared]}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(set);

/// The first set of most segments copies them, and that of every key makes a record.
void set_while_frozen(benchmark::State& state) {
  auto& machine = filled_machine();
  const auto all = commands(operation::set);
  std::optional<frozen_key_value> frozen;
  std::size_t at = prepared;
  for (auto _ : state) {
    if (at == prepared) {
      state.PauseTiming();
      frozen.reset();
      frozen.emplace(machine.freeze());
      at = 0;
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(machine.apply({log_index(1), log_time{}, all[at++]}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(set_while_frozen);

/// What the apply activity pauses for.
void freeze(benchmark::State& state) {
  auto& machine = filled_machine();
  for (auto _ : state) benchmark::DoNotOptimize(machine.freeze());
}
BENCHMARK(freeze)->Unit(benchmark::kMicrosecond);

/// Bytes are those of the snapshot.
void save_frozen(benchmark::State& state) {
  const auto frozen = filled_machine().freeze();
  std::size_t bytes = 0;
  for (auto _ : state) {
    static_cast<void>(frozen.save([&](std::span<const std::byte> piece) -> result<void> {
      bytes += piece.size();
      return {};
    }));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(save_frozen)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace mainstay::bench

BENCHMARK_MAIN();
