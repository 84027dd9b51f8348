/// A project of its own that lets the power fail on an installed simulated disk: what was flushed
/// has to be there afterwards. Its exit status says whether it was.
#include <array>
#include <cstddef>
#include <span>

#include "mainstay/simulation/simulated_disk.hpp"

using mainstay::simulation::crash_kind;
using mainstay::simulation::simulated_disk;

int main() {
  simulated_disk disk(1);
  const std::array<std::byte, 4> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  const std::array<std::span<const std::byte>, 1> pieces{bytes};
  auto file = disk.create("log/file");
  if (!file || !(*file)->write(pieces, 0) || !(*file)->datasync()) return 1;
  if (!disk.sync_directory("log")) return 2;
  if (!(*file)->write(pieces, 4)) return 3;  // and never flushed

  mainstay::random_generator random(1);
  const auto after = disk.crash(crash_kind::lost, random);
  return after->contents("log/file").size() == bytes.size() ? 0 : 4;
}
