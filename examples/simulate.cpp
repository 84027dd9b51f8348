/// A state machine of your own in a simulated cluster: three nodes, a crash of the leader, a minute
/// of virtual time in a blink. Give a seed for another run; the same seed gives the same run.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "mainstay/simulation/simulated_cluster.hpp"

using namespace std::chrono_literals;
using mainstay::command_outcome;
using mainstay::result;
using mainstay::shared_bytes;

struct counter {
  long total = 0;

  result<shared_bytes> apply(const mainstay::applied_command& command) {
    total += std::atol(std::string(command.payload.text()).c_str());
    return shared_bytes::copy_of(std::to_string(total));
  }
  result<shared_bytes> query(const shared_bytes&) {
    return shared_bytes::copy_of(std::to_string(total));
  }
  result<void> save(const mainstay::snapshot_writer& write) {
    return write(std::as_bytes(std::span(&total, 1)));
  }
  result<void> restore(const mainstay::snapshot_reader& read) {
    const auto length = read(std::as_writable_bytes(std::span(&total, 1)));
    return length ? result<void>{} : std::unexpected(length.error());
  }
};

int main(int count, char** arguments) {
  const std::uint64_t seed = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 1;
  mainstay::simulation::simulated_cluster<counter> cluster({.seed = seed, .nodes = 3});
  cluster.start();
  cluster.run_until([&] { return bool(cluster.leader()); }, 60s);

  long acknowledged = 0;
  const auto count_it = [&](const command_outcome& outcome) { acknowledged += outcome ? 1 : 0; };
  for (int i = 0; i < 1000; ++i) {
    if (i == 500) cluster.crash(cluster.leader());  // the power fails, in the middle of it
    const auto through = cluster.ids()[static_cast<std::size_t>(i) % 3];
    cluster.submit(through, shared_bytes::copy_of("1"), count_it);
    cluster.run_for(1ms);
  }
  cluster.start();  // whoever is down
  if (!cluster.run_until([&] { return cluster.has_converged(); }, 60s)) return 1;

  const long total = cluster.machine(cluster.leader())->total;
  std::cout << acknowledged << " of 1000 acknowledged, " << total << " counted, after "
            << cluster.events().events() << " events\n";
  return acknowledged > 500 && total >= acknowledged ? 0 : 1;
}
