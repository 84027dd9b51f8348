/// What the core alone costs: three replicas in one thread, messages handed over by move, disks
/// that are always done at once. CPU time per entry is over all three; no I/O, no encoding, no
/// threads.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "mainstay/base/assert.hpp"
#include "mainstay/core/raft.hpp"

namespace mainstay::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Three cores and the perfect world around them.
class three_replicas {
 public:
  three_replicas() {
    const auto config = core::valid_config::check({});
    MAINSTAY_ASSERT(config.has_value());
    core::configuration members;
    for (std::uint64_t id = 1; id <= size; ++id) members.voters.push_back({node_id(id), "-"});
    for (std::uint64_t id = 1; id <= size; ++id) {
      core::initial_state state;
      state.id = node_id(id);
      state.bootstrap = members;
      state.seed = id;
      auto started = core::raft::start(*config, std::move(state), now_);
      MAINSTAY_ASSERT(started.has_value());
      replicas_.push_back(std::move(*started));
    }
    while (!leader()) pass(milliseconds(10));
  }

  /// Proposes the commands at the leader and returns when all three have applied them.
  void replicate(const std::vector<shared_bytes>& commands) {
    const auto first = leader()->propose(commands, log_time{++wall_clock_});
    MAINSTAY_ASSERT(first.has_value());
    const auto last = *first + (commands.size() - 1);
    pump();
    // Followers learn of the last commit from the next message.
    while (least_applied() < last) pass(milliseconds(2));
  }

  /// Grants one read with a round of its own.
  void read() {
    leader()->read(++read_context_);
    pump();
    MAINSTAY_ASSERT(granted_ == read_context_);
  }

 private:
  static constexpr std::uint64_t size = 3;

  core::raft* leader() {
    for (auto& replica : replicas_) {
      const bool ready_to_lead =
          replica.role() == core::role::leader && replica.commit_index() == replica.last_index();
      if (ready_to_lead) return &replica;
    }
    return nullptr;
  }

  log_index least_applied() const {
    auto least = replicas_[0].last_applied();
    for (const auto& replica : replicas_) least = std::min(least, replica.last_applied());
    return least;
  }

  void pass(duration time) {
    now_ += time;
    for (auto& replica : replicas_) replica.advance(now_);
    pump();
  }

  /// Carries out every ready until nobody wants anything more.
  void pump() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (auto& replica : replicas_) busy = carry_out(replica) || busy;
    }
  }

  bool carry_out(core::raft& replica) {
    auto work = replica.take_ready();
    if (work.empty()) return false;
    if (!work.persist.empty()) replica.persisted(work.persist.sequence);
    if (!work.committed.empty()) replica.applied(work.committed.back().index);
    if (!work.granted_reads.empty()) granted_ = work.granted_reads.back().context;
    for (auto& m : work.messages) {
      replicas_[static_cast<std::size_t>(m.to.value() - 1)].step(std::move(m));
    }
    return true;
  }

  std::vector<core::raft> replicas_;
  instant now_{};
  std::int64_t wall_clock_ = 0;
  std::uint64_t read_context_ = 0;
  std::uint64_t granted_ = 0;
};

void replicate_batches(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  const std::string payload(static_cast<std::size_t>(state.range(1)), 'x');
  byte_arena arena;
  std::vector<shared_bytes> commands;
  for (std::size_t i = 0; i < batch; ++i) commands.push_back(arena.copy(payload));
  three_replicas replicas;

  for (auto _ : state) replicas.replicate(commands);

  const auto entries = static_cast<double>(state.iterations()) * static_cast<double>(batch);
  state.SetItemsProcessed(static_cast<std::int64_t>(entries));
  state.counters["cpu_per_entry"] =
      benchmark::Counter(entries, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(replicate_batches)
    ->ArgNames({"batch", "bytes"})
    ->Args({1, 128})
    ->Args({64, 128})
    ->Args({1000, 16})
    ->Args({1000, 128})
    ->Args({1000, 1024});

void grant_reads(benchmark::State& state) {
  three_replicas replicas;
  for (auto _ : state) replicas.read();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(grant_reads);

}  // namespace
}  // namespace mainstay::bench

BENCHMARK_MAIN();
