// What a durable append costs: through the engine, with one outstanding and with many, and beside
// it the plain write and flush into prewritten space that it cannot be faster than.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mainstay/storage/wal/posix_file_system.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

namespace {

using namespace mainstay;
using clock_type = std::chrono::steady_clock;

struct settings {
  std::string directory = "wal_bench.data";
  std::uint64_t appends = 3000;
  std::size_t payload = 128;
  std::uint64_t entries = 1'000'000;
};

double microseconds_since(clock_type::time_point start) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

void print_times(const char* name, std::vector<double> times) {
  std::ranges::sort(times);
  fmt::print("{:<44} p50 {:8.1f} us   p99 {:8.1f} us\n", name, times[times.size() / 2],
             times[times.size() * 99 / 100]);
}

/// The limit: 4 KiB and smaller, into a file that was written before.
void measure_plain(const settings& s) {
  wal::posix_file_system files;
  auto file = files.create(s.directory + "/plain");
  const std::vector<std::byte> zeros(16 * 1024 * 1024);
  const std::vector<std::byte> small(s.payload + 112);  // as the engine writes it, with headers
  const std::array<std::span<const std::byte>, 1> whole{zeros};
  const std::array<std::span<const std::byte>, 1> piece{small};
  (void)(*file)->write(whole, 0);
  (void)(*file)->datasync();
  std::vector<double> times;
  for (std::uint64_t i = 0; i < s.appends; ++i) {
    const auto start = clock_type::now();
    (void)(*file)->write(piece, i * small.size() % (zeros.size() - small.size()));
    (void)(*file)->datasync();
    times.push_back(microseconds_since(start));
  }
  print_times("pwrite and fdatasync, prewritten", std::move(times));
}

std::unique_ptr<wal_engine> open_engine(const settings& s) {
  wal_options options;
  options.directory = s.directory + "/log";
  options.cluster = cluster_id(1);
  options.node = node_id(1);
  options.bootstrap.voters = {{node_id(1), "localhost:1"}};
  options.seed = 1;
  auto engine = wal_engine::open(options);
  if (!engine) throw std::runtime_error(engine.error().message);
  return std::move(*engine);
}

core::persist_batch batch_at(std::uint64_t index, const shared_bytes& payload) {
  core::persist_batch batch;
  batch.entries.push_back({log_index(index), term(1), core::entry_kind::command, {}, payload});
  return batch;
}

void measure_one_outstanding(wal_engine& engine, const settings& s, std::uint64_t& next) {
  const auto payload = shared_bytes::copy_of(std::string(s.payload, 'x'));
  std::vector<double> times;
  for (std::uint64_t i = 0; i < s.appends; ++i) {
    std::promise<void> durable;
    const auto start = clock_type::now();
    engine.append(group_id(1), batch_at(next++, payload), [&](result<void> ok) {
      if (ok) durable.set_value();
    });
    durable.get_future().wait();
    times.push_back(microseconds_since(start));
  }
  print_times("engine, one outstanding", std::move(times));
}

/// Appends all entries with `outstanding` in flight, each a batch of its own.
void measure_many(wal_engine& engine, const settings& s, std::uint64_t outstanding,
                  std::uint64_t& next) {
  const auto payload = shared_bytes::copy_of(std::string(s.payload, 'x'));
  std::atomic<std::uint64_t> done{0};
  const auto start = clock_type::now();
  for (std::uint64_t i = 0; i < s.entries; ++i) {
    for (auto seen = done.load(); i - seen >= outstanding; seen = done.load()) done.wait(seen);
    engine.append(group_id(1), batch_at(next++, payload), [&](result<void>) {
      done.fetch_add(1);
      done.notify_one();
    });
  }
  for (auto seen = done.load(); seen < s.entries; seen = done.load()) done.wait(seen);
  const auto seconds = microseconds_since(start) / 1e6;
  fmt::print("engine, {:>5} outstanding {:>25.0f} appends/s\n", outstanding,
             static_cast<double>(s.entries) / seconds);
}

void measure_recovery(const settings& s) {
  const auto start = clock_type::now();
  auto engine = open_engine(s);
  const auto opened = microseconds_since(start);
  const auto state = engine->recover(group_id(1), 16 << 20);
  fmt::print("recovery of {} entries: {:.0f} ms, and {:.0f} ms for a tail of {} entries\n",
             state->last_index.value(), opened / 1000, (microseconds_since(start) - opened) / 1000,
             state->tail.size());
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app("Measures the write-ahead log on this machine.");
  app.add_option("--directory", s.directory, "where to write; removed at the end");
  app.add_option("--appends", s.appends, "how many for latencies");
  app.add_option("--entries", s.entries, "how many for throughput");
  app.add_option("--payload", s.payload, "bytes of an entry");
  CLI11_PARSE(app, argc, argv);

  std::filesystem::create_directories(s.directory);
  measure_plain(s);
  {
    auto engine = open_engine(s);
    std::uint64_t next = 1;
    measure_one_outstanding(*engine, s, next);
    measure_many(*engine, s, 1000, next);
  }
  measure_plain(s);
  measure_recovery(s);
  std::filesystem::remove_all(s.directory);
}
