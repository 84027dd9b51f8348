/// Starting, asking and measuring the three processes.
#include "bench/cluster.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace mainstay::bench {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t size = 3;
constexpr auto patience = std::chrono::milliseconds(10'000);

/// Ports that were free a moment ago, all different.
std::vector<std::uint16_t> free_ports() {
  std::vector<file_descriptor> held;
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < size; ++i) {
    held.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(any);
    auto* const address = reinterpret_cast<sockaddr*>(&any);
    if (bind(held.back().get(), address, length) != 0) continue;
    if (getsockname(held.back().get(), address, &length) != 0) continue;
    ports.push_back(ntohs(any.sin_port));
  }
  return ports;
}

result<json> parse(const result<std::string>& line) {
  if (!line) return std::unexpected(line.error());
  auto parsed = json::parse(*line, nullptr, false);
  if (parsed.is_object()) return parsed;
  return fail(error_code::malformed, fmt::format("a node said: {}", *line));
}

}  // namespace

result<bench_cluster> bench_cluster::start(const std::string& directory) {
  auto pattern = directory + "/mainstay-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail(error_code::io_failed, fmt::format("{}: cannot be made", pattern));
  }
  bench_cluster cluster{std::filesystem::path(pattern)};
  if (auto started = cluster.start_nodes(); !started) return std::unexpected(started.error());
  if (auto leader = cluster.find_leader(); !leader) return std::unexpected(leader.error());
  return cluster;
}

bench_cluster::~bench_cluster() {
  nodes_.clear();
  if (directory_.empty()) return;
  std::error_code ignored;  // what is left behind is in a directory of temporary files
  std::filesystem::remove_all(directory_, ignored);
}

result<void> bench_cluster::start_nodes() {
  const auto ports = free_ports();
  if (ports.size() != size) return fail(error_code::io_failed, "no free ports on loopback");
  std::string members;
  for (std::size_t i = 0; i < size; ++i) {
    members += fmt::format("{}{}=127.0.0.1:{}", i == 0 ? "" : ",", i + 1, ports[i]);
  }
  for (std::size_t i = 0; i < size; ++i) {
    const auto own = directory_ / fmt::format("node-{}", i + 1);
    std::filesystem::create_directory(own);
    auto child = child_process::start_self(
        {"--node", std::to_string(i + 1), "--directory", own.string(), "--members", members});
    if (!child) return std::unexpected(child.error());
    nodes_.push_back(std::move(*child));
  }
  return {};
}

result<std::size_t> bench_cluster::find_leader() {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto status = parse(nodes_[i].ask("status", patience));
      if (!status) return std::unexpected(status.error());
      if (status->at("role") == "leader") return i;
    }
    std::this_thread::sleep_for(20ms);
  }
  return fail(error_code::timed_out, "the nodes elected no leader");
}

/// Waits until the leader tells that the measurement begins or ends, and counts at once.
result<bench_cluster::totals> bench_cluster::next_edge(std::size_t leader,
                                                       std::chrono::milliseconds limit) {
  const auto edge = parse(nodes_[leader].receive(limit));
  if (!edge) return std::unexpected(edge.error());
  totals now;
  for (const auto& node : nodes_) now.cpu_seconds += node.cpu_seconds();
  now.flushes = edge->at("flushes");
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (i == leader) continue;
    const auto status = parse(nodes_[i].ask("status", limit));
    if (!status) return std::unexpected(status.error());
    now.flushes += status->at("flushes").get<std::uint64_t>();
  }
  return now;
}

result<measurement> bench_cluster::measure(const workload& work) {
  const auto leader = find_leader();
  if (!leader) return std::unexpected(leader.error());
  const json order{{"reads", work.reads},
                   {"payload_bytes", work.payload_bytes},
                   {"outstanding", work.outstanding},
                   {"batch", work.batch},
                   {"warmup", work.warmup_seconds},
                   {"seconds", work.seconds}};
  const auto limit = patience + std::chrono::milliseconds(static_cast<std::int64_t>(
                                    (work.warmup_seconds + work.seconds) * 1000));
  if (auto sent = nodes_[*leader].send("run " + order.dump()); !sent) {
    return std::unexpected(sent.error());
  }
  const auto begin = next_edge(*leader, limit);
  if (!begin) return std::unexpected(begin.error());
  for (const auto& node : nodes_) node.reset_peak_memory();
  const auto end = next_edge(*leader, limit);
  if (!end) return std::unexpected(end.error());
  const auto outcome = parse(nodes_[*leader].receive(limit));
  if (!outcome) return std::unexpected(outcome.error());

  const auto completed = outcome->at("completed").get<double>();
  const auto seconds = outcome->at("seconds").get<double>();
  measurement m{.work = work};
  m.per_second = completed / seconds;
  m.p50_us = outcome->at("p50_us");
  m.p99_us = outcome->at("p99_us");
  m.p999_us = outcome->at("p999_us");
  m.max_us = outcome->at("max_us");
  m.failed = outcome->at("failed").get<std::map<std::string, std::uint64_t>>();
  m.cpu_us_per_operation =
      completed > 0 ? (end->cpu_seconds - begin->cpu_seconds) * 1e6 / completed : 0;
  m.flushes_per_second = static_cast<double>(end->flushes - begin->flushes) / seconds;
  for (const auto& node : nodes_) {
    m.peak_memory_mib =
        std::max(m.peak_memory_mib, static_cast<double>(node.peak_memory_bytes()) / (1 << 20));
  }
  m.log_entries = outcome->at("last_index");
  return m;
}

}  // namespace mainstay::bench
