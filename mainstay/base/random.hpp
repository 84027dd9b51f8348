/// A small seeded generator (splitmix64): copyable and comparable, the same numbers everywhere.
#pragma once

#include <cstdint>

namespace mainstay {

/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
class random_generator {
 public:
  explicit random_generator(std::uint64_t seed) : state_(seed) {}

  /// The next 64 random bits.
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  /// A number in [0, bound). Precondition: `bound > 0`.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

  friend bool operator==(const random_generator&, const random_generator&) = default;

 private:
  std::uint64_t state_;
};

}  // namespace mainstay
