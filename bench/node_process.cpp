/// The node's side of the benchmark. Lines that it understands, and what it answers:
///   status  {"role":"leader","term":1,"commit_index":…,"flushes":…}
///   run {"reads":false,"payload_bytes":128,"outstanding":1000,"batch":1,"warmup":1,"seconds":2}
///           {"flushes":…} when the measurement begins and again when it ends, then the result
#include "bench/node_process.hpp"

#include <iostream>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "mainstay/defaults.hpp"

#include "bench/counting_files.hpp"
#include "bench/counting_machine.hpp"
#include "bench/proposer.hpp"

namespace mainstay::bench {

namespace {

using nlohmann::json;

/// Production's parts, with the cheapest machine.
using bench_types = default_types<counting_machine>;

std::string address_of(const core::configuration& members, node_id id) {
  for (const auto& m : members.voters) {
    if (m.id == id) return m.address;
  }
  return {};
}

tcp_options transport_options(const node_process_options& options,
                              const core::configuration& members) {
  tcp_options transport;
  transport.cluster = cluster_id(1);
  transport.self = options.id;
  transport.listen_address = address_of(members, options.id);
  transport.random_seed = options.id.value();
  transport.identities = std::make_shared<peer_identities>();
  return transport;
}

wal_options storage_options(const node_process_options& options, const core::configuration& members,
                            counting_files& files) {
  wal_options storage;
  storage.directory = options.directory;
  storage.cluster = cluster_id(1);
  storage.node = options.id;
  storage.bootstrap = members;
  storage.seed = options.id.value();
  storage.files = &files;
  return storage;
}

/// The node and everything below it, in the order of construction.
class running_node {
 public:
  running_node(std::unique_ptr<wal_engine> storage, const counting_files& files,
               const valid_tcp_options& transport)
      : files_(files),
        storage_(std::move(storage)),
        client_(io_context_of(runtime_), transport),
        server_(io_context_of(runtime_), transport),
        host_({runtime_, *storage_, client_, server_, logger_, metrics_}) {}
  running_node(const running_node&) = delete;
  running_node& operator=(const running_node&) = delete;
  ~running_node() {
    if (node_) node_->stop();
    host_.stop();
    runtime_.stop();
    runtime_.join();
  }

  result<void> start(const node_process_options& options, const core::configuration& members) {
    runtime_.start();
    auto started = node<bench_types>::start(
        host_, {.id = options.id, .members = members, .core = {}, .timeouts = {}}, {});
    if (!started) return std::unexpected(started.error());
    node_.emplace(std::move(*started));
    return host_.start();
  }

  json status() const {
    const auto now = node_->status();
    return {{"role", core::name_of(now.role)},
            {"term", now.term.value()},
            {"commit_index", now.commit_index.value()},
            {"applied_index", now.applied_index.value()},
            {"flushes", files_.flushes()}};
  }

  json run(const json& wanted) {
    const auto seconds = [&](const char* name) {
      return std::chrono::duration_cast<duration>(
          std::chrono::duration<double>(wanted.at(name).get<double>()));
    };
    const proposer_options options{.reads = wanted.at("reads"),
                                   .payload_bytes = wanted.at("payload_bytes"),
                                   .outstanding = wanted.at("outstanding"),
                                   .batch = wanted.at("batch"),
                                   .warmup = seconds("warmup"),
                                   .measured = seconds("seconds")};
    proposer<bench_types> work(*node_, runtime_, options, [this] {
      std::cout << json{{"flushes", files_.flushes()}}.dump() << std::endl;
    });
    const auto report = work.run();
    const auto microseconds = [&](double fraction) {
      return static_cast<double>(report.latency.percentile(fraction)) / 1e3;
    };
    return {{"completed", report.completed}, {"failed", report.failed},
            {"seconds", report.seconds},     {"p50_us", microseconds(0.5)},
            {"p99_us", microseconds(0.99)},  {"p999_us", microseconds(0.999)},
            {"max_us", microseconds(1)},     {"last_index", node_->status().last_index.value()}};
  }

 private:
  asio_runtime runtime_;
  const counting_files& files_;
  std::unique_ptr<wal_engine> storage_;
  logger_ref logger_;
  null_metrics metrics_;
  bench_types::network_client_type client_;
  bench_types::network_server_type server_;
  host<bench_types> host_;
  std::optional<node<bench_types>> node_;
};

}  // namespace

result<void> run_node_process(const node_process_options& options) {
  const auto members = parse_members(options.members);
  if (!members) return std::unexpected(members.error());
  counting_files files;
  auto storage = wal_engine::open(storage_options(options, *members, files));
  if (!storage) return std::unexpected(storage.error());
  auto network = transport_options(options, *members);
  network.disk = (*storage)->incarnation();
  const auto transport = check(network);
  if (!transport) return std::unexpected(transport.error());
  running_node running(std::move(*storage), files, *transport);
  if (auto started = running.start(options, *members); !started) return started;
  for (std::string line; std::getline(std::cin, line);) {
    const bool is_run = line.starts_with("run ");
    const auto answer = is_run ? running.run(json::parse(line.substr(4))) : running.status();
    std::cout << answer.dump() << std::endl;
  }
  return {};
}

}  // namespace mainstay::bench
