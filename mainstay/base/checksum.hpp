/// The checksum of everything that leaves memory: XXH3-64, seeded so that checksums can be chained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mainstay {

/// XXH3-64 of `bytes`; `seed` chains it to what came before.
std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed = 0);

}  // namespace mainstay
