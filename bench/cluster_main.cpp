/// bench_cluster: what the library does with three durable nodes on this machine. It runs the
/// matrix of sizes and numbers outstanding, between measurements of the machine's own limits, and
/// prints one table. The same program is the node (--node), which nobody starts by hand.
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "bench/cluster.hpp"
#include "bench/limits.hpp"
#include "bench/node_process.hpp"

namespace mainstay::bench {
namespace {

using json = nlohmann::ordered_json;

struct command_line {
  std::uint64_t node = 0;
  node_process_options node_options;
  std::string directory = std::filesystem::current_path().string();
  std::vector<std::size_t> sizes{16, 128, 1024};
  std::vector<std::size_t> outstanding{1, 64, 256, 1000, 4096};
  std::size_t batch = 1;
  double seconds = 2;
  double warmup = 1;
  std::string operations = "both";
  bool quick = false;
  bool json = false;
};

void declare(CLI::App& app, command_line& line) {
  app.add_option("--node", line.node, "be this node (for the program's own use)")->group("");
  app.add_option("--members", line.node_options.members, "of the cluster")->group("");
  app.add_option("--directory", line.directory, "where the logs go, on the disk to measure")
      ->check(CLI::ExistingDirectory);
  app.add_option("--sizes", line.sizes, "bytes of a command")->delimiter(',');
  app.add_option("--outstanding", line.outstanding, "operations in flight")->delimiter(',');
  app.add_option("--batch", line.batch, "operations given to the library in one call")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", line.seconds, "of each measurement")->check(CLI::PositiveNumber);
  app.add_option("--warmup", line.warmup, "seconds before each")->check(CLI::PositiveNumber);
  app.add_option("--ops", line.operations, "writes, reads or both")
      ->check(CLI::IsMember({"writes", "reads", "both"}));
  app.add_flag("--quick", line.quick, "128 bytes; 1 and 1,000 outstanding; one second each");
  app.add_flag("--json", line.json, "print JSON");
}

std::string header() {
  return fmt::format("  {:<7} {:>5} {:>6} {:>5} {:>11} {:>9} {:>6} {:>9} {:>8} {:>10} {:>8}\n", "",
                     "bytes", "flight", "batch", "a second", "p50 us", "p50/F", "p99 us", "CPU us",
                     "flushes/s", "peak MiB");
}

std::string row(const measurement& m, double floor_us) {
  return fmt::format(
      "  {:<7} {:>5} {:>6} {:>5} {:>11.0f} {:>9.1f} {:>6.2f} {:>9.1f} {:>8.2f} {:>10.0f} "
      "{:>8.1f}{}\n",
      m.work.reads ? "reads" : "writes", m.work.payload_bytes, m.work.outstanding, m.work.batch,
      m.per_second, m.p50_us, m.p50_us / floor_us, m.p99_us, m.cpu_us_per_operation,
      m.flushes_per_second, m.peak_memory_mib,
      m.failed.empty() ? "" : fmt::format("  FAILED: {}", m.failed));
}

json to_json(const measurement& m) {
  return {{"operation", m.work.reads ? "read" : "write"},
          {"bytes", m.work.payload_bytes},
          {"outstanding", m.work.outstanding},
          {"batch", m.work.batch},
          {"per_second", m.per_second},
          {"p50_us", m.p50_us},
          {"p99_us", m.p99_us},
          {"p999_us", m.p999_us},
          {"max_us", m.max_us},
          {"failed", m.failed},
          {"cpu_us_per_operation", m.cpu_us_per_operation},
          {"flushes_per_second", m.flushes_per_second},
          {"peak_memory_mib", m.peak_memory_mib},
          {"log_entries", m.log_entries}};
}

/// The matrix, without what was not asked for. Reads have one size: their requests are not stored.
std::vector<std::vector<workload>> plan(const command_line& line) {
  std::vector<std::vector<workload>> clusters;
  for (const auto bytes : line.sizes) {
    auto& one = clusters.emplace_back();
    for (const bool reads : {false, true}) {
      if (line.operations == (reads ? "writes" : "reads")) continue;
      if (reads && bytes != line.sizes.front()) continue;
      for (const auto outstanding : line.outstanding) {
        one.push_back({.reads = reads,
                       .payload_bytes = bytes,
                       .outstanding = outstanding,
                       .batch = std::min(line.batch, outstanding),
                       .warmup_seconds = line.warmup,
                       .seconds = line.seconds});
      }
    }
  }
  return clusters;
}

result<void> run_matrix(const command_line& line,
                        const std::function<void(const measurement&)>& tell) {
  for (const auto& workloads : plan(line)) {
    if (workloads.empty()) continue;
    auto cluster = bench_cluster::start(line.directory);
    if (!cluster) return std::unexpected(cluster.error());
    for (const auto& work : workloads) {
      const auto measured = cluster->measure(work);
      if (!measured) return std::unexpected(measured.error());
      tell(*measured);
    }
  }
  return {};
}

result<void> run(command_line line) {
  if (line.quick) {
    line.sizes = {128};
    line.outstanding = {1, 1000};
    line.seconds = 1;
    line.warmup = 0.5;
  }
  const auto limits = measure_limits({line.directory, line.quick ? 0.5 : 1.0});
  if (!limits) return std::unexpected(limits.error());
  auto measurements = json::array();
  // With --json the table still goes to whoever watches.
  auto& table = line.json ? std::cerr : std::cout;
  table << to_text(*limits) << '\n' << header() << std::flush;
  const auto done = run_matrix(line, [&](const measurement& m) {
    measurements.push_back(to_json(m));
    table << row(m, limits->floor_us()) << std::flush;
  });
  if (!done) return done;
  if (line.json) {
    std::cout << json{{"limits", json::parse(to_json(*limits))}, {"measurements", measurements}}
              << '\n';
  }
  return {};
}

}  // namespace
}  // namespace mainstay::bench

int main(int argument_count, char** arguments) {
  using namespace mainstay::bench;
  command_line line;
  CLI::App app{"Three durable nodes on this machine: throughput, latency, cost.", "bench_cluster"};
  declare(app, line);
  CLI11_PARSE(app, argument_count, arguments);
  line.node_options.id = mainstay::node_id(line.node);
  line.node_options.directory = line.directory;
  const auto done = line.node != 0 ? run_node_process(line.node_options) : run(line);
  if (done) return 0;
  std::cerr << "bench_cluster: " << done.error().message << '\n';
  return 1;
}
