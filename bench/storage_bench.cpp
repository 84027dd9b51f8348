// The persistence engines side by side: what a durable append costs with one outstanding and with
// many, what compaction leaves, and how long a start takes. Prints JSON; tables are bench/run.py's.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "mainstay/seams/any_persistence_engine.hpp"
#include "mainstay/seams/runtime.hpp"
#include "mainstay/storage/memory/memory_engine.hpp"
#include "mainstay/storage/rocksdb/rocksdb_engine.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"
#include "mainstay/storage/wal/worker.hpp"

namespace {

using namespace mainstay;
using clock_type = std::chrono::steady_clock;
using json = nlohmann::ordered_json;

constexpr group_id group(1);

struct settings {
  std::string directory = "storage_bench.data";
  std::uint64_t appends = 2000;
  std::uint64_t entries = 500'000;
};

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Runs tasks on a thread of its own.
struct thread_executor {
  void post(task work) { thread->post(std::move(work)); }
  std::shared_ptr<wal::worker> thread = std::make_shared<wal::worker>();
};

template <class Engine, class Options>
any_persistence_engine open_durable(const std::string& directory) {
  Options options;
  options.directory = directory;
  options.cluster = cluster_id(1);
  options.node = node_id(1);
  options.bootstrap.voters = {{node_id(1), "localhost:1"}};
  options.seed = 1;
  auto engine = Engine::open(options);
  if (!engine) throw std::runtime_error(engine.error().message);
  return any_persistence_engine(*std::move(engine));
}

any_persistence_engine open_named(const std::string& name, const std::string& directory) {
  if (name == "wal") return open_durable<wal_engine, wal_options>(directory);
  if (name == "rocksdb") return open_durable<rocksdb_engine, rocksdb_options>(directory);
  return any_persistence_engine(std::make_unique<memory_engine<thread_executor>>(
      std::make_shared<memory_disk>(), thread_executor()));
}

core::persist_batch batch_at(std::uint64_t index, const shared_bytes& payload) {
  core::persist_batch batch;
  batch.entries.push_back({log_index(index), term(1), core::entry_kind::command, {}, payload});
  return batch;
}

/// Latencies with one outstanding, in microseconds.
json one_outstanding(any_persistence_engine& engine, const settings& s, std::uint64_t& next) {
  const auto payload = shared_bytes::copy_of(std::string(128, 'x'));
  std::vector<double> times;
  for (std::uint64_t i = 0; i < s.appends; ++i) {
    std::promise<void> durable;
    const auto start = clock_type::now();
    engine.append(group, batch_at(next++, payload), [&](const result<void>& ok) {
      if (!ok) throw std::runtime_error(ok.error().message);
      durable.set_value();
    });
    durable.get_future().wait();
    times.push_back(seconds_since(start) * 1e6);
  }
  std::ranges::sort(times);
  return {{"p50_us", times[times.size() / 2]}, {"p99_us", times[times.size() * 99 / 100]}};
}

/// Throughput with a thousand outstanding, each entry a batch of its own.
json many_outstanding(any_persistence_engine& engine, const settings& s, std::size_t bytes,
                      std::uint64_t& next) {
  constexpr std::uint64_t outstanding = 1000;
  const auto payload = shared_bytes::copy_of(std::string(bytes, 'x'));
  const auto entries = s.entries * 128 / std::max<std::uint64_t>(bytes, 128);
  std::atomic<std::uint64_t> done{0};
  const auto start = clock_type::now();
  const auto cpu = cpu_seconds();
  for (std::uint64_t i = 0; i < entries; ++i) {
    for (auto seen = done.load(); i - seen >= outstanding; seen = done.load()) done.wait(seen);
    engine.append(group, batch_at(next++, payload), [&](const result<void>& ok) {
      if (!ok) throw std::runtime_error(ok.error().message);
      done.fetch_add(1);
      done.notify_one();
    });
  }
  for (auto seen = done.load(); seen < entries; seen = done.load()) done.wait(seen);
  const auto count = static_cast<double>(entries);
  return {{"bytes", bytes},
          {"per_second", count / seconds_since(start)},
          {"cpu_us", (cpu_seconds() - cpu) / count * 1e6}};
}

std::uint64_t size_of(const std::string& directory) {
  std::uint64_t size = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.is_regular_file()) size += file.file_size();
  }
  return size;
}

json measure(const std::string& name, const settings& s) {
  const auto directory = s.directory + "/" + name;
  json found{{"engine", name}};
  std::uint64_t next = 1;
  {
    auto engine = open_named(name, directory);
    found.update(one_outstanding(engine, s, next));
    found["many"] = json::array();
    for (const std::size_t bytes : {128, 1024}) {
      found["many"].push_back(many_outstanding(engine, s, bytes, next));
    }
    engine.stop();
  }
  if (name == "memory") return found;
  found["log_bytes"] = size_of(directory);
  const auto start = clock_type::now();
  auto engine = open_named(name, directory);
  const auto state = engine.recover(group, 16 << 20);
  if (!state || state->last_index != log_index(next - 1)) throw std::runtime_error("entries lost");
  found["entries"] = next - 1;
  found["start_ms"] = seconds_since(start) * 1e3;
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app("Measures the persistence engines on this machine.");
  app.add_option("--directory", s.directory, "where to write; removed at the end");
  app.add_option("--appends", s.appends, "how many for latencies");
  app.add_option("--entries", s.entries, "how many for throughput");
  CLI11_PARSE(app, argc, argv);

  std::filesystem::create_directories(s.directory);
  json all = json::array();
  for (const char* name : {"wal", "rocksdb", "memory"}) all.push_back(measure(name, s));
  std::filesystem::remove_all(s.directory);
  std::puts(all.dump().c_str());
}
