/// How fast an image is saved, sent from one engine to another in chunks, and read back. It writes
/// twice its size into the directory that it is given, and removes it at the end.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mainstay/base/random.hpp"
#include "mainstay/storage/wal/wal_engine.hpp"

namespace {

using namespace mainstay;
using steady = std::chrono::steady_clock;

constexpr group_id group(1);
constexpr std::uint64_t mib = 1024 * 1024;

template <class T>
T value_of(result<T> outcome) {
  if (outcome) return *std::move(outcome);
  std::cerr << outcome.error().message << '\n';
  std::exit(1);
}

void check(const result<void>& outcome) {
  if (outcome) return;
  std::cerr << outcome.error().message << '\n';
  std::exit(1);
}

std::unique_ptr<wal_engine> open_engine(const std::string& directory, node_id node) {
  wal_options options;
  options.directory = directory;
  options.cluster = cluster_id(1);
  options.node = node;
  options.bootstrap.voters = {{node_id(1), "a:1"}, {node_id(2), "b:1"}};
  options.seed = node.value();
  return value_of(wal_engine::open(options));
}

void report(const char* what, std::uint64_t bytes, steady::time_point since) {
  const auto seconds = std::chrono::duration<double>(steady::now() - since).count();
  std::cout << fmt::format("{:<28} {:>8.0f} MB/s  ({:.2f} s)\n", what,
                           static_cast<double>(bytes) / 1e6 / seconds, seconds);
}

core::snapshot save(wal_engine& engine, std::uint64_t size) {
  std::vector<std::byte> piece(mib);
  random_generator random(1);
  for (auto& one : piece) one = static_cast<std::byte>(random.next());
  core::snapshot_contents contents{log_index(7), term(1), {}, {}};
  contents.configuration.voters = {{node_id(1), "a:1"}, {node_id(2), "b:1"}};
  const auto start = steady::now();
  auto sink = value_of(engine.begin_snapshot(group, contents));
  for (std::uint64_t at = 0; at < size; at += piece.size()) check(sink->write(piece));
  auto made = value_of(sink->commit());
  report("save", size, start);
  return made;
}

/// One chunk at a time, as the protocol does.
void transfer(wal_engine& from, wal_engine& to, const core::snapshot& image) {
  const auto start = steady::now();
  received_snapshot got;
  while (!got.complete) {
    std::promise<result<shared_bytes>> read;
    from.read_snapshot(group, image.id, got.next_offset, mib,
                       [&](result<shared_bytes> bytes) { read.set_value(std::move(bytes)); });
    auto bytes = value_of(read.get_future().get());
    std::promise<result<received_snapshot>> received;
    to.receive_snapshot(group, image.id, got.next_offset, std::move(bytes),
                        [&](result<received_snapshot> r) { received.set_value(std::move(r)); });
    got = value_of(received.get_future().get());
  }
  std::promise<result<core::snapshot>> installed;
  to.install_snapshot(group, image.id,
                      [&](result<core::snapshot> r) { installed.set_value(std::move(r)); });
  (void)value_of(installed.get_future().get());
  report("read, receive and install", image.id.size, start);
}

void load(wal_engine& engine, const core::snapshot& image) {
  std::vector<std::byte> room(mib);
  const auto start = steady::now();
  auto source = value_of(engine.open_snapshot(group, image.id));
  while (value_of(source->read(room)) != 0) continue;
  report("read back", image.id.size, start);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 2) {
    std::cerr << "usage: snapshot_bench DIR [MIB]\n";
    return 2;
  }
  const std::filesystem::path base = std::string(arguments[1]) + "/snapshot_bench";
  const std::uint64_t size = argument_count > 2 ? std::stoull(arguments[2]) * mib : 1024 * mib;
  std::filesystem::create_directories(base);
  {
    auto from = open_engine(base / "from", node_id(1));
    auto to = open_engine(base / "to", node_id(2));
    const auto image = save(*from, size);
    transfer(*from, *to, image);
    load(*to, image);
    to.reset();
    const auto start = steady::now();
    to = open_engine(base / "to", node_id(2));
    report("open, with the image checked", size, start);
  }
  std::filesystem::remove_all(base);
  return 0;
}
